package provider

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/gateway/egress"
)

func noEnv(string) string { return "" }

func TestResolve(t *testing.T) {
	configs := []Config{{Name: "openai"}, {Name: "cf", BaseURL: "https://cf.example/v1/"}}
	s, err := NewSet(configs, "openai", noEnv)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][3]string{
		"openai/gpt-5":                    {"openai", "gpt-5", ""},
		"openai/gpt-5@eu":                 {"openai", "gpt-5", "eu"},
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
	for name, kind := range map[string]string{"nobody/x": "unknown_provider", "/x": "unknown_provider", "policy/p": "unknown_policy", "openai/": "unknown_model", "openai/..": "unknown_model", "openai/.@eu": "unknown_model", "cf/x@eu": "unknown_model", "openai/gpt-5@eu-west-1": "unknown_model"} {
		if _, e := s.Resolve(name); e == nil || string(e.Kind) != kind || e.Status != 404 {
			t.Errorf("%s: got %v, want %s", name, e, kind)
		}
	}
}

func TestWhereCallsGo(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		call   Call
		want   string
	}{
		"base URL":      {Config{Name: "cf", BaseURL: "https://cf.example/v1/"}, Call{Path: "a/b"}, "https://cf.example/v1/a/b"},
		"with a query":  {Config{Name: "cf", BaseURL: "https://cf.example/v1?k=v"}, Call{Path: "a", Query: "alt=sse"}, "https://cf.example/v1/a?k=v&alt=sse"},
		"vendor":        {Config{Name: "groq"}, Call{Path: "a"}, "https://api.groq.com/openai/v1/a"},
		"named vendor":  {Config{Name: "mine", Vendor: "groq"}, Call{Path: "a"}, "https://api.groq.com/openai/v1/a"},
		"region URL":    {Config{Name: "openai"}, Call{Path: "a", Region: "eu"}, "https://eu.api.openai.com/v1/a"},
		"no region":     {Config{Name: "openai"}, Call{Path: "a"}, "https://api.openai.com/v1/a"},
		"own region":    {Config{Name: "x", BaseURL: "https://{region}.x.example", Region: "eu"}, Call{Path: "a", Region: "eu"}, "https://eu.x.example/a"},
		"other region":  {Config{Name: "x", BaseURL: "https://{region}.x.example", Region: "eu"}, Call{Path: "a", Region: "us"}, "https://us.x.example/a"},
		"escaped":       {Config{Name: "bedrock", Protocol: "openai-chat"}, Call{Path: "model/arn%3Aaws%2Fx/converse", Region: "us-east-1"}, "https://bedrock-runtime.us-east-1.amazonaws.com/model/arn%3Aaws%2Fx/converse"},
		"vertex global": {Config{Name: "vertex", Protocol: "openai-chat", Auth: "bearer", Project: "p"}, Call{Path: "a", Region: "global"}, "https://aiplatform.googleapis.com/v1/projects/p/locations/global/a"},
		"vertex":        {Config{Name: "vertex", Protocol: "openai-chat", Auth: "bearer", Project: "p"}, Call{Path: "a", Region: "europe-west4"}, "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/a"},
		"deployment": {Config{Name: "azure", BaseURL: "https://r.openai.azure.com", APIVersion: "2024-10-21"}, Call{Path: "chat/completions", Model: "my gpt"},
			"https://r.openai.azure.com/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21"},
		"azure v1": {Config{Name: "azure", BaseURL: "https://r.openai.azure.com/openai/v1"}, Call{Path: "chat/completions", Model: "g"}, "https://r.openai.azure.com/openai/v1/chat/completions"},
	} {
		p, err := New(c.config, noEnv)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := p.url(p.Gateway(), &c.call); err != nil || got.String() != c.want {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, c.want)
		}
	}
}

// A vendor is a line of the table: each needs no more than what its address has a
// mark for, and speaks a protocol that there is.
func TestEveryVendorIsConfiguredByItsName(t *testing.T) {
	for name, v := range vendors() {
		c := Config{Name: name, Project: "p"}
		if v.baseURL == "" {
			c.BaseURL = "https://r.example"
		}
		p, err := New(c, noEnv)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if p.LimitField == "" || p.Protocol == nil || p.endpoint.base == "" {
			t.Errorf("%s: got %+v", name, p)
		}
	}
}

// docs/providers.md names every vendor that there is.
func TestEveryVendorIsInTheTable(t *testing.T) {
	text, err := os.ReadFile("../../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "## The known vendors")
	table, _, _ = strings.Cut(table, "\n## ")
	for name := range vendors() {
		if !strings.Contains(table, "`"+name+"`") {
			t.Errorf("%s is not in the table of docs/providers.md", name)
		}
	}
}

func TestConfigErrorsNameTheField(t *testing.T) {
	good := Config{Name: "p", BaseURL: "http://x/v1"}
	for want, change := range map[string]func(*Config){
		"name":            func(c *Config) { c.Name = "" },
		`name "P/x"`:      func(c *Config) { c.Name = "P/x" },
		"reserved":        func(c *Config) { c.Name = "policy" },
		"base_url":        func(c *Config) { c.BaseURL = "x" },
		"base_url must":   func(c *Config) { c.BaseURL = "" },
		"vendor":          func(c *Config) { c.Vendor = "nobody" },
		"protocol":        func(c *Config) { c.Protocol = "soap" },
		`auth "basic"`:    func(c *Config) { c.Auth = "basic" },
		"region must":     func(c *Config) { c.BaseURL = "http://{region}/v1" },
		`region "E"`:      func(c *Config) { c.Region = "E" },
		`regions: "E"`:    func(c *Config) { c.Regions = []string{"E"} },
		"region_url has":  func(c *Config) { c.RegionURL = "http://x" },
		`region_url "`:    func(c *Config) { c.RegionURL = "{region}" },
		"project":         func(c *Config) { c.BaseURL = "http://x/{project}" },
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
