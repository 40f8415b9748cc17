package app

import (
	"strings"
	"testing"
)

func TestConfigNamesWhatCannotBe(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for field, change := range map[string]func(*Config){
		"aggregator.flush_interval": func(c *Config) { c.FlushInterval = 0 },
		"aggregator.flush_rows":     func(c *Config) { c.FlushRows = maxRows + 1 },
		"aggregator.extra_tags":     func(c *Config) { c.ExtraTags = []string{"feature", ""} },
	} {
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("got %v, want an error that names %s", err, field)
		}
	}
}
