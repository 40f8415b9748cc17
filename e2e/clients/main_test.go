package clients_test

import (
	"fmt"
	"os"
	"testing"

	"weir/e2e/stacktest"
)

// shared is the stack that all clients call, and nothing else.
var shared *stacktest.Stack

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	data, err := os.MkdirTemp("", "weir-clients-")
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
			fmt.Fprintf(os.Stderr, "the stack printed:\n%s\n", shared.Output())
		}
	}()
	return m.Run()
}
