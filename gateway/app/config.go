package app

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"weir/gateway/bootstrap"
	"weir/gateway/egress"
	"weir/gateway/pipeline"
	"weir/gateway/provider"
	"weir/internal/eventlog"
	"weir/internal/service"
	"weir/schemas"
)

// Config is the section "gateway" of weir.yaml.
type Config struct {
	// Listen is host:port; port 0 takes a free one. Default 127.0.0.1:8080.
	Listen string `koanf:"listen"`
	// Label names this gateway in its log lines; it is nobody's identity.
	Label string `koanf:"label"`
	// DefaultProvider resolves a model without a prefix. Default none: 404.
	DefaultProvider string `koanf:"default_provider"`

	// MaxBodyBytes of a request. Default 20MB.
	MaxBodyBytes service.Bytes `koanf:"max_body_bytes"`
	// MaxUploadBytes of a request with files: images to edit, audio. Default 200MB.
	MaxUploadBytes service.Bytes `koanf:"max_upload_bytes"`
	// MaxAnswerBytes of a provider's answer that is not streamed. Default 64MiB.
	MaxAnswerBytes service.Bytes `koanf:"max_answer_bytes"`
	// BodyTimeout to read a request's body. Default 60s.
	BodyTimeout time.Duration `koanf:"body_timeout"`
	// ClientWriteTimeout for a client to take what was written. Default 30s.
	ClientWriteTimeout time.Duration `koanf:"client_write_timeout"`
	// StreamPingInterval after which a stream that is silent gets a comment, so that
	// nothing on the way closes it. Default 15s; 0 for never.
	StreamPingInterval time.Duration `koanf:"stream_ping_interval"`
	// DrainTimeout is how long an answer is read on after its client went away.
	// Default 60s.
	DrainTimeout time.Duration `koanf:"drain_timeout"`
	// DrainMaxBytes is how much of it. Default 16MB.
	DrainMaxBytes service.Bytes `koanf:"drain_max_bytes"`
	// DrainMax is how many answers are read on at once. Default 1000.
	DrainMax int `koanf:"drain_max"`
	// ShutdownTimeout is how long open calls may take to finish when the gateway
	// stops; what kills it must have the patience for 20s more. Default 8s: the
	// one-machine stack waits for 20s, and the rest seldom takes more than 5s.
	ShutdownTimeout time.Duration `koanf:"shutdown_timeout"`
	// BudgetsWithoutRedis says what becomes of calls with a budget while Redis is
	// away or being restored: refuse (503), or serve, by which budgets may be passed.
	// Default refuse.
	BudgetsWithoutRedis string `koanf:"budgets_without_redis"`
	// PayloadRetention of captured prompts and completions. Default 720h.
	PayloadRetention time.Duration `koanf:"payload_retention"`

	Spool     eventlog.SpoolConfig `koanf:"spool"`
	Providers []provider.Config    `koanf:"providers"`

	// Keys are taken over into the log at the first start, see package bootstrap.
	Keys []bootstrap.KeyConfig `koanf:"keys"`
	// KeyHashSecret is the key of the HMAC-SHA256 that API keys are found by, those
	// of the log as those of keys[].hash. The same on every gateway.
	KeyHashSecret string `koanf:"key_hash_secret"`
	// OperatorKeyHash is the hash of the key that creates organisations and acts in
	// all of them, made as those of keys[].hash. Default none: nobody does.
	OperatorKeyHash string `koanf:"operator_key_hash"`
	// StartingCredits in USD are what a new organisation is granted, and all that it
	// may spend, such as "25.00". Default none: it may spend without end.
	StartingCredits string `koanf:"starting_credits"`
	// CredentialKeys encrypt the provider keys that organisations bring, each as
	// id:key with the key's 32 bytes in base64. The first encrypts, all decrypt; the
	// same on every gateway. Default none: such keys can neither be stored nor used.
	CredentialKeys []string `koanf:"credential_keys"`
	// CredentialKeysFile is a file with the same, one a line, in place of them.
	CredentialKeysFile string `koanf:"credential_keys_file"`
	// AllowPrivateBaseURLs lets organisations name base URLs on this machine and its
	// network. Default false: public addresses alone.
	AllowPrivateBaseURLs bool `koanf:"allow_private_base_urls"`
	// AllowHTTPBaseURLs lets them name such without TLS. Default false.
	AllowHTTPBaseURLs bool `koanf:"allow_http_base_urls"`
}

