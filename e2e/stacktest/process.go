package stacktest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// process is a running binary of Weir. It does not outlive the process that started it.
type process struct {
	name    string
	os      *os.Process
	printed output        // on stdout: what a person is told
	output  output        // on stderr: what happens
	exited  chan struct{} // closed when the process has ended
	err     error         // how it ended; read after exited
}

func start(name, dir string, args, env []string) (*process, error) {
	binary, err := Binary(name)
	if err != nil {
		return nil, err
	}
	p := &process{name: name, exited: make(chan struct{})}
	cmd := exec.Command(binary, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &p.printed, &p.output
	// A test that is killed takes its processes with it. Linux ties this to the thread that started the
	// child, so one goroutine keeps its thread from the start until the end.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.exited)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p.os = cmd.Process
	return p, nil
}

// Output is what the process has told of on stderr so far.
func (p *process) Output() string { return p.output.String() }

// Stop ends the process by SIGTERM; it is an error when it takes longer than a stack may, or does not
// end well.
func (p *process) Stop() error {
	_ = p.os.Signal(syscall.SIGTERM) // fails only when it has ended already
	deadline := time.NewTimer(stopLimit)
	defer deadline.Stop()
	select {
	case <-p.exited:
	case <-deadline.C:
		p.Kill()
		return fmt.Errorf("%s did not stop within %v\n%s", p.name, stopLimit, p.Output())
	}
	if p.err != nil {
		return fmt.Errorf("%s stopped with an error: %w\n%s", p.name, p.err, p.Output())
	}
	return nil
}

// Kill ends the process by SIGKILL.
func (p *process) Kill() {
	_ = p.os.Kill() // fails only when it has ended already
	<-p.exited
}

// Wait waits for the process to end by itself and returns its exit code.
func (p *process) Wait(limit time.Duration) (int, error) {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	select {
	case <-p.exited:
	case <-deadline.C:
		return 0, fmt.Errorf("%s still runs after %v\n%s", p.name, limit, p.Output())
	}
	if exit := (*exec.ExitError)(nil); errors.As(p.err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, p.err
}

// output keeps what a process prints. The mutex owns the buffer.
type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.Write(p)
}

// All is all of what was printed.
func (o *output) All() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}

// String is the end of what was printed, at most 16 kB of it.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.buffer.Bytes()
	return string(text[max(0, len(text)-16<<10):])
}
