// Package auth finds the API key that a request carries.
//
// Guarantee: a key is found by the HMAC of its secret, so that neither the
// configuration nor a difference in time tells anything about the secret; the
// secret itself is never kept or logged.
//
// Concurrency: a Static does not change and may be used from any goroutine.
// Failure: no credentials are a 401, an unknown, disabled or expired key a 403.
package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"sync"
	"time"

	"weir/gateway/apierror"
	"weir/internal/control"
)

// Keys finds a key by the secret that a client sent; false when there is none.
type Keys interface {
	Find(secret string) (*control.Key, bool)
}

// KeyConfig is one key of weir.yaml.
type KeyConfig struct {
	ID       string `koanf:"id"`
	Name     string `koanf:"name"`
	Hash     string `koanf:"hash"` // hex HMAC-SHA256 of the secret under gateway.key_hash_secret
	OrgID    string `koanf:"org_id"`
	Project  string `koanf:"project"`
	GroupID  string `koanf:"group_id"`
	MemberID string `koanf:"member_id"`

	Logging   bool   `koanf:"logging"`    // capture prompts and completions; default false
	Disabled  bool   `koanf:"disabled"`   // default false
	ExpiresAt string `koanf:"expires_at"` // RFC 3339; default never
}

// Static holds the keys of the configuration.
type Static struct {
	byHash map[[sha256.Size]byte]*control.Key
	// macs are keyed HMACs: every call hashes its key, and keying one costs more
	// than the hash.
	macs sync.Pool
}

// NewStatic checks the keys. An error names the key and the field.
func NewStatic(secret string, keys []KeyConfig) (*Static, error) {
	s := &Static{byHash: make(map[[sha256.Size]byte]*control.Key, len(keys))}
	s.macs.New = func() any { return hmac.New(sha256.New, []byte(secret)) }
	if len(keys) > 0 && secret == "" {
		return nil, errors.New("gateway.key_hash_secret is empty; the keys' hashes are made with it")
	}
	ids := make(map[string]bool, len(keys))
	for i, c := range keys {
		fail := func(field, what string) error {
			return fmt.Errorf("gateway.keys[%d].%s %s", i, field, what)
		}
		digest, err := hex.DecodeString(c.Hash)
		switch {
		case c.ID == "":
			return nil, fail("id", "is empty")
		case ids[c.ID]:
			return nil, fail("id", fmt.Sprintf("%q is used twice", c.ID))
		case c.OrgID == "":
			return nil, fail("org_id", "is empty")
		case err != nil || len(digest) != sha256.Size:
			return nil, fail("hash", "is not the 64 hexadecimal digits of an HMAC-SHA256")
		}
		key := &control.Key{ID: c.ID, Name: c.Name, OrgID: c.OrgID, Project: c.Project, GroupID: c.GroupID, MemberID: c.MemberID,
			Logging: c.Logging, Disabled: c.Disabled}
		if c.ExpiresAt != "" {
			if key.ExpiresAt, err = time.Parse(time.RFC3339, c.ExpiresAt); err != nil {
				return nil, fail("expires_at", "is not a time such as 2027-01-31T00:00:00Z")
			}
		}
		sum := [sha256.Size]byte(digest)
		if s.byHash[sum] != nil {
			return nil, fail("hash", "is that of another key")
		}
		ids[c.ID], s.byHash[sum] = true, key
	}
	return s, nil
}

// Find looks the HMAC of the secret up; it is control.HashKey's.
func (s *Static) Find(secret string) (*control.Key, bool) {
	mac := s.macs.Get().(hash.Hash)
	defer s.macs.Put(mac)
	mac.Reset()
	mac.Write([]byte(secret))
	var sum [sha256.Size]byte
	mac.Sum(sum[:0])
	key, ok := s.byHash[sum]
	return key, ok
}

// Credentials returns the secret of a request: a bearer token, or x-api-key.
func Credentials(header http.Header) (secret string, ok bool) {
	if values := header["Authorization"]; len(values) > 0 {
		const scheme = "bearer "
		if v := values[0]; len(v) > len(scheme) && strings.EqualFold(v[:len(scheme)], scheme) {
			if secret = strings.TrimSpace(v[len(scheme):]); secret != "" {
				return secret, true
			}
		}
	}
	if values := header["X-Api-Key"]; len(values) > 0 {
		if secret = strings.TrimSpace(values[0]); secret != "" {
			return secret, true
		}
	}
	return "", false
}

// Authenticate returns the live key of a request.
func Authenticate(keys Keys, header http.Header, now time.Time) (*control.Key, *apierror.Error) {
	secret, ok := Credentials(header)
	if !ok {
		return nil, apierror.New(apierror.NoCredentials,
			"No API key was given. Send it as 'Authorization: Bearer <key>' or in x-api-key.")
	}
	key, ok := keys.Find(secret)
	switch {
	case !ok:
		return nil, apierror.New(apierror.BadKey, "The API key is not known.")
	case key.Disabled:
		return nil, apierror.New(apierror.BadKey, "The API key is disabled.")
	case !key.Live(now):
		return nil, apierror.New(apierror.BadKey, "The API key has expired.")
	}
	return key, nil
}
