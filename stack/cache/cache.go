// Package cache is the folder of this machine in which the stack keeps what it fetched: one folder for
// each thing and version, shared by all stacks of a user.
//
// Filling is safe beside other fillings (a file lock): the second waits for the first. What is there is
// whole, since whoever fills works on scraps and gives them their name at the end; the scraps of one that
// was killed go with the next.
package cache

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"weir/stack/flock"
)

// ScrapPrefix begins the names of files and folders that a filling works on; only the holder of the lock
// makes and removes them.
const ScrapPrefix = "fetching-"

// Dir is the folder of one version of one thing: name in $WEIR_ENGINE_CACHE, else in weir/engine in
// $XDG_CACHE_HOME or ~/.cache.
func Dir(name string) (string, error) {
	if dir := os.Getenv("WEIR_ENGINE_CACHE"); dir != "" {
		return filepath.Join(dir, name), nil
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "weir", "engine", name), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find a place for what is fetched (set WEIR_ENGINE_CACHE to a folder): %w", err)
	}
	return filepath.Join(home, ".cache", "weir", "engine", name), nil
}

// Fill calls fetch unless the folder has the thing, alone and in a folder without scraps. What it is goes
// into the lines for a person on progress.
func Fill(ctx context.Context, dir, what string, progress io.Writer, has func() (bool, error), fetch func() error) error {
	if there, err := has(); there || err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("create the cache of %s (WEIR_ENGINE_CACHE names another place): %w", what, err)
	}
	lock, err := flock.Wait(ctx, filepath.Join(dir, "lock"), func() {
		fmt.Fprintf(progress, "waiting for another fetch of %s to end\n", what)
	})
	if err != nil {
		return fmt.Errorf("lock the cache of %s: %w", what, err)
	}
	defer lock.Release()
	if there, err := has(); there || err != nil {
		return err // the other fetch brought it
	}
	if err := removeScraps(dir); err != nil {
		return err
	}
	return fetch()
}

func removeScraps(dir string) error {
	scraps, err := filepath.Glob(filepath.Join(dir, ScrapPrefix+"*"))
	if err != nil {
		return err
	}
	for _, scrap := range scraps {
		if err := os.RemoveAll(scrap); err != nil {
			return fmt.Errorf("remove what a broken fetch left: %w", err)
		}
	}
	return nil
}
