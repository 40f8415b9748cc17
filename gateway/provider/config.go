package provider

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

// Config is one provider of weir.yaml.
type Config struct {
	// Name is the prefix of its models: name/model. Lower case letters, digits,
	// "-", "_" and ".".
	Name string `koanf:"name"`
	// Vendor is the known vendor that it is, see docs/providers.md: it gives the
	// defaults of what follows. Default: Name, where that is one.
	Vendor string `koanf:"vendor"`
	// BaseURL is what the vendor's own clients call the base URL, "/v1" included. It
	// may hold {region} and {project}. Default: the vendor's.
	BaseURL string `koanf:"base_url"`
	// Region is the one that is called when a model names none (provider/model@region).
	// Default: the vendor's.
	Region string `koanf:"region"`
	// RegionURL is the base URL of a region, with {region} in it. Default: BaseURL where
	// that has {region}, or the vendor's.
	RegionURL string `koanf:"region_url"`
	// Regions are those that there are. Default: any.
	Regions []string `koanf:"regions"`
	// Project is the cloud project for {project}. Default: the one that the credential
	// names, which an organisation's own goes by in any case.
	Project string `koanf:"project"`
	// APIVersion makes calls those of Azure's deployments, whose names are the models':
	// openai/deployments/MODEL/… under BaseURL, with this api-version. Default none.
	APIVersion string `koanf:"api_version"`
	// Protocol is what the provider speaks: openai-chat, openai-responses, anthropic,
	// gemini or bedrock-converse. Default: the vendor's, or openai-chat.
	Protocol string `koanf:"protocol"`
	// LimitField is the field that limits the output of a chat completion where the
	// client set none. Default: the vendor's, or max_tokens.
	LimitField string `koanf:"limit_field"`
	// Auth is how the key is presented: bearer, x-api-key, api-key or x-goog-api-key; or
	// whose cloud's credential it is: aws, google or azure, see docs/credentials.md.
	// Default: as the vendor, or the protocol's own one, has it.
	Auth string `koanf:"auth"`
	// LoginURL is where tokens of Entra come from. Default:
	// https://login.microsoftonline.com.
	LoginURL string `koanf:"login_url"`
	// APIKeyEnv names the environment variable with the provider's key, or a cloud's
	// credential in JSON. Empty: none is sent; aws and google look where their own tools
	// do.
	APIKeyEnv string `koanf:"api_key_env"`
	// CatalogProvider is the catalog's name of the vendor whose models and prices
	// these are. Default: the vendor's, or Name.
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
	Name     string
	Vendor   string // in the catalog
	Protocol wire.Protocol
	// LimitField is the field of a request that limits its output.
	LimitField string
	Timeout    time.Duration
	Idle       time.Duration

	gateway  *Account
	endpoint *endpoint
	version  string // of Azure's API, "" for none
	auth     string
	login    string // Entra's, "" for the usual one
	project  string // "" for the credential's
	manners  manners
	exact    []string // canonical header names
	prefixes []string
}

