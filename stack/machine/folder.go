package machine

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"weir/stack/flock"
)

// folder is the data folder, as an absolute path. In it: lock, weir.yaml, key, key_hash_secret, credential_keys, logs/,
// spool/ of the gateway, and a folder for each server that keeps something.
type folder string

func openFolder(dir string) (folder, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the data folder: %w", err)
	}
	for _, one := range []string{abs, filepath.Join(abs, "logs")} {
		if err := os.MkdirAll(one, 0o700); err != nil {
			return "", fmt.Errorf("cannot write to the data folder %s (%w): choose another with --data DIR", abs, cause(err))
		}
	}
	return folder(abs), nil
}

func (f folder) path(parts ...string) string {
	return filepath.Join(append([]string{string(f)}, parts...)...)
}

// claim keeps a second stack off the folder.
func (f folder) claim() (*flock.Lock, error) {
	lock, err := flock.Try(f.path("lock"))
	if errors.Is(err, flock.ErrHeld) {
		holder, _ := os.ReadFile(f.path("lock"))
		return nil, fmt.Errorf("another stack (process %s) is using the data folder %s: stop it, or choose another folder with --data DIR",
			strings.TrimSpace(string(holder)), f)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot write to the data folder %s (%w): choose another with --data DIR", f, cause(err))
	}
	if err := lock.Note(fmt.Sprintln(os.Getpid())); err != nil {
		_ = lock.Release()
		return nil, fmt.Errorf("cannot write to the data folder %s (%w): choose another with --data DIR", f, cause(err))
	}
	return lock, nil
}

// secrets are kept between runs: a key that a person put into a client goes on working.
type secrets struct {
	key        string // the development key, wk_ and 40 characters
	hashSecret string // hex of 32 random bytes, the HMAC key of all API keys
}

func (f folder) secrets() (secrets, error) {
	key, err := f.keep("key", keyForm, newKey)
	if err != nil {
		return secrets{}, err
	}
	hashSecret, err := f.keep("key_hash_secret", hashSecretForm, newHashSecret)
	if err != nil {
		return secrets{}, err
	}
	// What is in the file is the gateway's to read: a person may add keys to it.
	if _, err := f.keep(credentialKeys, credentialKeysForm, newCredentialKey); err != nil {
		return secrets{}, err
	}
	return secrets{key: key, hashSecret: hashSecret}, nil
}

var (
	keyForm        = regexp.MustCompile(`^wk_[0-9A-Za-z]{40}$`)
	hashSecretForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

	credentialKeysForm = regexp.MustCompile(`:`)
)

// keep reads a secret, or makes and writes it, mode 0600, where there is none.
func (f folder) keep(name string, form *regexp.Regexp, create func() (string, error)) (string, error) {
	path := f.path(name)
	content, err := os.ReadFile(path)
	if err == nil {
		secret := strings.TrimSpace(string(content))
		if !form.MatchString(secret) {
			return "", fmt.Errorf("%s does not hold what the stack wrote there, and the log knows no other: put that back, or begin anew in another folder with --data DIR", path)
		}
		return secret, os.Chmod(path, 0o600)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("cannot read %s: %w", path, cause(err))
	}
	secret, err := create()
	if err != nil {
		return "", err
	}
	return secret, writeFile(path, []byte(secret+"\n"))
}

func newKey() (string, error) {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	key := []byte("wk_")
	for range 40 {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			return "", fmt.Errorf("make a key: %w", err)
		}
		key = append(key, alphabet[n.Int64()])
	}
	return string(key), nil
}

// credentialKeys is the file of the keys that provider credentials are encrypted
// under, for gateway.credential_keys_file.
const credentialKeys = "credential_keys"

func newCredentialKey() (string, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return "", fmt.Errorf("make a key of the credentials: %w", err)
	}
	return "stack:" + base64.StdEncoding.EncodeToString(key), nil
}

func newHashSecret() (string, error) {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return "", fmt.Errorf("make a secret: %w", err)
	}
	return hex.EncodeToString(secret), nil
}

// writeFile replaces a file by rename, so that no reader ever sees half of it. Mode 0600.
func writeFile(path string, content []byte) error {
	scrap, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, cause(err))
	}
	_, err = scrap.Write(content)
	if err := errors.Join(err, scrap.Close()); err != nil {
		_ = os.Remove(scrap.Name())
		return fmt.Errorf("write %s: %w", path, cause(err))
	}
	if err := os.Rename(scrap.Name(), path); err != nil {
		_ = os.Remove(scrap.Name())
		return fmt.Errorf("write %s: %w", path, cause(err))
	}
	return nil
}

// cause takes the operation and path, which the sentence around it names already, off a file error.
func cause(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
