package control

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// HashKey returns the hex HMAC-SHA256 of an API key under the cluster's secret. The configuration and
// the control log hold only this: whoever reads them cannot use a key, and without the secret cannot
// test a guess either. A keyed hash is enough, and fast enough for every call, because keys are random
// and long; a slow password hash would protect nothing more.
func HashKey(secret, key string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(key))
	return hex.EncodeToString(mac.Sum(nil))
}
