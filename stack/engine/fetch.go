package engine

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"weir/stack/cache"
)

// Fetch makes sure that the cache has the engine and returns the library's path. It downloads about
// 180 MB where the cache is empty, shows its progress on progress, and does nothing otherwise. A second
// Fetch waits for the first. The error is one sentence for a person.
func Fetch(ctx context.Context, progress io.Writer) (string, error) {
	dir, err := CacheDir()
	if err != nil {
		return "", err
	}
	has := func() (bool, error) {
		_, err := Library()
		if errors.Is(err, ErrMissing) {
			return false, nil
		}
		return err == nil, err
	}
	if err := cache.Fill(ctx, dir, "the ClickHouse engine", progress, has, func() error { return fetch(ctx, dir, progress) }); err != nil {
		return "", err
	}
	return Library()
}

func fetch(ctx context.Context, dir string, progress io.Writer) error {
	pkg, err := packageName()
	if err != nil {
		return err
	}
	fmt.Fprintf(progress, "fetching the ClickHouse engine, %s %s, into %s\n", pkg, Version, dir)
	dist, err := lookUp(ctx, pkg)
	if err != nil {
		return fmt.Errorf("look up the ClickHouse engine: %w", err)
	}
	err = download(ctx, dist, dir, progress)
	var refused *refusedError
	if errors.As(err, &refused) {
		// Credentials, proxies and certificates that only npm's own configuration knows.
		fmt.Fprintf(progress, "%v; leaving the download to npm, which shows no progress and takes a minute or so\n", refused)
		err = downloadByNPM(ctx, pkg, dist, dir, progress)
	}
	if err != nil {
		return fmt.Errorf("fetch the ClickHouse engine: %w", err)
	}
	return nil
}

// refusedError is a download that did not begin. npm may still be able to do it.
type refusedError struct{ cause error }

func (e *refusedError) Error() string { return "download directly: " + e.cause.Error() }
func (e *refusedError) Unwrap() error { return e.cause }

func download(ctx context.Context, dist distribution, dir string, progress io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, dist.Tarball, nil)
	if err != nil {
		return &refusedError{err}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return &refusedError{err}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &refusedError{fmt.Errorf("%s answers %s", req.URL.Host, resp.Status)}
	}
	meter := newMeter(resp.Body, resp.ContentLength, progress)
	defer meter.stop()
	return install(meter, dist.Integrity, dir)
}

func downloadByNPM(ctx context.Context, pkg string, dist distribution, dir string, progress io.Writer) error {
	scrap, err := os.MkdirTemp(dir, cache.ScrapPrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(scrap)
	wait := newMeter(strings.NewReader(""), -1, progress)
	tarball, err := pack(ctx, pkg, scrap)
	wait.stop()
	if err != nil {
		return err
	}
	file, err := os.Open(tarball)
	if err != nil {
		return err
	}
	defer file.Close()
	return install(file, dist.Integrity, dir)
}

// install unpacks the library from the tarball while it comes in, and gives it its name only when the
// whole tarball had the hash that the registry told.
func install(tarball io.Reader, integrity, dir string) error {
	sum, want, err := parseIntegrity(integrity)
	if err != nil {
		return err
	}
	hashed := io.TeeReader(tarball, sum)
	scrap, err := os.CreateTemp(dir, cache.ScrapPrefix)
	if err != nil {
		return err
	}
	defer os.Remove(scrap.Name())
	defer scrap.Close()
	if err := extract(hashed, scrap); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, hashed); err != nil {
		return fmt.Errorf("read to the end: %w", err)
	}
	if got := base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("what was downloaded has the hash sha512-%s where npm's registry says sha512-%s: try again, "+
			"and look at the registry and the proxies between if it stays so", got, want)
	}
	if err := scrap.Chmod(0o755); err != nil {
		return err
	}
	if err := scrap.Sync(); err != nil {
		return err
	}
	return os.Rename(scrap.Name(), filepath.Join(dir, libraryName))
}

// extract writes the one file that is wanted, and reads no further than to its end.
func extract(tarball io.Reader, library io.Writer) error {
	unzipped, err := gzip.NewReader(tarball)
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	files := tar.NewReader(unzipped)
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("unpack: no %s in it", libraryName)
		}
		if err != nil {
			return fmt.Errorf("unpack: %w", err)
		}
		if header.Typeflag != tar.TypeReg || path.Base(header.Name) != libraryName {
			continue
		}
		if _, err := io.Copy(library, files); err != nil {
			return fmt.Errorf("unpack %s: %w", libraryName, err)
		}
		return nil
	}
}

// parseIntegrity takes the SHA-512 from an SRI string; npm has told one for every package since 2017.
func parseIntegrity(integrity string) (hash.Hash, string, error) {
	for one := range strings.FieldsSeq(integrity) {
		if want, found := strings.CutPrefix(one, "sha512-"); found {
			want, _, _ = strings.Cut(want, "?")
			return sha512.New(), want, nil
		}
	}
	return nil, "", fmt.Errorf("check the download: npm told no SHA-512 but %q", integrity)
}
