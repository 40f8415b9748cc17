package e2e_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"weir/e2e/stacktest"
)

// shared is the stack of the tests that break nothing. It lives as long as the test binary; a test finds
// its own calls in it by their request ids.
var shared *stacktest.Stack

// visible is how long a row may take into ClickHouse in tests that are about something else.
const visible = 20 * time.Second

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	data, err := os.MkdirTemp("", "weir-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a data folder:", err)
		return 1
	}
	defer os.RemoveAll(data)
	shared, err = stacktest.Start(stacktest.Options{Data: data})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := shared.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		if code != 0 {
			fmt.Fprintf(os.Stderr, "the shared stack printed:\n%s\n", shared.Output())
		}
	}()
	return m.Run()
}
