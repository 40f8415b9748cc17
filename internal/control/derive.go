package control

import "github.com/oklog/ulid/v2"

// DerivedID is a NewID that depends on the seed alone, for an entity that a
// repeated command must not create twice.
func DerivedID[E Entity](seed [16]byte) string {
	fresh := NewID[E]()
	return fresh[:len(fresh)-ulid.EncodedSize] + ulid.ULID(seed).String()
}
