package provider

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Config is one provider of weir.yaml.
type Config struct {
	// Name is the prefix of its models: name/model. Lower case letters, digits,
	// "-", "_" and ".".
	Name string `koanf:"name"`
	// BaseURL is what OpenAI's clients call the base URL, "/v1" included.
	BaseURL string `koanf:"base_url"`
	// APIKeyEnv names the environment variable with the provider's key. Empty:
	// no Authorization header is sent.
	APIKeyEnv string `koanf:"api_key_env"`
	// CatalogProvider is the catalog's name of the vendor whose models and prices
	// these are. Default: Name.
	CatalogProvider string `koanf:"catalog_provider"`
	// ForwardHeaders are names of client headers that the provider gets too;
	// a name may end in "*". Default none.
	ForwardHeaders []string `koanf:"forward_headers"`
	// Timeout to the first byte of the answer's body. Default 120s.
	Timeout time.Duration `koanf:"timeout"`
	// IdleTimeout between two reads of an answer. Default 60s.
	IdleTimeout time.Duration `koanf:"idle_timeout"`
}

// Defaults of Config.
const (
	DefaultTimeout     = 120 * time.Second
	DefaultIdleTimeout = 60 * time.Second
)

// Provider is one upstream as the gateway calls it.
type Provider struct {
	Name   string
	Vendor string // in the catalog
	// LimitField is the field of a request that limits its output.
	LimitField string
	Timeout    time.Duration
	Idle       time.Duration

	gateway  *Account
	exact    []string // canonical header names
	prefixes []string
}

// New checks a provider's configuration and takes its key from the environment
// by getenv. An error names the field.
func New(c Config, getenv func(string) string) (*Provider, error) {
	p := &Provider{Name: c.Name, Vendor: c.CatalogProvider, Timeout: c.Timeout, Idle: c.IdleTimeout}
	if p.Name == "" || strings.Trim(p.Name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return nil, fmt.Errorf("name %q has a character beyond a-z, 0-9, -, _ and the full stop", c.Name)
	}
	if p.Name == Policy {
		return nil, fmt.Errorf("name %q is reserved for policies", c.Name)
	}
	if p.Vendor == "" {
		p.Vendor = p.Name
	}
	if p.Timeout == 0 {
		p.Timeout = DefaultTimeout
	}
	if p.Idle == 0 {
		p.Idle = DefaultIdleTimeout
	}
	if p.Timeout < 0 || p.Idle < 0 {
		return nil, fmt.Errorf("timeout and idle_timeout must not be negative")
	}
	// OpenAI's newer models refuse max_tokens, and at some vendors it does not bound
	// the reasoning; others know nothing else.
	p.LimitField = "max_tokens"
	switch p.Vendor {
	case "openai", "azure", "xai", "x-ai", "alibaba", "dashscope", "qwen":
		p.LimitField = "max_completion_tokens"
	}
	base, err := url.Parse(strings.TrimRight(c.BaseURL, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("base_url %q is not a URL such as https://api.openai.com/v1", c.BaseURL)
	}
	if base.User != nil || base.Fragment != "" {
		return nil, fmt.Errorf("base_url must not hold credentials or a fragment")
	}
	key := ""
	if c.APIKeyEnv != "" {
		key = strings.TrimSpace(getenv(c.APIKeyEnv))
	}
	p.gateway = account("", key, chatOf(base))
	for _, pattern := range c.ForwardHeaders {
		name, prefix := strings.CutSuffix(pattern, "*")
		name = http.CanonicalHeaderKey(name)
		if owned := ownedBy(name, prefix); owned != "" {
			return nil, fmt.Errorf("forward_headers: %q would pass on %s, which never leaves the gateway", pattern, owned)
		}
		if prefix {
			p.prefixes = append(p.prefixes, name)
		} else {
			p.exact = append(p.exact, name)
		}
	}
	return p, nil
}

// Policy is the prefix of policies, which no provider may have.
const Policy = "policy"

// MissingKey tells that the configuration names a key that the environment does
// not hold.
func (p *Provider) MissingKey(c Config) bool { return c.APIKeyEnv != "" && p.gateway.key == "" }

// ownedBy returns the header that a forward pattern must not reach, "" for none.
func ownedBy(name string, prefix bool) string {
	for _, owned := range []string{"Authorization", "X-Api-Key", "Api-Key", "Cookie", "Set-Cookie", "Proxy-Authorization", "Host", "Connection", "Content-Type",
		"Content-Length", "Content-Encoding", "Transfer-Encoding", "Accept-Encoding", "Upgrade", "Te", "Trailer", "Expect", "X-Request-Id", "X-Requesty-"} {
		if name == owned || prefix && strings.HasPrefix(owned, name) || strings.HasSuffix(owned, "-") && strings.HasPrefix(name, owned) {
			return strings.TrimSuffix(owned, "-")
		}
	}
	return ""
}
