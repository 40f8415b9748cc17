package cloud

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Signer proves to a cloud whose call it is.
type Signer interface {
	// Sign sets the headers that do. body is what the request will send; req.Context
	// bounds the wait for a token.
	Sign(req *http.Request, body []byte, now time.Time) error
	// Redact takes the credential's secrets out of what a provider said.
	Redact(text string) string
}

// Options are what a credential needs beside itself. The zero value is for one that
// is an organisation's own.
type Options struct {
	// Trusted says that the credential is the operator's: its token may come from where
	// it says.
	Trusted bool
	// Region is AWS's where neither the credential nor the host says it.
	Region string
	// Login is where Entra is. Default https://login.microsoftonline.com.
	Login string
	// Client fetches tokens. Default: one that follows no redirects.
	Client *http.Client
}

func (o Options) client() *http.Client {
	if o.Client != nil {
		return o.Client
	}
	return &http.Client{
		Timeout:       fetchTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// secrets are what must not be seen.
type secrets []string

// Redact takes them out of a text.
func (s secrets) Redact(text string) string {
	for _, secret := range s {
		if len(secret) >= 8 { // as short as that it would be found in any text
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return text
}

// key is a signer that sets one header and no more.
type key struct {
	secrets
	name, value string
}

func bearer(token string) Signer {
	return &key{secrets: secrets{token}, name: "Authorization", value: "Bearer " + token}
}

// Sign sets the header.
func (k *key) Sign(req *http.Request, _ []byte, _ time.Time) error {
	req.Header.Set(k.name, k.value)
	return nil
}

// String keeps the key out of whatever prints it.
func (k *key) String() string { return "cloud key" }

// GoString is String.
func (k *key) GoString() string { return k.String() }

// read reads a credential's JSON. It quotes nothing of it: what the decoder complains of
// may be a secret.
func read(cloud string, credential []byte, into any, remedy string) error {
	d := json.NewDecoder(bytes.NewReader(credential))
	if err := d.Decode(into); err != nil || d.More() {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) && kind.Field != "" {
			return fmt.Errorf("%s credential: %s has the wrong type: %s", cloud, kind.Field, remedy)
		}
		return fmt.Errorf("%s credential is not one JSON object: %s", cloud, remedy)
	}
	return nil
}

// isJSON tells a JSON credential from a bare key.
func isJSON(credential []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(credential), []byte("{"))
}

// bare is a key that stands alone. It must fit into a header.
func bare(cloud string, credential []byte) (string, error) {
	text := strings.TrimSpace(string(credential))
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%s credential is neither a JSON object nor a key: a key has no spaces and is ASCII", cloud)
	}
	return text, nil
}

// missing is the error of a field that is not there.
func missing(cloud, field, remedy string) error {
	return fmt.Errorf("%s credential has no %s: %s", cloud, field, remedy)
}

// Hint is what may be shown of a credential: the last characters of the name of its
// key, or of a key that stands alone and is long enough to keep the rest to itself.
func Hint(credential string) string {
	if isJSON([]byte(credential)) {
		var k struct {
			AccessKeyID  string `json:"access_key_id"`
			PrivateKeyID string `json:"private_key_id"`
			ClientID     string `json:"client_id"`
			APIKey       string `json:"api_key"`
		}
		if json.Unmarshal([]byte(credential), &k) != nil {
			return ""
		}
		if credential = k.APIKey; credential == "" {
			credential = cmp.Or(k.AccessKeyID, k.PrivateKeyID, k.ClientID)
		}
	}
	if len(credential) < 16 {
		return ""
	}
	return credential[len(credential)-4:]
}
