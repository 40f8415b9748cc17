package manage

import (
	"crypto/rand"
	"crypto/sha256"
	"time"

	"weir/internal/control"
	"weir/schemas"
)

const (
	secretPrefix = "wk_"
	// secretLength in base62 is 190 bits.
	secretLength = 32
	base62       = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// newSecret returns a random API key and what is stored of it.
func (m *Management) newSecret() (string, *schemas.Secret) {
	text := make([]byte, 0, len(secretPrefix)+secretLength)
	text = append(text, secretPrefix...)
	var random [2 * secretLength]byte
	for len(text) < cap(text) {
		_, _ = rand.Read(random[:]) // it never fails, see its documentation
		for _, b := range random {
			// Above the largest multiple of 62 some digits would be likelier.
			if b < 248 && len(text) < cap(text) {
				text = append(text, base62[b%62])
			}
		}
	}
	sum := m.hasher.Sum(string(text))
	return string(text), &schemas.Secret{Hash: sum[:], Hint: "…" + string(text[len(text)-4:])}
}

// holds tells that the key answers to the secret.
func holds(k *schemas.ApiKey, s *schemas.Secret) bool {
	for _, other := range k.Secrets {
		if [sha256.Size]byte(other.Hash) == [sha256.Size]byte(s.Hash) {
			return true
		}
	}
	return false
}

// rotate gives a key a new secret; the ones before it end after the overlap, at the
// latest.
func rotate(k *schemas.ApiKey, fresh *schemas.Secret, now time.Time, overlap time.Duration) (old time.Time) {
	old = now.Add(overlap).Truncate(time.Microsecond)
	secrets := []*schemas.Secret{fresh}
	for _, s := range k.Secrets {
		ended := s.ExpiresAt != 0 && s.ExpiresAt <= now.UnixMicro()
		if ended || overlap == 0 {
			continue
		}
		if s.ExpiresAt == 0 || s.ExpiresAt > old.UnixMicro() {
			s.ExpiresAt = old.UnixMicro()
		}
		secrets = append(secrets, s)
	}
	k.Secrets = secrets
	return old
}

// createdNow tells apart the first call that created a key from its repeat, which
// made another secret that nobody stored.
func createdNow(v control.Versioned[*schemas.ApiKey], s *schemas.Secret) bool {
	return s != nil && holds(v.Value, s)
}
