// Command catalog writes the data that internal/catalog compiles in: prices.json
// and, for its tests, testdata/golden.json.
//
// Prices and match rules come from the npm package that package-lock.json pins
// with its hash, models' limits and abilities from the Go module that go.sum
// pins. Two runs of one checkout write the same bytes. It needs npm and node,
// installs into a temporary folder without running scripts, and leaves nothing
// behind; on any error the old files stay as they were.
//
// It is a module of its own, so that neither the product nor the Protobuf tools
// see what it links.
package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"

	"charm.land/catwalk/pkg/embedded"
)

// catwalkVersion is checked against go.mod, so that prices.json names what it
// was made from.
const catwalkVersion = "v0.52.1"

//go:embed package.json package-lock.json dump.mjs golden.mjs library.mjs go.mod
var files embed.FS

func main() {
	out := flag.String("out", ".", "folder of internal/catalog")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *out)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "catalog:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string) error {
	work, err := os.MkdirTemp("", "weir-catalog-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.CopyFS(work, files); err != nil {
		return fmt.Errorf("unpack the scripts: %w", err)
	}
	mod, err := files.ReadFile("go.mod")
	if err != nil {
		return err
	}
	if !bytes.Contains(mod, []byte("charm.land/catwalk "+catwalkVersion)) {
		return errors.New("catwalkVersion differs from go.mod")
	}
	metadata, err := json.Marshal(map[string]any{"version": catwalkVersion, "providers": embedded.GetAll()})
	if err != nil {
		return fmt.Errorf("encode catwalk's models: %w", err)
	}
	if err := os.WriteFile(filepath.Join(work, "catwalk.json"), metadata, 0o600); err != nil {
		return err
	}

	if _, err := command(ctx, work, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"); err != nil {
		return err
	}
	prices, err := command(ctx, work, "node", "dump.mjs")
	if err != nil {
		return err
	}
	if err := check(prices); err != nil {
		return err
	}
	golden, err := command(ctx, work, "node", "golden.mjs")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(out, "testdata"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "prices.json"), prices, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "testdata", "golden.json"), golden, 0o644)
}

func command(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run %s %v: %w\n%s", name, args, err, stderr.Bytes())
	}
	return stdout, nil
}

// check refuses data with a regular expression that Go does not know: the
// package's own are JavaScript's.
func check(prices []byte) error {
	var walk func(any) error
	walk = func(v any) error {
		switch v := v.(type) {
		case map[string]any:
			if pattern, ok := v["regex"].(string); ok {
				if _, err := regexp.Compile(pattern); err != nil {
					return fmt.Errorf("translate a match rule in dump.mjs: %w", err)
				}
			}
			for _, child := range v {
				if err := walk(child); err != nil {
					return err
				}
			}
		case []any:
			for _, child := range v {
				if err := walk(child); err != nil {
					return err
				}
			}
		}
		return nil
	}
	var data any
	if err := json.Unmarshal(prices, &data); err != nil {
		return fmt.Errorf("read the dump: %w", err)
	}
	return walk(data)
}
