package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/e2e/stacktest"
)

// TestReferencePageMakesCalls opens /docs in a browser: with a key given to it, the calls that it offers
// succeed as they stand, it breaks no rule of its own, asks no other host for anything, and keeps nothing.
func TestReferencePageMakesCalls(t *testing.T) {
	folder := filepath.Join("clients", "node")
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "playwright-core", "package.json")); err != nil {
		t.Fatalf("what drives the browser is not installed, run `make npm`: %v", err)
	}
	operations := []string{"API keys/list-api-keys", "API keys/create-api-key", "Inference/create-chat-completion", "Organisation/get-org-usage",
		"Inference/create-message", "Inference/count-message-tokens", "Inference/create-response", "Inference/create-embeddings", "Inference/create-image"}
	want := map[string]int{}
	for _, operation := range operations {
		_, id, _ := strings.Cut(operation, "/")
		want[id] = 200
	}
	cmd := exec.CommandContext(t.Context(), "node", "page.mjs")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "WEIR_URL="+stacktest.URL(shared.Gateway), "WEIR_KEY="+shared.APIKey,
		"WEIR_CHROMIUM="+browser(t), "WEIR_OPERATIONS="+strings.Join(operations, ","))
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("drive the browser: %v\n%s", err, output)
	}
	var got struct {
		Problems []string       `json:"problems"`
		Calls    map[string]int `json:"calls"`
	}
	if err := json.Unmarshal(output, &got); err != nil {
		t.Fatalf("%v in %s", err, output)
	}
	for _, problem := range got.Problems {
		t.Error(problem)
	}
	if diff := cmp.Diff(want, got.Calls); diff != "" {
		t.Error(diff)
	}
}

// browser is the path of a Chromium.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("Chromium is needed to open the reference page: apt-get install chromium")
	return ""
}
