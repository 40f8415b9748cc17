package machine

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"weir/internal/control"
)

const configHead = `# Written by bin/stack at every start: changes here are lost. To set something for a while, use the
# environment (WEIR_<SECTION>__<FIELD>); to keep it, copy this file and start the binaries with --config.
`

// config is weir.yaml as far as a stack sets it; everything else keeps its default. The shape is the
// binaries' own, spelled out here because the stack imports none of them.
type config struct {
	Kafka struct {
		Brokers           []string `yaml:"brokers"`
		ReplicationFactor int      `yaml:"replication_factor"`
	} `yaml:"kafka"`
	ClickHouse struct {
		Addr     string `yaml:"addr"`
		Database string `yaml:"database"`
	} `yaml:"clickhouse"`
	Redis struct {
		Addr string `yaml:"addr"`
	} `yaml:"redis"`
	Catalog struct {
		Models []modelConfig `yaml:"models"`
	} `yaml:"catalog"`
	Gateway struct {
		Listen string `yaml:"listen"`
		Spool  struct {
			Dir string `yaml:"dir"`
		} `yaml:"spool"`
		Providers     []providerConfig `yaml:"providers"`
		Keys          []keyConfig      `yaml:"keys"`
		KeyHashSecret string           `yaml:"key_hash_secret"`

		CredentialKeysFile string `yaml:"credential_keys_file"`
	} `yaml:"gateway"`
	Ingest     readerConfig `yaml:"ingest"`
	Aggregator readerConfig `yaml:"aggregator"`
}

type modelConfig struct {
	ID              string `yaml:"id"`
	InputPrice      string `yaml:"input_price"`
	CachedPrice     string `yaml:"cached_price"`
	CachingPrice    string `yaml:"caching_price"`
	OutputPrice     string `yaml:"output_price"`
	ReasoningPrice  string `yaml:"reasoning_price"`
	ContextWindow   int    `yaml:"context_window"`
	MaxOutputTokens int    `yaml:"max_output_tokens"`
}

type providerConfig struct {
	Name           string   `yaml:"name"`
	BaseURL        string   `yaml:"base_url,omitempty"`
	Protocol       string   `yaml:"protocol,omitempty"`
	Catalog        string   `yaml:"catalog_provider,omitempty"`
	APIVersion     string   `yaml:"api_version,omitempty"`
	Auth           string   `yaml:"auth,omitempty"`
	APIKeyEnv      string   `yaml:"api_key_env,omitempty"`
	ForwardHeaders []string `yaml:"forward_headers,omitempty"`
}

type keyConfig struct {
	ID          string            `yaml:"id"`
	Name        string            `yaml:"name"`
	Hash        string            `yaml:"hash"`
	OrgID       string            `yaml:"org_id"`
	MemberID    string            `yaml:"member_id"`
	Permissions map[string]string `yaml:"permissions"`
	Logging     bool              `yaml:"logging"`
}

type readerConfig struct {
	FlushInterval string `yaml:"flush_interval"`
	MetricsListen string `yaml:"metrics_listen"`
}

// flushInterval is half the default: whoever tries Weir looks at the tables right
// after a call, and on one machine the batches are small.
const flushInterval = "500ms"

// mockProvider is the provider that is always there, speaking as OpenAI does. Beside it
// is one for each other protocol, with the same models.
const mockProvider = "mock"

// mockKey is the environment variable with the key that the mock providers are given:
// some protocols refuse a call without one.
const mockKey = "WEIR_MOCK_API_KEY"

// mockProviders are the mock in all its tongues.
func mockProviders(address string) []providerConfig {
	base := "http://" + address
	all := []providerConfig{
		{Name: mockProvider, BaseURL: base + "/v1"},
		{Name: "mock-responses", BaseURL: base + "/v1", Protocol: "openai-responses"},
		{Name: "mock-anthropic", BaseURL: base + "/v1", Protocol: "anthropic"},
		{Name: "mock-gemini", BaseURL: base + "/v1beta", Protocol: "gemini"},
		{Name: "mock-bedrock", BaseURL: base, Protocol: "bedrock-converse"},
		{Name: "mock-azure", BaseURL: base, Auth: "api-key", APIVersion: "2024-10-21"},
	}
	for i := range all[1:] {
		all[1+i].Catalog, all[1+i].APIKeyEnv = mockProvider, mockKey
	}
	return all
}

