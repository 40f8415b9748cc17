package clickhouse

import (
	"crypto/tls"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Config says where ClickHouse is and how long it keeps the facts.
type Config struct {
	// Addr is host:port of the native protocol, several separated by commas
	// for replicas of one another. Default 127.0.0.1:9000.
	Addr string `koanf:"addr"`
	// Database holds all tables of one ledger. Default weir.
	Database string `koanf:"database"`
	// Username defaults to default.
	Username string `koanf:"username"`
	// Password defaults to none.
	Password string `koanf:"password"`
	// TLS encrypts the connection and verifies the server. Default false.
	TLS bool `koanf:"tls"`
	// Compression of blocks on the wire, none or lz4. Default none: Weir's
	// blocks are small and CPU is dearer than the network between two machines
	// of one site.
	Compression string `koanf:"compression"`
	// DialTimeout bounds the making of a connection. Default 5s.
	DialTimeout time.Duration `koanf:"dial_timeout"`
	// RetentionMonths is how many months requests, responses and usage are
	// kept; 0, the default, keeps them for ever. It takes effect at the next
	// migration. Rollups have their own times, payloads expire by the day that
	// each one names.
	RetentionMonths int `koanf:"retention_months"`
}

// DefaultConfig returns the configuration of a server on this machine.
func DefaultConfig() Config {
	return Config{
		Addr:        "127.0.0.1:9000",
		Database:    "weir",
		Username:    "default",
		Compression: "none",
		DialTimeout: 5 * time.Second,
	}
}

// identifier is what a database may be called, so that its name needs no
// quoting anywhere.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// options translates the configuration for the driver.
func (c Config) options() (*clickhouse.Options, error) {
	if c.Addr == "" {
		return nil, fmt.Errorf("clickhouse.addr: is empty, expects host:port of the native protocol")
	}
	if !identifier.MatchString(c.Database) {
		return nil, fmt.Errorf("clickhouse.database: expects letters, digits and underscores, got %q", c.Database)
	}
	if c.RetentionMonths < 0 {
		return nil, fmt.Errorf("clickhouse.retention_months: expects 0 or more, got %d", c.RetentionMonths)
	}
	o := &clickhouse.Options{
		Protocol:        clickhouse.Native,
		Auth:            clickhouse.Auth{Database: c.Database, Username: c.Username, Password: c.Password},
		DialTimeout:     c.DialTimeout,
		ReadTimeout:     2 * time.Minute,
		MaxOpenConns:    32,
		MaxIdleConns:    8,
		ConnMaxLifetime: time.Hour,
	}
	for addr := range strings.SplitSeq(c.Addr, ",") {
		o.Addr = append(o.Addr, strings.TrimSpace(addr))
	}
	switch c.Compression {
	case "", "none":
	case "lz4":
		o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	default:
		return nil, fmt.Errorf("clickhouse.compression: expects none or lz4, got %q", c.Compression)
	}
	if c.TLS {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return o, nil
}
