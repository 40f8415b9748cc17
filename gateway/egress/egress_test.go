package egress

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for _, text := range []string{
		"https://api.openai.com/v1", "https://api.openai.com", "https://API.example.:8443/v1?api-version=1", "https://xn--mller-kva.example/v1",
		"https://8.8.8.8/v1", "https://[2606:4700::1111]/v1", "https://[::ffff:8.8.8.8]/v1", "https://my_host.example/v1", "https://10.example/v1",
	} {
		if u, err := (Rule{}).Check(text); err != nil || u.String() != text {
			t.Errorf("%s: got %v, %v", text, u, err)
		}
	}
	for text, want := range map[string]string{
		"":                                     "is not a URL",
		"api.openai.com/v1":                    "is not a URL",
		"https:api.openai.com":                 "is not a URL",
		"https:///v1":                          "is not a URL",
		"https://%31%32%37.0.0.1/":             "is not a URL",
		"https://a b/":                         "is not a URL",
		"https://a\n.example":                  "is not a URL",
		"http://api.openai.com/v1":             "https://",
		"ftp://api.openai.com":                 "https://",
		"file:///etc/passwd":                   "is not a URL",
		"https://u:secret@api.example/":        "user name",
		"https://api.example/#x":               "fragment",
		"https://api.example/#":                "fragment",
		"https://api.example:/":                "port",
		"https://api.example:0/":               "port",
		"https://api.example:65536/":           "port",
		"https://" + strings.Repeat("a", 3000): "bytes",
		"https://a..example/":                  "full stops",
		"https://.example/":                    "full stops",
		"https://１２７.0.0.1/":                   "xn--",
		"https://127。0。0。1/":                   "xn--",
		"https://localhost/":                   "not public",
		"https://LOCALHOST./":                  "not public",
		"https://a.localhost/":                 "not public",
		"https://kafka/":                       "not public",
		"https://127.0.0.1/":                   "not public",
		"https://127.0.0.1./":                  "unusual notation",
		"https://2130706433/":                  "unusual notation",
		"https://0x7f000001/":                  "unusual notation",
		"https://0x7f.1/":                      "unusual notation",
		"https://0177.0.0.1/":                  "unusual notation",
		"https://127.1/":                       "unusual notation",
		"https://127.0.0.0x1/":                 "unusual notation",
		"https://0.0.0.0/":                     "not public",
		"https://10.1.2.3/":                    "not public",
		"https://172.31.255.255/":              "not public",
		"https://192.168.0.1/":                 "not public",
		"https://169.254.169.254/latest/":      "not public",
		"https://100.64.0.1/":                  "not public",
		"https://100.100.100.200/":             "not public",
		"https://168.63.129.16/":               "not public",
		"https://192.0.0.192/":                 "not public",
		"https://224.0.0.1/":                   "not public",
		"https://255.255.255.255/":             "not public",
		"https://[::]/":                        "not public",
		"https://[::1]/":                       "not public",
		"https://[::ffff:127.0.0.1]/":          "not public",
		"https://[::ffff:a9fe:a9fe]/":          "not public",
		"https://[::127.0.0.1]/":               "not public",
		"https://[64:ff9b::169.254.169.254]":   "not public",
		"https://[64:ff9b:1::1]/":              "not public",
		"https://[2002:7f00:1::]/":             "not public",
		"https://[2001:0:7f00:1::]/":           "not public",
		"https://[fe80::1]/":                   "not public",
		"https://[fe80::1%25eth0]/":            "not public",
		"https://[2606:4700::1111%25eth0]/":    "not public",
		"https://[fc00::1]/":                   "not public",
		"https://[fd00:ec2::254]/":             "not public",
		"https://[ff02::1]/":                   "not public",
		"https://[4000::1]/":                   "not public",
	} {
		u, err := (Rule{}).Check(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v, %v, want %q", text, u, err, want)
		}
	}
}

func TestWhatTheOperatorAllows(t *testing.T) {
	for _, text := range []string{"https://localhost/v1", "https://127.0.0.1:1/v1", "https://[::1]/v1", "https://kafka"} {
		if _, err := (Rule{Private: true}).Check(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := (Rule{HTTP: true}).Check("http://api.example/v1"); err != nil {
		t.Error(err)
	}
	if _, err := (Rule{HTTP: true}).Check("http://127.0.0.1/v1"); !errors.Is(err, ErrRefused) {
		t.Errorf("got %v", err)
	}
	if _, err := (Rule{Private: true}).Check("http://127.0.0.1/v1"); err == nil {
		t.Error("http was not refused")
	}
}

// A name that resolves to a private address is refused when it is dialled, however
// innocent it was when it was checked.
func TestADialIsJudgedByItsAddress(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was reached") }))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dialer := net.Dialer{ControlContext: Rule{}.Control}
	for _, host := range []string{"localhost", "127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1"} {
		conn, err := dialer.DialContext(t.Context(), "tcp", net.JoinHostPort(host, port))
		if !errors.Is(err, ErrRefused) {
			t.Errorf("%s: got %v, %v", host, conn, err)
		}
	}
	allowed := net.Dialer{ControlContext: Rule{Private: true}.Control}
	conn, err := allowed.DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if err := (Rule{}).Control(context.Background(), "unix", "/run/docker.sock", nil); !errors.Is(err, ErrRefused) {
		t.Errorf("a socket that is a file: %v", err)
	}
}

// What is allowed never names an address that is not public, by the judgement of
// the standard library.
func FuzzCheck(f *testing.F) {
	for _, text := range []string{"https://api.openai.com/v1", "https://[::ffff:127.0.0.1]:1/", "https://0x7f.1/", "https://u@h/", "https://[fe80::1%25a]/"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := (Rule{}).Check(text)
		if err != nil {
			return
		}
		if u.Scheme != "https" || u.User != nil || u.Fragment != "" || u.Host == "" {
			t.Errorf("%q is allowed", text)
		}
		a, err := netip.ParseAddr(u.Hostname())
		if err != nil {
			if strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) == "localhost" || !strings.Contains(u.Hostname(), ".") || net.ParseIP(u.Hostname()) != nil {
				t.Errorf("%q is allowed", text)
			}
			return
		}
		if a = a.Unmap(); a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || !a.IsGlobalUnicast() {
			t.Errorf("%q is allowed", text)
		}
	})
}
