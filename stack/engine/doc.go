// Package engine brings ClickHouse to a machine that has none: it fetches libchdb, which is ClickHouse
// as a shared library, from npm into a cache, and runs it as a server on the native and the HTTP
// protocol in a process of its own.
//
// Fetching is safe beside other fetches (a file lock) and leaves the cache either without the library
// or with the whole, verified one (a rename at the end). A running engine is ClickHouse itself, with
// the same files on disk: what was acknowledged survives kill -9 of the process. The library can be
// loaded once per process and makes one call, so Serve is for a child process whose only work it is.
package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"weir/stack/cache"
)

// Version is the version of the npm packages; the ClickHouse in it is 26.7.
const Version = "26.7.3-stable.1"

// libraryName is the file in the package on every platform, macOS included.
const libraryName = "libchdb.so"

// ErrMissing is wrapped by Library when the cache has no engine.
var ErrMissing = errors.New("the ClickHouse engine is not in the cache")

// CacheDir is where this version's library lies; see the package cache.
func CacheDir() (string, error) { return cache.Dir(Version) }

// Library is the path of the cached library; the error wraps ErrMissing when it has to be fetched.
func Library() (string, error) {
	dir, err := CacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, libraryName)
	switch _, err := os.Stat(path); {
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("%w (%s); fetch it with `make build` or `bin/stack fetch`", ErrMissing, path)
	case err != nil:
		return "", fmt.Errorf("look for the engine: %w", err)
	}
	return path, nil
}

// packageName is the npm package of this platform.
func packageName() (string, error) {
	switch platform := runtime.GOOS + "/" + runtime.GOARCH; platform {
	case "linux/amd64":
		return "@chdb/lib-linux-x64-gnu", nil
	case "linux/arm64":
		return "@chdb/lib-linux-arm64-gnu", nil
	case "darwin/arm64":
		return "@chdb/lib-darwin-arm64", nil
	case "darwin/amd64":
		return "@chdb/lib-darwin-x64", nil
	default:
		return "", fmt.Errorf("there is no ClickHouse engine for %s: give the address of a ClickHouse with --clickhouse HOST:PORT", platform)
	}
}
