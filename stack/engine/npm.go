package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// errNoNPM is the sentence a person sees on a machine without npm.
var errNoNPM = errors.New("npm is not installed, and the ClickHouse engine comes from npm: install Node.js with npm " +
	"(https://nodejs.org, or your system's package `npm`), or put `clickhouse` 25.3 or newer on PATH, " +
	"or give an address with --clickhouse HOST:PORT")

// distribution is what the registry says of one package version.
type distribution struct {
	Tarball   string `json:"tarball"`
	Integrity string `json:"integrity"` // "sha512-<base64>", maybe several separated by blanks
}

// lookUp asks npm, and so whatever registry, scope and credentials the user's npm is set up with.
func lookUp(ctx context.Context, pkg string) (distribution, error) {
	out, err := npm(ctx, "", "view", pkg+"@"+Version, "dist", "--json")
	if err != nil {
		return distribution{}, err
	}
	var dist distribution
	if err := json.Unmarshal(out, &dist); err != nil {
		return distribution{}, fmt.Errorf("read npm's answer about %s: %w", pkg, err)
	}
	if dist.Tarball == "" || dist.Integrity == "" {
		return distribution{}, fmt.Errorf("npm names no tarball and integrity for %s@%s", pkg, Version)
	}
	return dist, nil
}

// pack lets npm itself download the tarball into dir and returns its path.
func pack(ctx context.Context, pkg, dir string) (string, error) {
	if _, err := npm(ctx, dir, "pack", pkg+"@"+Version, "--silent", "--pack-destination", dir); err != nil {
		return "", err
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("find npm's tarball in %s: %d files", dir, len(found))
	}
	return found[0], nil
}

func npm(ctx context.Context, dir string, args ...string) ([]byte, error) {
	path, err := exec.LookPath("npm")
	if err != nil {
		return nil, errNoNPM
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Stderr = dir, &stderr
	cmd.Env = append(os.Environ(), "npm_config_update_notifier=false", "npm_config_loglevel=error")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run npm %s: %w: %s", args[0], err, oneLine(stderr.String()))
	}
	return out, nil
}

// oneLine shortens npm's complaint to what fits a sentence.
func oneLine(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(line, "npm error"), "npm ERR!"))
		if line != "" && !strings.HasPrefix(line, "A complete log of this run") {
			kept = append(kept, line)
		}
	}
	text = strings.Join(kept, "; ")
	if len(text) > 300 {
		text = text[:300] + "…"
	}
	return text
}
