package supervisor

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
)

// Children must not outlive the supervisor, even when it is killed. Linux does that itself (see
// orphans_linux.go). Elsewhere a small process, the undertaker, reads from a pipe which processes there
// are; when the pipe closes because the supervisor is gone, it kills those that are left. What that
// cannot cover is an undertaker killed before the supervisor.

// orphanGuard is the supervisor's end of the pipe. The zero value guards nothing.
type orphanGuard struct {
	mu   sync.Mutex // owns the order of lines
	pipe io.WriteCloser
	cmd  *exec.Cmd
}

// newOrphanGuard starts the undertaker where the system needs one.
func newOrphanGuard(command []string) (*orphanGuard, error) {
	if parentDeathSignal || len(command) == 0 {
		return &orphanGuard{}, nil
	}
	return startUndertaker(command)
}

func startUndertaker(command []string) (*orphanGuard, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("open the undertaker's pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the undertaker: %w", err)
	}
	return &orphanGuard{pipe: pipe, cmd: cmd}, nil
}

func (g *orphanGuard) watch(pid int)   { g.tell('+', pid) }
func (g *orphanGuard) unwatch(pid int) { g.tell('-', pid) }

func (g *orphanGuard) tell(sign byte, pid int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pipe != nil {
		_, _ = fmt.Fprintf(g.pipe, "%c%d\n", sign, pid) // an undertaker that is gone cannot be told
	}
}

func (g *orphanGuard) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pipe != nil {
		_ = g.pipe.Close()
		_ = g.cmd.Wait()
		g.pipe = nil
	}
}

// Undertake reads "+pid" and "-pid" lines until in ends, then kills the processes that were added and
// not removed.
func Undertake(in io.Reader) {
	alive := map[int]bool{}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		text := lines.Text()
		if len(text) < 2 {
			continue
		}
		if pid, err := strconv.Atoi(text[1:]); err == nil && pid > 1 {
			alive[pid] = text[0] == '+'
		}
	}
	for pid, is := range alive {
		if is {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
