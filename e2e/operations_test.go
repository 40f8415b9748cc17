package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"weir/e2e/stacktest"
)

// command runs a binary of Weir with a stack's configuration, as docs/operations.md has it. failing says
// that exit code 1 is no failure: something was found.
func command(t *testing.T, stack *stacktest.Stack, failing bool, name string, args ...string) string {
	t.Helper()
	binary, err := stacktest.Binary(name)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), binary, append([]string{"--config", filepath.Join(stack.Data, "weir.yaml")}, args...)...).CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && (!failing || !errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// execute runs a statement on the stack's ClickHouse.
func execute(t *testing.T, stack *stacktest.Stack, statement string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, stacktest.URL(stack.ClickHouseHTTP), strings.NewReader(statement))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", statement, text, err)
	}
}

// TestRestore goes the two ways back of docs/operations.md: an old backup restored while calls are made,
// and an empty ClickHouse. The books are whole in the end.
func TestRestore(t *testing.T) {
	data := t.TempDir()
	stack, err := stacktest.Start(stacktest.Options{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	running := stack
	t.Cleanup(func() {
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
	})
	made := 0
	more := func(n int) {
		t.Helper()
		for range n {
			if a := running.Client().Chat(t.Context(), stacktest.ChatBody("mock/small", `,"requesty":{"user_id":"ada","tags":["restore"]}`)); a.Status != 200 {
				t.Fatalf("a call is answered %v", a)
			}
			made++
		}
	}
	mend := func() {
		t.Helper()
		books := stacktest.OpenBooks(t, running)
		stacktest.Eventually(t, visible, func() error { // the newest calls are there
			rows, err := books.Rows(t.Context(), "SELECT toString(count()) FROM weir.usage")
			if err == nil && rows[0][0] == "0" {
				err = errors.New("usage is empty")
			}
			return err
		})
		command(t, running, true, "ingest", "repair")
		command(t, running, false, "aggregator", "rebuild")
		stacktest.Eventually(t, visible, func() error {
			c, err := books.Counts(t.Context())
			if err != nil {
				return err
			}
			return errors.Join(c.Are(made), books.CompareRollups(t.Context()))
		})
		if out := command(t, running, false, "ingest", "audit", "--full"); out == "" {
			t.Error("the audit says nothing")
		}
	}

	books := stacktest.OpenBooks(t, running)
	more(40)
	stacktest.Eventually(t, visible, func() error {
		c, err := books.Counts(t.Context())
		if err != nil {
			return err
		}
		return c.Are(made)
	})
	execute(t, running, "BACKUP DATABASE weir TO File('before')")
	more(40)
	stacktest.Eventually(t, visible, func() error {
		c, err := books.Counts(t.Context())
		if err != nil {
			return err
		}
		return c.Are(made)
	})
	// The stack would start readers that are stopped again; these stand still instead.
	resumeIngest, resumeAggregator := pause(t, running, "ingest"), pause(t, running, "aggregator")
	execute(t, running, "DROP DATABASE weir SYNC")
	more(10) // served, and wait in the log
	execute(t, running, "RESTORE DATABASE weir FROM File('before')")
	resumeIngest()
	resumeAggregator()
	more(10)
	mend()
	checkAllBalanced(t, running)

	if err := stack.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(data, "clickhouse")); err != nil {
		t.Fatal(err)
	}
	if running, err = stacktest.Start(stacktest.Options{Data: data}); err != nil {
		running = stack
		t.Fatal(fmt.Errorf("start without ClickHouse's data: %w", err))
	}
	more(10)
	mend()
}
