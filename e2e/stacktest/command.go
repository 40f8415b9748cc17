package stacktest

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// Command is a command of one of Weir's binaries that runs beside the stack.
type Command struct{ *process }

// Command starts a binary with the stack's weir.yaml and the arguments. It does not outlive the test.
func (s *Stack) Command(t testing.TB, name string, args ...string) *Command {
	t.Helper()
	p, err := start(name, "", append([]string{"--config", filepath.Join(s.Data, "weir.yaml")}, args...), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return &Command{p}
}

// Printed is what the command has told its user on stdout so far.
func (c *Command) Printed() string { return c.printed.All() }

// Run starts a binary as Command does, waits for its end, and returns what it printed; an error has what it
// said on stderr.
func (s *Stack) Run(t testing.TB, limit time.Duration, name string, args ...string) (string, error) {
	t.Helper()
	c := s.Command(t, name, args...)
	code, err := c.Wait(limit)
	if err == nil && code != 0 {
		err = fmt.Errorf("%s %v ended with code %d\n%s", name, args, code, c.Output())
	}
	return c.Printed(), err
}