// New checks a provider's configuration and takes its key from the environment
// by getenv. An error names the field.
func New(c Config, getenv func(string) string) (*Provider, error) {
	p := &Provider{Name: c.Name, Timeout: c.Timeout, Idle: c.IdleTimeout}
	if p.Name == "" || strings.Trim(p.Name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return nil, fmt.Errorf("name %q has a character beyond a-z, 0-9, -, _ and the full stop", c.Name)
	}
	if p.Name == Policy {
		return nil, fmt.Errorf("name %q is reserved for policies", c.Name)
	}
	known, err := vendorOf(&c)
	if err != nil {
		return nil, err
	}
	p.Vendor = c.CatalogProvider
	if p.Timeout == 0 {
		p.Timeout = DefaultTimeout
	}
	if p.Idle == 0 {
		p.Idle = DefaultIdleTimeout
	}
	if p.Timeout < 0 || p.Idle < 0 {
		return nil, fmt.Errorf("timeout and idle_timeout must not be negative")
	}
	p.LimitField, p.version = c.LimitField, c.APIVersion
	if p.endpoint, err = endpointOf(c, known); err != nil {
		return nil, err
	}
	hasProject := strings.Contains(cmp.Or(c.BaseURL, known.baseURL), projectMark)
	if p.Protocol, p.manners, err = protocolOf(c.Protocol, hasProject || c.Project != ""); err != nil {
		return nil, err
	}
	if p.auth = cmp.Or(c.Auth, known.auth, p.manners.auth); p.auth == "" {
		p.auth = authBearer
	}
	if err := checkScheme(p.auth); err != nil {
		return nil, err
	}
	if hasProject && c.Project == "" && p.auth != authOAuth {
		return nil, errors.New("project must name the cloud project that the base URL has " + projectMark + " for")
	}
	p.login, p.project = c.LoginURL, c.Project
	if p.login != "" {
		if _, err := parseBase("login_url", p.login); err != nil {
			return nil, err
		}
	}
	if err := p.own(c, getenv); err != nil {
		return nil, err
	}
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

// own makes the account that the configuration gives. An error names the field.
func (p *Provider) own(c Config, getenv func(string) string) error {
	p.gateway = &Account{}
	if c.APIKeyEnv == "" {
		if err := p.fromEnvironment(p.gateway, getenv); err != nil {
			return fmt.Errorf("auth %q: %w", p.auth, err)
		}
	} else if credential := strings.TrimSpace(getenv(c.APIKeyEnv)); credential != "" {
		if err := p.take(p.gateway, credential, true); err != nil {
			return fmt.Errorf("api_key_env %s: %w", c.APIKeyEnv, err)
		}
	} else if isCloud(p.auth) {
		p.gateway.lacks = fmt.Errorf("the environment has no %s", c.APIKeyEnv)
	}
	if c.Project != "" {
		p.gateway.project = ""
	}
	return nil
}

// vendorOf finds the vendor of a provider, and fills in what it gives by default.
func vendorOf(c *Config) (vendor, error) {
	name := cmp.Or(c.Vendor, c.Name)
	v, known := vendors()[name]
	if c.Vendor != "" && !known {
		return v, fmt.Errorf("vendor %q is none of %s", c.Vendor, strings.Join(slices.Sorted(maps.Keys(vendors())), ", "))
	}
	if c.BaseURL == "" && v.baseURL == "" {
		return v, fmt.Errorf("base_url must be given, since the vendor %q has no one address", name)
	}
	c.Protocol = cmp.Or(c.Protocol, v.protocol, genai.Chat)
	c.LimitField = cmp.Or(c.LimitField, v.limit, "max_tokens")
	c.CatalogProvider = cmp.Or(c.CatalogProvider, v.catalog, name)
	return v, nil
}

// Policy is the prefix of policies, which no provider may have.
const Policy = "policy"

// MissingKey tells that the configuration names a key that the environment does
// not hold.
func (p *Provider) MissingKey(c Config) bool {
	return c.APIKeyEnv != "" && p.gateway.key == "" && p.gateway.signer == nil
}

// ownedBy returns the header that a forward pattern must not reach, "" for none.
func ownedBy(name string, prefix bool) string {
	for _, owned := range []string{"Authorization", "X-Api-Key", "Api-Key", "Cookie", "Set-Cookie", "Proxy-Authorization", "Host", "Connection", "Content-Type",
		"X-Goog-Api-Key", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Accept-Encoding", "X-Amz-", "Upgrade", "Te", "Trailer", "Expect", "X-Request-Id", "X-Requesty-"} {
		if name == owned || prefix && strings.HasPrefix(owned, name) || strings.HasSuffix(owned, "-") && strings.HasPrefix(name, owned) {
			return strings.TrimSuffix(owned, "-")
		}
	}
	return ""
}
