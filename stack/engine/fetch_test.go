package engine

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"weir/stack/cache"
)

const library = "the library's bytes"

func TestFetch(t *testing.T) {
	r := newRegistry(t, tarball(t, "package/libchdb.so", library))
	got, err := Fetch(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(got); err != nil || string(content) != library {
		t.Errorf("the library holds %q (%v), want %q", content, err, library)
	}
	if _, err := Fetch(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	if n := r.downloads.Load(); n != 1 {
		t.Errorf("two fetches downloaded %d times, want once", n)
	}
	r.expectCache(t, "libchdb.so", "lock")
}

func TestFetchesAtOnceDownloadOnce(t *testing.T) {
	r := newRegistry(t, tarball(t, "package/libchdb.so", library))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := Fetch(t.Context(), io.Discard); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := r.downloads.Load(); n != 1 {
		t.Errorf("four fetches at once downloaded %d times, want once", n)
	}
}

func TestBrokenDownloadsLeaveNothing(t *testing.T) {
	good := tarball(t, "package/libchdb.so", library)
	for _, c := range []struct {
		name    string
		breakIt func(*registry)
		want    string
	}{
		{"a flipped byte", func(r *registry) { r.serve[len(r.serve)-1] ^= 1 }, "hash"},
		{"another package", func(r *registry) { r.serve = tarball(t, "package/libchdb.so", "evil") }, "hash"},
		{"cut short", func(r *registry) { r.cutAt = len(r.serve) / 2 }, "unexpected EOF"},
		{"no library in it", func(r *registry) { r.announce(tarball(t, "package/other", "x")) }, "no libchdb.so in it"},
		{"no integrity told", func(r *registry) { r.integrity = "sha1-abc" }, "told no SHA-512"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRegistry(t, bytes.Clone(good))
			c.breakIt(r)
			r.writeNPM(t)
			_, err := Fetch(t.Context(), io.Discard)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Fetch = %v, want an error with %q", err, c.want)
			}
			if _, err := Library(); !errors.Is(err, ErrMissing) {
				t.Errorf("Library = %v, want ErrMissing", err)
			}
			r.expectCache(t, "lock")

			// The next fetch, with the registry in order again, works.
			r.announce(bytes.Clone(good))
			r.cutAt = 0
			r.writeNPM(t)
			if _, err := Fetch(t.Context(), io.Discard); err != nil {
				t.Errorf("Fetch after a broken one: %v", err)
			}
		})
	}
}

// Where the registry turns a plain download away, npm, which may know a token, is asked to do it.
func TestRefusedDownloadIsLeftToNPM(t *testing.T) {
	r := newRegistry(t, tarball(t, "package/libchdb.so", library))
	r.refuse = true
	var told bytes.Buffer
	if _, err := Fetch(t.Context(), &told); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(told.String(), "401 Unauthorized; leaving the download to npm") {
		t.Errorf("a person was told %q", told.String())
	}
	r.expectCache(t, "libchdb.so", "lock")
}

func TestScrapsOfAKilledFetchAreRemoved(t *testing.T) {
	r := newRegistry(t, tarball(t, "package/libchdb.so", library))
	if err := os.MkdirAll(r.cache, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.cache, cache.ScrapPrefix+"1"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Fetch(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	r.expectCache(t, "libchdb.so", "lock")
}

func TestWithoutNPM(t *testing.T) {
	t.Setenv("WEIR_ENGINE_CACHE", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	_, err := Fetch(t.Context(), io.Discard)
	if !errors.Is(err, errNoNPM) || strings.Contains(err.Error(), "\n") {
		t.Errorf("Fetch = %v, want one sentence about npm", err)
	}
}

func TestProgressIsInPercent(t *testing.T) {
	m := &meter{total: 200e6}
	m.read.Store(50e6)
	if got := m.String(); !strings.HasPrefix(got, " 25 %  50 of 200 MB") {
		t.Errorf("progress is %q", got)
	}
}

// registry is an npm registry with one package, and an npm on PATH that speaks of it.
type registry struct {
	cache     string // this version's folder in the cache
	bin       string
	url       string
	serve     []byte
	integrity string
	cutAt     int
	refuse    bool
	downloads atomic.Int64
}

func newRegistry(t *testing.T, tgz []byte) *registry {
	t.Helper()
	cache := t.TempDir()
	r := &registry{cache: filepath.Join(cache, Version), bin: t.TempDir()}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	r.announce(tgz)
	t.Setenv("WEIR_ENGINE_CACHE", cache)
	t.Setenv("PATH", r.bin+":/usr/bin:/bin")
	r.writeNPM(t)
	return r
}

// announce makes tgz what the registry has and tells the hash of.
func (r *registry) announce(tgz []byte) {
	sum := sha512.Sum512(tgz)
	r.serve, r.integrity = tgz, "sha512-"+base64.StdEncoding.EncodeToString(sum[:])
}

func (r *registry) writeNPM(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.bin, "packed"), r.serve, 0o600); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf(`#!/bin/sh
case $1 in
view) echo '{"tarball": "%s/lib.tgz", "integrity": "%s"}' ;;
pack) cp %s/packed lib.tgz ;;
*) exit 2 ;;
esac
`, r.url, r.integrity, r.bin)
	if err := os.WriteFile(filepath.Join(r.bin, "npm"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
}

func (r *registry) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if r.refuse {
		http.Error(w, "who are you", http.StatusUnauthorized)
		return
	}
	r.downloads.Add(1)
	w.Header().Set("Content-Length", fmt.Sprint(len(r.serve)))
	if r.cutAt > 0 {
		_, _ = w.Write(r.serve[:r.cutAt])
		return // the server closes the connection, since bytes are missing
	}
	_, _ = w.Write(r.serve)
}

func (r *registry) expectCache(t *testing.T, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(r.cache)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the cache holds %v, want %v", got, want)
	}
}

func tarball(t *testing.T, name, content string) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	files := tar.NewWriter(zipped)
	for _, file := range [][2]string{{"package/package.json", "{}"}, {name, content}} {
		header := &tar.Header{Name: file[0], Mode: 0o644, Size: int64(len(file[1])), Typeflag: tar.TypeReg}
		if err := files.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := files.Write([]byte(file[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(files.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}
