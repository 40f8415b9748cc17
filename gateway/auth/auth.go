// Package auth finds whose API key a request carries, and whether it may do what
// it asks for.
//
// Guarantee: a key is found by the HMAC of its secret, so that neither the control
// log nor a difference in time tells anything about the secret; the secret itself
// is never kept or logged.
//
// Concurrency: an Index may be used from any goroutine. Failure: no credentials
// are a 401; an unknown, disabled or expired key, one of an organisation that is
// disabled or gone or of a member that is gone, and one without the permission are
// a 403.
package auth

import (
	"crypto/sha256"
	"net/http"
	"strings"
	"time"

	"weir/gateway/apierror"
	"weir/internal/control"
	"weir/schemas"
)

// Keys finds whose the secret is that a client sent; false when it is nobody's.
type Keys interface {
	Find(secret string) (control.Caller, bool)
}

// Callers finds whose the hash of a secret is; a control.State does.
type Callers interface {
	Caller(hash [sha256.Size]byte) (control.Caller, bool)
}

// Index finds keys in the control state.
type Index struct {
	hasher  *control.Hasher
	callers Callers
}

// New returns the keys of the control state, whose hashes were made under the secret.
func New(hashSecret string, callers Callers) *Index {
	return &Index{control.NewHasher(hashSecret), callers}
}

// Find looks the hash of the secret up.
func (x *Index) Find(secret string) (control.Caller, bool) {
	return x.callers.Caller(x.hasher.Sum(secret))
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

// Authenticate returns whose the live key of a request is.
func Authenticate(keys Keys, header http.Header, now time.Time) (control.Caller, *apierror.Error) {
	secret, ok := Credentials(header)
	if !ok {
		return control.Caller{}, apierror.New(apierror.NoCredentials,
			"No API key was given. Send it as 'Authorization: Bearer <key>' or in x-api-key.")
	}
	c, ok := keys.Find(secret)
	var wrong string
	switch {
	case !ok:
		wrong = "The API key is not known."
	case c.Org == nil:
		wrong = "The API key's organisation does not exist any more."
	case c.Org.Disabled:
		wrong = "The API key's organisation is disabled."
	case c.Key.MemberId != "" && c.Member == nil:
		// Made or given while the member was removed elsewhere: who leaves has no key.
		wrong = "The API key's member does not exist any more."
	case c.Key.Disabled:
		wrong = "The API key is disabled."
	case !c.Live(now):
		wrong = "The API key has expired."
	default:
		return c, nil
	}
	return control.Caller{}, apierror.New(apierror.BadKey, wrong)
}

// AllowCompletions refuses a key that may not make inference calls.
func AllowCompletions(c *control.Caller) *apierror.Error {
	if c.Key.Completions == schemas.Permission_PERMISSION_WRITE {
		return nil
	}
	return apierror.New(apierror.NotPermitted, "The API key may not make inference calls: its permission for completions is not 'write'.")
}
