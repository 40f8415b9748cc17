package clients_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// pythonFolder is where `make clients` installs clients for Python: the official ones and the frameworks, some of
// which hold the official ones back.
func pythonFolder(set string) string { return filepath.Join("..", "..", ".cache", "clients-"+set) }

// The lock files of clients for Python, without their ending.
const (
	officials  = "official"
	frameworks = "frameworks"
)

// pythonBinary is what runs a family, by an absolute path, since the scripts run in their own folder.
func pythonBinary(family string) string {
	set := frameworks
	if family == "official" || family == "protocols" {
		set = officials
	}
	path, err := filepath.Abs(filepath.Join(pythonFolder(set), "bin", "python"))
	if err != nil {
		return "python" // there is no working directory: nothing runs then
	}
	return path
}

// checkInstalled fails unless the clients are there in the versions that the lock files name. `make clients` puts
// them there.
func checkInstalled(t *testing.T) {
	t.Helper()
	for _, set := range []string{officials, frameworks} {
		if err := pythonInstalled(set); err != nil {
			t.Fatalf("the clients for Python are not installed as %s.lock says, run `make clients`: %v", set, err)
		}
	}
	if err := nodeInstalled("node"); err != nil {
		t.Fatalf("the clients for Node are not installed as package.json says, run `make clients`: %v", err)
	}
}

// pythonInstalled compares the lock file with the copy that is made when all of it was installed.
func pythonInstalled(set string) error {
	want, err := os.ReadFile(filepath.Join("python", set+".lock"))
	if err != nil {
		return fmt.Errorf("read the lock file: %w", err)
	}
	got, err := os.ReadFile(filepath.Join(pythonFolder(set), set+".lock"))
	if err != nil {
		return fmt.Errorf("read what was installed: %w", err)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s is of another lock file", pythonFolder(set))
	}
	return nil
}

// nodeInstalled compares the versions that package.json names with those of the packages.
func nodeInstalled(folder string) error {
	var wanted struct{ Dependencies map[string]string }
	if err := readJSON(filepath.Join(folder, "package.json"), &wanted); err != nil {
		return err
	}
	for name, want := range wanted.Dependencies {
		var got struct{ Version string }
		if err := readJSON(filepath.Join(folder, "node_modules", name, "package.json"), &got); err != nil {
			return err
		}
		if got.Version != want {
			return fmt.Errorf("%s is there in version %s, not %s", name, got.Version, want)
		}
	}
	return nil
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read a package file: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}