// mockModels have prices per million tokens at which a first call costs something, and each kind of
// token something else. mock/unpriced is served too and stays out, to show what an unknown price does.
// A name's options after its colon do not change its price, hence an entry for "id:*" beside each id.
func mockModels() []modelConfig {
	models := []modelConfig{
		{ID: "mock/small", InputPrice: "0.15", CachedPrice: "0.075", CachingPrice: "0.1875", OutputPrice: "0.60",
			ReasoningPrice: "0.60", ContextWindow: 128_000, MaxOutputTokens: 16_384},
		{ID: "mock/large", InputPrice: "2.50", CachedPrice: "0.25", CachingPrice: "3.125", OutputPrice: "10.00",
			ReasoningPrice: "12.00", ContextWindow: 400_000, MaxOutputTokens: 128_000},
	}
	for _, m := range models {
		m.ID += ":*"
		models = append(models, m)
	}
	return models
}

// writeConfig writes weir.yaml into the data folder.
func (s *Stack) writeConfig() error {
	var c config
	c.Kafka.Brokers, c.Kafka.ReplicationFactor = []string{s.addresses.kafka}, 1
	c.ClickHouse.Addr, c.ClickHouse.Database = s.addresses.clickHouse, "weir"
	c.Redis.Addr = s.addresses.redis
	c.Catalog.Models = mockModels()
	c.Gateway.Listen = s.addresses.gateway
	c.Gateway.Spool.Dir = s.data.path("spool")
	c.Gateway.Providers = providers(s.addresses.provider, s.opts.Providers)
	c.Gateway.KeyHashSecret = s.secrets.hashSecret
	c.Gateway.CredentialKeysFile = s.data.path(credentialKeys)
	c.Gateway.Keys = []keyConfig{{
		ID: "key_dev", Name: "dev", OrgID: "org_default",
		MemberID: "mem_dev", Permissions: map[string]string{"manage": "write"}, // who runs a stack owns it
		Hash: control.HashKey(s.secrets.hashSecret, s.secrets.key),
	}}
	c.Ingest = readerConfig{flushInterval, s.addresses.ingest}
	c.Aggregator = readerConfig{flushInterval, s.addresses.aggregator}

	content := bytes.NewBufferString(configHead)
	encoder := yaml.NewEncoder(content)
	encoder.SetIndent(2)
	if err := encoder.Encode(c); err != nil {
		return fmt.Errorf("encode weir.yaml: %w", err)
	}
	return writeFile(s.data.config(), content.Bytes())
}

func (f folder) config() string { return f.path("weir.yaml") }

// providers is the mock and then the given ones, each replacing what has its name.
func providers(mockAddress string, given []Provider) []providerConfig {
	all := mockProviders(mockAddress)
	for _, p := range given {
		replaced := false
		for i := range all {
			if all[i].Name == p.Name {
				all[i].BaseURL, replaced = p.URL, true
			}
		}
		if !replaced {
			all = append(all, providerConfig{Name: p.Name, BaseURL: p.URL})
		}
	}
	for i := range all {
		if all[i].Name == mockProvider || all[i].Catalog == mockProvider {
			all[i].ForwardHeaders = []string{"x-mock-*"}
		}
		if env := keyVariable(all[i].Name); os.Getenv(env) != "" {
			all[i].APIKeyEnv = env
		}
	}
	return all
}

// keyVariable is where a provider's key is looked for: OPENAI_API_KEY for "openai".
func keyVariable(provider string) string {
	return strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(provider)) + "_API_KEY"
}
