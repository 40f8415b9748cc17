package control

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"sync"
)

// Hasher makes the hashes that API keys are found by: HMAC-SHA256 under the cluster's secret. The
// configuration and the control log hold only these: whoever reads them cannot use a key, and without
// the secret cannot test a guess either. A keyed hash is enough, and fast enough for every call, because
// keys are random and long; a slow password hash would protect nothing more.
type Hasher struct {
	// macs are keyed already: every call hashes its key, and keying costs more than the hash.
	macs sync.Pool
}

// mac is one of the pool, with the room that its input and its sum would allocate.
type mac struct {
	hash.Hash
	text []byte
	sum  [sha256.Size]byte
}

// NewHasher returns a hasher under a secret. It may be used from any goroutine.
func NewHasher(secret string) *Hasher {
	return &Hasher{macs: sync.Pool{New: func() any { return &mac{Hash: hmac.New(sha256.New, []byte(secret))} }}}
}

// Sum returns the hash of an API key.
func (h *Hasher) Sum(key string) [sha256.Size]byte {
	m := h.macs.Get().(*mac)
	defer h.macs.Put(m)
	m.Reset()
	m.text = append(m.text[:0], key...)
	m.Write(m.text)
	clear(m.text) // a key is nowhere longer than its call
	m.Hash.Sum(m.sum[:0])
	return m.sum
}

// HashKey is the hash of one key as weir.yaml holds it, in hexadecimal digits.
func HashKey(secret, key string) string {
	sum := NewHasher(secret).Sum(key)
	return hex.EncodeToString(sum[:])
}