// DefaultConfig has every default, and neither providers nor keys.
func DefaultConfig() Config {
	return Config{
		Listen:             "127.0.0.1:8080",
		MaxBodyBytes:       20_000_000,
		MaxUploadBytes:     200_000_000,
		MaxAnswerBytes:     64 << 20,
		BodyTimeout:        60 * time.Second,
		ClientWriteTimeout: 30 * time.Second,
		StreamPingInterval: 15 * time.Second,
		DrainTimeout:       60 * time.Second,
		DrainMaxBytes:      16_000_000,
		DrainMax:           1000,
		ShutdownTimeout:    8 * time.Second,
		PayloadRetention:   30 * 24 * time.Hour,
		Spool:              eventlog.DefaultSpoolConfig(),

		BudgetsWithoutRedis: refuseWithoutRedis,
	}
}

// What BudgetsWithoutRedis may be.
const refuseWithoutRedis, serveWithoutRedis = "refuse", "serve"

// maxHeaderBytes is what a request's head may have; net/http reads more, so
// that the refusal is the gateway's own.
const maxHeaderBytes = 64 << 10

// Validate names the field that cannot be.
func (c Config) Validate() error {
	for name, d := range map[string]time.Duration{
		"body_timeout": c.BodyTimeout, "client_write_timeout": c.ClientWriteTimeout, "drain_timeout": c.DrainTimeout,
		"shutdown_timeout": c.ShutdownTimeout, "payload_retention": c.PayloadRetention,
	} {
		if d <= 0 {
			return fmt.Errorf("gateway.%s is %s; it must be above 0", name, d)
		}
	}
	switch {
	case c.Listen == "":
		return errors.New("gateway.listen is empty; name host:port")
	case c.MaxBodyBytes < 1<<10:
		return fmt.Errorf("gateway.max_body_bytes is %s; it must be at least 1KiB", c.MaxBodyBytes)
	case c.MaxUploadBytes < 1<<10:
		return fmt.Errorf("gateway.max_upload_bytes is %s; it must be at least 1KiB", c.MaxUploadBytes)
	case c.MaxAnswerBytes < 1<<10:
		return fmt.Errorf("gateway.max_answer_bytes is %s; it must be at least 1KiB", c.MaxAnswerBytes)
	case c.BudgetsWithoutRedis != refuseWithoutRedis && c.BudgetsWithoutRedis != serveWithoutRedis:
		return fmt.Errorf("gateway.budgets_without_redis is %q; it must be refuse or serve", c.BudgetsWithoutRedis)
	case c.StreamPingInterval < 0:
		return fmt.Errorf("gateway.stream_ping_interval is %s; it must not be negative", c.StreamPingInterval)
	case c.DrainMax < 0:
		return fmt.Errorf("gateway.drain_max is %d; it must not be negative", c.DrainMax)
	}
	if _, err := c.operatorHash(); err != nil {
		return err
	}
	if _, err := c.startingCredits(); err != nil {
		return err
	}
	return c.Spool.Validate()
}

// operatorHash reads OperatorKeyHash, nil for none.
func (c Config) operatorHash() ([]byte, error) {
	if c.OperatorKeyHash == "" {
		return nil, nil
	}
	if c.KeyHashSecret == "" {
		return nil, errors.New("gateway.key_hash_secret is empty; gateway.operator_key_hash is made with it")
	}
	hash, err := hex.DecodeString(c.OperatorKeyHash)
	if err != nil || len(hash) != sha256.Size {
		return nil, errors.New("gateway.operator_key_hash is not the 64 hexadecimal digits of an HMAC-SHA256")
	}
	return hash, nil
}

// startingCredits reads StartingCredits, nil for none.
func (c Config) startingCredits() (*schemas.Pico, error) {
	if c.StartingCredits == "" {
		return nil, nil
	}
	credits, err := schemas.ParsePico(c.StartingCredits)
	if err != nil || credits < 0 {
		return nil, fmt.Errorf("gateway.starting_credits is %q; write US dollars, at least 0, such as 25.00", c.StartingCredits)
	}
	return &credits, nil
}

func (c Config) egress() egress.Rule {
	return egress.Rule{Private: c.AllowPrivateBaseURLs, HTTP: c.AllowHTTPBaseURLs}
}

func (c Config) limits() pipeline.Limits {
	return pipeline.Limits{
		MaxBody: int64(c.MaxBodyBytes), MaxUpload: int64(c.MaxUploadBytes), MaxHeaders: maxHeaderBytes, MaxAnswer: int64(c.MaxAnswerBytes),
		BodyTimeout: c.BodyTimeout, WriteTimeout: c.ClientWriteTimeout, PingInterval: c.StreamPingInterval,
		DrainTimeout: c.DrainTimeout, DrainMaxBytes: int64(c.DrainMaxBytes), DrainMax: c.DrainMax,
		PayloadRetention: c.PayloadRetention,
	}
}
