package provider

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/gateway/egress"
)

func noEnv(string) string { return "" }

func TestResolve(t *testing.T) {
	configs := []Config{{Name: "openai", BaseURL: "https://api.openai.com/v1"}, {Name: "cf", BaseURL: "https://cf.example/v1/"}}
	s, err := NewSet(configs, "openai", noEnv)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][3]string{
		"openai/gpt-5":                    {"openai", "gpt-5", ""},
		"openai/gpt-5@eu-west-1":          {"openai", "gpt-5", "eu-west-1"},
		"openai/meta/llama":               {"openai", "meta/llama", ""},
		"cf/@cf/meta/llama":               {"cf", "@cf/meta/llama", ""},
		"cf/claude@20240620":              {"cf", "claude@20240620", ""},
		"cf/x@":                           {"cf", "x@", ""},
		"gpt-5":                           {"openai", "gpt-5", ""},
		"openai/small:chunks=2,fault=cut": {"openai", "small:chunks=2,fault=cut", ""},
	} {
		got, e := s.Resolve(name)
		if e != nil || got.Provider.Name != want[0] || got.Model != want[1] || got.Region != want[2] {
			t.Errorf("%s: got %+v, %v", name, got, e)
		}
	}
	for name, kind := range map[string]string{"nobody/x": "unknown_provider", "/x": "unknown_provider", "policy/p": "unknown_policy", "openai/": "unknown_model"} {
		if _, e := s.Resolve(name); e == nil || string(e.Kind) != kind || e.Status != 404 {
			t.Errorf("%s: got %v, want %s", name, e, kind)
		}
	}
	if got := s.Get("cf").Gateway().url("chat/completions", "").String(); got != "https://cf.example/v1/chat/completions" {
		t.Errorf("url %s", got)
	}
}

func TestConfigErrorsNameTheField(t *testing.T) {
	good := Config{Name: "p", BaseURL: "http://x/v1"}
	for want, change := range map[string]func(*Config){
		"name":            func(c *Config) { c.Name = "" },
		`name "P/x"`:      func(c *Config) { c.Name = "P/x" },
		"reserved":        func(c *Config) { c.Name = "policy" },
		"base_url":        func(c *Config) { c.BaseURL = "x" },
		"credentials":     func(c *Config) { c.BaseURL = "http://u:p@x/v1" },
		"timeout":         func(c *Config) { c.Timeout = -1 },
		`"authorization"`: func(c *Config) { c.ForwardHeaders = []string{"authorization"} },
		`"x-*"`:           func(c *Config) { c.ForwardHeaders = []string{"x-*"} },
		`"*"`:             func(c *Config) { c.ForwardHeaders = []string{"*"} },
		`"x-requesty-a"`:  func(c *Config) { c.ForwardHeaders = []string{"x-requesty-a"} },
		`"cook*"`:         func(c *Config) { c.ForwardHeaders = []string{"cook*"} },
	} {
		c := good
		change(&c)
		if _, err := NewSet([]Config{c}, "", noEnv); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "gateway.providers[0]") {
			t.Errorf("got %v, want an error about %s", err, want)
		}
	}
	if _, err := NewSet([]Config{good, good}, "", noEnv); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("got %v", err)
	}
	if _, err := NewSet([]Config{good}, "q", noEnv); err == nil || !strings.Contains(err.Error(), "default_provider") {
		t.Errorf("got %v", err)
	}
}

func TestOnlyNamedHeadersGoUpstream(t *testing.T) {
	p, err := New(Config{Name: "p", BaseURL: "http://x/v1", APIKeyEnv: "K", ForwardHeaders: []string{"x-mock-*", "x-one"}}, func(string) string { return " sk \n" })
	if err != nil {
		t.Fatal(err)
	}
	client := http.Header{}
	for _, name := range []string{"Authorization", "X-Api-Key", "Cookie", "X-Requesty-A", "Http-Referer", "X-Request-Id", "Accept-Encoding", "User-Agent", "X-Mock-A", "X-One", "X-One-More", "Openai-Beta"} {
		client.Set(name, "client")
	}
	want := http.Header{"Content-Type": {"application/json"}, "Accept": {"text/event-stream"}, "Accept-Encoding": {"identity"}, "X-Request-Id": {"req_1"}, "User-Agent": {"weir/v"},
		"Authorization": {"Bearer sk"}, "X-Mock-A": {"client"}, "X-One": {"client"}, "Openai-Beta": {"client"}}
	if diff := cmp.Diff(want, NewClient("v", egress.Rule{}).headers(p, p.Gateway(), &Call{RequestID: "req_1", Stream: true, Client: client, Same: true})); diff != "" {
		t.Error(diff)
	}
}
