package provider

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"weir/gateway/apierror"
	"weir/gateway/egress"
)

// A name may have been innocent when it was checked: what counts is the address
// that is dialled, and a redirect leads nowhere.
func TestBaseURLsOfClientsAreGuarded(t *testing.T) {
	reached := 0
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if reached++; r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer sk-own" {
			t.Errorf("got %s with %v", r.URL, r.Header)
		}
		http.Redirect(w, r, server.URL+"/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	p, err := New(Config{Name: "p", BaseURL: server.URL + "/v1", APIKeyEnv: "K"}, func(string) string { return "sk-gateway" })
	if err != nil {
		t.Fatal(err)
	}
	named := func(host string) *url.URL {
		u, err := url.Parse(strings.Replace(server.URL, "127.0.0.1", host, 1) + "/v1")
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	own := func(base *url.URL) *Account {
		a, err := p.Own("crd", "sk-own", base)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	chat := func(rule egress.Rule, a *Account) (int, *apierror.Error) {
		t.Helper()
		c := NewClient("v", rule)
		defer c.Close()
		resp, err := c.Send(t.Context(), p, a, Call{RequestID: "req_1", Path: "chat/completions", Body: []byte("{}")})
		if err != nil {
			return 0, Explain(context.Background(), err, false)
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode, nil
	}
	for _, host := range []string{"localhost", "127.0.0.1", "[::ffff:127.0.0.1]"} {
		if status, e := chat(egress.Rule{HTTP: true}, own(named(host))); e == nil || e.Kind != apierror.BaseURLRefused {
			t.Errorf("%s: got %d, %v", host, status, e)
		}
	}
	if reached != 0 {
		t.Errorf("the server was reached %d times", reached)
	}
	// Allowed by the operator; and the configuration's own URL needs no leave.
	for _, base := range []*url.URL{named("localhost"), nil} {
		if status, e := chat(egress.Rule{Private: base != nil}, own(base)); e != nil || status != http.StatusTemporaryRedirect {
			t.Errorf("%v: got %d, %v", base, status, e)
		}
	}
	if reached != 2 {
		t.Errorf("the server was reached %d times", reached)
	}
	if NewClient("v", egress.Rule{}).guarded.Proxy != nil {
		t.Error("a proxy would resolve the name, and nobody judge the address")
	}
}
