package live

import (
	"errors"
	"fmt"
	"time"
)

// Config is the section redis of weir.yaml.
type Config struct {
	// Addr is host:port. Default 127.0.0.1:6379.
	Addr string `koanf:"addr"`
	// Username and Password log in where Redis asks for it. Default none.
	Username string `koanf:"username"`
	Password string `koanf:"password"`
	// Cluster says that Addr is a node of a Redis Cluster. Default false.
	Cluster bool `koanf:"cluster"`
	// Timeout bounds connecting, and each read of live state. Default 500ms.
	Timeout time.Duration `koanf:"timeout"`
}

// DefaultConfig is a Redis without a password on this machine.
func DefaultConfig() Config {
	return Config{Addr: "127.0.0.1:6379", Timeout: 500 * time.Millisecond}
}

// Validate names the field that cannot be and the remedy.
func (c Config) Validate() error {
	switch {
	case c.Addr == "":
		return errors.New("redis.addr is empty; name host:port")
	case c.Timeout <= 0:
		return fmt.Errorf("redis.timeout is %s; it must be above 0", c.Timeout)
	}
	return nil
}
