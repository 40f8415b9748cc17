package supervisor

import (
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// process is one run of a program. A goroutine waits for it; ended is closed when it is over.
type process struct {
	pid   int
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // of the exit, to be read after ended
}

// launch starts a program with its output in log, in a process group of its own: a Ctrl-C in the
// terminal must reach the supervisor alone, which then stops its children in order.
func (s *Supervisor) launch(spec Spec, log *logFile) (*process, error) {
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env = environment(spec.Env)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.WaitDelay = time.Second // a grandchild that holds the pipe must not hold us
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
	log.Begin("starting " + spec.Name)
	spawner := s.spawner
	if spec.Yields {
		spawner = s.yielder
	}
	if err := spawner.start(cmd); err != nil {
		return nil, fmt.Errorf("run %s: %w", spec.Path, err)
	}
	p := &process{pid: cmd.Process.Pid, cmd: cmd, ended: make(chan struct{})}
	s.orphans.watch(p.pid)
	go func() {
		p.err = cmd.Wait()
		s.orphans.unwatch(p.pid)
		close(p.ended)
	}()
	return p, nil
}

// signal is harmless after the end: os.Process knows that it has been waited for.
func (p *process) signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) }

// reason is how it ended, in words: "exit status 1", "signal: killed".
func (p *process) reason() string {
	if p.cmd.ProcessState == nil {
		return fmt.Sprint(p.err)
	}
	return p.cmd.ProcessState.String()
}

// spawner starts all children from one OS thread. On Linux the signal at the parent's death is sent
// when the thread that forked ends, and Go ends threads as it likes; this one is locked to a goroutine
// that lives as long as the supervisor.
type spawner struct {
	requests chan spawnRequest
	done     sync.WaitGroup
}

type spawnRequest struct {
	cmd    *exec.Cmd
	result chan error
}

// yieldNice is the niceness of children that yield: a tenth of the others' share
// of a processor that is short.
const yieldNice = 10

// newSpawner starts its children at a niceness. It is the thread's own, and a
// child's threads have it from the first on; where niceness belongs to the whole
// process (not Linux), only 0 is right.
func newSpawner(nice int) *spawner {
	s := &spawner{requests: make(chan spawnRequest)}
	s.done.Go(func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		if nice > 0 && runtime.GOOS == "linux" {
			_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, nice) // without it the child runs all the same
		}
		for request := range s.requests {
			request.result <- request.cmd.Start()
		}
	})
	return s
}

func (s *spawner) start(cmd *exec.Cmd) error {
	request := spawnRequest{cmd: cmd, result: make(chan error, 1)}
	s.requests <- request
	return <-request.result
}

// close must come after the last child has ended.
func (s *spawner) close() {
	close(s.requests)
	s.done.Wait()
}
