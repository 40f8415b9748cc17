// Package credential keeps the keys that organisations bring for providers, and
// says on whose key a call goes out.
//
// Guarantee: a key is in the control log as ciphertext only: under a data key of
// its own, which is under one of the operator's key-encryption keys (Tink's
// envelope encryption), and bound to its organisation, its id, its provider and
// its base URL, so that a ciphertext which somebody moved opens nowhere. No error
// and no log line holds a key.
//
// Concurrency: everything may be used from any goroutine; a look-up of a key that
// was used before takes one read lock and allocates nothing. Failure: a gateway
// without the key-encryption key serves everything else, and refuses the calls
// that need such a key with an error that says so.
package credential

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"weir/gateway/provider/cloud"
	"weir/schemas"
)

// Keyring holds the key-encryption keys: the first encrypts, all decrypt.
type Keyring struct{ keys []keyEncryptionKey }

type keyEncryptionKey struct {
	id       string
	envelope tink.AEAD
}

const (
	keyBytes = 32
	maxKeyID = 64
)

// NewKeyring reads keys as the configuration gives them, each "id:key" with the
// key's 32 bytes in base64: a list, or a file with one a line. Neither is a ring
// that opens nothing. The errors do not repeat a key.
func NewKeyring(entries []string, file string) (*Keyring, error) {
	name := "gateway.credential_keys"
	if file != "" {
		if len(entries) > 0 {
			return nil, errors.New("gateway.credential_keys and gateway.credential_keys_file are both set; keep one of them")
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read gateway.credential_keys_file: %w", err)
		}
		name, entries = "gateway.credential_keys_file", lines(string(text))
		if len(entries) == 0 {
			return nil, fmt.Errorf("%s %s holds no key; write one a line, as id:key", name, file)
		}
	}
	k := &Keyring{}
	for i, entry := range entries {
		key, err := readKey(entry)
		if err != nil {
			return nil, fmt.Errorf("%s: key %d %w", name, i+1, err)
		}
		if k.find(key.id) != nil {
			return nil, fmt.Errorf("%s: the id %q is used twice", name, key.id)
		}
		k.keys = append(k.keys, key)
	}
	return k, nil
}

// lines are those of a file that say something.
func lines(text string) (list []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	return list
}

func readKey(entry string) (keyEncryptionKey, error) {
	id, text, found := strings.Cut(strings.TrimSpace(entry), ":")
	if !found || id == "" || len(id) > maxKeyID || strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		return keyEncryptionKey{}, fmt.Errorf("is not id:key, with an id of at most %d letters, digits, -, _ and full stops", maxKeyID)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != keyBytes {
		return keyEncryptionKey{}, fmt.Errorf("(%s) is not %d bytes in base64; make one with: openssl rand -base64 %d", id, keyBytes, keyBytes)
	}
	wrap, err := subtle.NewAESGCM(raw)
	if err != nil {
		return keyEncryptionKey{}, fmt.Errorf("(%s) cannot be used: %w", id, err)
	}
	return keyEncryptionKey{id, aead.NewKMSEnvelopeAEAD2(aead.AES256GCMKeyTemplate(), wrap)}, nil
}

func (k *Keyring) find(id string) *keyEncryptionKey {
	if i := slices.IndexFunc(k.keys, func(key keyEncryptionKey) bool { return key.id == id }); i >= 0 {
		return &k.keys[i]
	}
	return nil
}

// Newest is the id of the key that encrypts, "" for none.
func (k *Keyring) Newest() string {
	if len(k.keys) == 0 {
		return ""
	}
	return k.keys[0].id
}

// ErrNoKey means that the key-encryption key which is needed is not configured.
var ErrNoKey = errors.New("the key-encryption key is not configured: gateway.credential_keys")

var errDamaged = errors.New("the ciphertext is damaged, or of another credential")

// maxSecret bounds a provider's key, in bytes.
const maxSecret = 4096

// CheckKey refuses what cannot be a provider's key: it will stand in a header.
func CheckKey(key string) error {
	switch {
	case key == "":
		return errors.New("it is empty")
	case len(key) > maxSecret:
		return fmt.Errorf("it has %d bytes; at most %d are allowed", len(key), maxSecret)
	case strings.IndexFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0:
		return errors.New("it has a space, a line break or another character that no key has")
	}
	return nil
}

// format is the first byte of a ciphertext. The length of the key-encryption key's
// id, the id and Tink's envelope follow.
const format = 1

// Seal encrypts a provider's key into a credential, whose other fields are final:
// they are bound to it. Error: ErrNoKey.
func (k *Keyring) Seal(c *schemas.Credential, key string) error {
	if len(k.keys) == 0 {
		return ErrNoKey
	}
	with := k.keys[0]
	head := append([]byte{format, byte(len(with.id))}, with.id...)
	sealed, err := with.envelope.Encrypt([]byte(key), bound(head, c))
	if err != nil {
		return fmt.Errorf("encrypt the key of %s: %w", c.CredentialId, err)
	}
	c.Ciphertext, c.Hint = append(head, sealed...), cloud.Hint(key)
	return nil
}

// Open decrypts the provider's key of a credential. Errors: ErrNoKey, and that it
// is damaged.
func (k *Keyring) Open(c *schemas.Credential) (string, error) {
	id, head, sealed, err := split(c.Ciphertext)
	if err != nil {
		return "", err
	}
	with := k.find(id)
	if with == nil {
		return "", fmt.Errorf("%w (it was encrypted under %q)", ErrNoKey, id)
	}
	key, err := with.envelope.Decrypt(sealed, bound(head, c))
	if err != nil {
		return "", errDamaged // Tink does not say more either
	}
	return string(key), nil
}

// KeyID is the id of the key-encryption key that a credential is encrypted under,
// "" when its ciphertext cannot be read.
func KeyID(c *schemas.Credential) string {
	id, _, _, _ := split(c.Ciphertext)
	return id
}

func split(ciphertext []byte) (id string, head, sealed []byte, err error) {
	if len(ciphertext) < 2 || ciphertext[0] != format || len(ciphertext) < 2+int(ciphertext[1]) {
		return "", nil, nil, errDamaged
	}
	n := 2 + int(ciphertext[1])
	return string(ciphertext[2:n]), ciphertext[:n], ciphertext[n:], nil
}

// bound is the associated data: what opens a ciphertext only where it belongs.
func bound(head []byte, c *schemas.Credential) []byte {
	data := []byte("weir/credential")
	for _, part := range []string{string(head), c.OrgId, c.CredentialId, c.Provider, c.BaseUrl} {
		data = binary.AppendUvarint(data, uint64(len(part)))
		data = append(data, part...)
	}
	return data
}
