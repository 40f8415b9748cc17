package auth

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/internal/control"
)

const secret = "hash secret"

func config(id, key string) KeyConfig {
	return KeyConfig{ID: id, OrgID: "org", Hash: control.HashKey(secret, key)}
}

func TestAuthenticate(t *testing.T) {
	disabled, expired, soon := config("k2", "two"), config("k3", "three"), config("k4", "four")
	disabled.Disabled = true
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	expired.ExpiresAt, soon.ExpiresAt = now.Format(time.RFC3339), now.Add(time.Second).Format(time.RFC3339)
	keys, err := NewStatic(secret, []KeyConfig{config("k1", "one"), disabled, expired, soon})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		header, value, id string
		status            int
	}{
		"bearer":      {"Authorization", "Bearer one", "k1", 0},
		"scheme case": {"Authorization", "bEARER  one ", "k1", 0},
		"x-api-key":   {"X-Api-Key", "one", "k1", 0},
		"not expired": {"Authorization", "Bearer four", "k4", 0},
		"none":        {"X-Other", "one", "", 401},
		"empty":       {"Authorization", "Bearer ", "", 401},
		"basic":       {"Authorization", "Basic b25l", "", 401},
		"unknown":     {"Authorization", "Bearer nobody", "", 403},
		"disabled":    {"Authorization", "Bearer two", "", 403},
		"expired":     {"Authorization", "Bearer three", "", 403},
	} {
		t.Run(name, func(t *testing.T) {
			key, e := Authenticate(keys, http.Header{c.header: {c.value}}, now)
			if c.status == 0 && (e != nil || key.ID != c.id) || c.status != 0 && (e == nil || e.Status != c.status) {
				t.Errorf("got %+v, %+v", key, e)
			}
		})
	}
}

func TestNewStaticNamesTheField(t *testing.T) {
	bad := func(change func(*KeyConfig)) []KeyConfig {
		c := config("k2", "two")
		change(&c)
		return []KeyConfig{config("k1", "one"), c}
	}
	for field, keys := range map[string][]KeyConfig{
		"keys[1].id is empty":  bad(func(c *KeyConfig) { c.ID = "" }),
		"keys[1].id \"k1\"":    bad(func(c *KeyConfig) { c.ID = "k1" }),
		"keys[1].hash is not":  bad(func(c *KeyConfig) { c.Hash = "abc" }),
		"keys[1].hash is that": bad(func(c *KeyConfig) { c.Hash = strings.ToUpper(control.HashKey(secret, "one")) }),
		"keys[1].org_id":       bad(func(c *KeyConfig) { c.OrgID = "" }),
		"keys[1].expires_at":   bad(func(c *KeyConfig) { c.ExpiresAt = "tomorrow" }),
	} {
		if _, err := NewStatic(secret, keys); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("want an error about %s, got %v", field, err)
		}
	}
	if _, err := NewStatic("", []KeyConfig{config("k", "one")}); err == nil || !strings.Contains(err.Error(), "key_hash_secret") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	keys, err := NewStatic(secret, []KeyConfig{config("k1", "one")})
	if err != nil {
		b.Fatal(err)
	}
	header, now := http.Header{"Authorization": {"Bearer one"}}, time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, e := Authenticate(keys, header, now); e != nil {
			b.Fatal(e)
		}
	}
}
