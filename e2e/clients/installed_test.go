package clients_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// pythonFolder is where `make clients` installs the clients for Python.
func pythonFolder() string { return filepath.Join("..", "..", ".cache", "clients-python") }

// pythonBinary is by an absolute path, since the scripts run in their own folder.
func pythonBinary() string {
	path, err := filepath.Abs(filepath.Join(pythonFolder(), "bin", "python"))
	if err != nil {
		return "python" // there is no working directory: nothing runs then
	}
	return path
}

// checkInstalled fails unless the clients are there in the versions that the lock files name. `make clients` puts
// them there.
func checkInstalled(t *testing.T) {
	t.Helper()
	if err := pythonInstalled(); err != nil {
		t.Fatalf("the clients for Python are not installed as requirements.lock says, run `make clients`: %v", err)
	}
	if err := nodeInstalled("node"); err != nil {
		t.Fatalf("the clients for Node are not installed as package.json says, run `make clients`: %v", err)
	}
}

// pythonInstalled compares the lock file with the copy that is made when all of it was installed.
func pythonInstalled() error {
	want, err := os.ReadFile(filepath.Join("python", "requirements.lock"))
	if err != nil {
		return fmt.Errorf("read the lock file: %w", err)
	}
	got, err := os.ReadFile(filepath.Join(pythonFolder(), "requirements.lock"))
	if err != nil {
		return fmt.Errorf("read what was installed: %w", err)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s is of another lock file", pythonFolder())
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
