package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"weir/e2e/stacktest"
)

// nodeResult is what clients/node/run.mjs prints of one case.
type nodeResult struct {
	Case      string   `json:"case"`
	RequestID string   `json:"request_id"`
	Provider  string   `json:"provider"`
	Problems  []string `json:"problems"`
}

// TestOpenAINode makes the same calls with OpenAI's official client for Node.
func TestOpenAINode(t *testing.T) {
	folder := filepath.Join("clients", "node")
	installNode(t, folder)
	type input struct {
		Name     string         `json:"name"`
		Model    string         `json:"model"`
		Cost     string         `json:"cost"`
		Requesty map[string]any `json:"requesty"`
	}
	var cases []input
	for _, c := range clientCases() {
		tags, user, trace, extra := c.dimensions("node")
		cases = append(cases, input{c.name, c.model, c.cost, map[string]any{"tags": tags, "user_id": user, "trace_id": trace, "extra": extra}})
	}
	text, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "run.mjs")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "WEIR_URL="+stacktest.URL(shared.Gateway)+"/v1", "WEIR_KEY="+shared.APIKey, "WEIR_CASES="+string(text))
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("run the Node client: %v\n%s", err, output)
	}
	var results []nodeResult
	if err := json.Unmarshal(output, &results); err != nil {
		t.Fatalf("%v in %s", err, output)
	}
	ids := map[string]string{}
	for _, r := range results {
		ids[r.Case] = r.RequestID
		for _, problem := range r.Problems {
			t.Errorf("%s: %s", r.Case, problem)
		}
		if r.Provider != "mock" {
			t.Errorf("%s: the header names the provider %q", r.Case, r.Provider)
		}
	}
	checkBooks(t, "node", ids)
}

// installNode installs the pinned packages, unless they are there already: `make e2e` has done it before.
func installNode(t *testing.T, folder string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "playwright-core", "package.json")); err == nil {
		return
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund")
	cmd.Dir = folder
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("install the packages of the Node clients (npm is needed): %v\n%s", err, output)
	}
}
