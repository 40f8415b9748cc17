package e2e_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"weir/e2e/stacktest"
)

// TestPrintedCommands does what a new user does: runs the four commands that the stack prints, as they
// stand there.
func TestPrintedCommands(t *testing.T) {
	var commands []string
	for paragraph := range strings.SplitSeq(shared.Banner(), "\n\n") {
		if strings.HasPrefix(paragraph, "  ") && strings.Contains(paragraph, "curl ") {
			commands = append(commands, paragraph)
		}
	}
	if len(commands) != 4 {
		t.Fatalf("the stack printed %d commands:\n%s", len(commands), shared.Banner())
	}
	run := func(command string) string {
		t.Helper()
		text, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, text)
		}
		return string(text)
	}
	if text := run(commands[0]); !strings.Contains(text, `"cost":`) {
		t.Errorf("%s\nprinted:\n%s", commands[0], text)
	}
	if text := run(commands[1]); !strings.Contains(text, "data: [DONE]") {
		t.Errorf("%s\nprinted:\n%s", commands[1], text)
	}
	stacktest.Eventually(t, visible, func() error {
		text := run(commands[2])
		if strings.Count(text, "req_") < 2 || strings.Count(text, "small") < 2 {
			return fmt.Errorf("the query printed:\n%s", text)
		}
		return nil
	})
	var key struct {
		Secret string `json:"api_key"`
	}
	text := run(commands[3])
	_, answer, _ := strings.Cut(text, "{\"api_key_id\"") // curl's progress is around it
	if err := json.NewDecoder(strings.NewReader("{\"api_key_id\"" + answer)).Decode(&key); err != nil || !strings.HasPrefix(key.Secret, "wk_") {
		t.Errorf("%s\nprinted:\n%s", commands[3], text)
	}
}
