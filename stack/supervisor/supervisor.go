// Package supervisor starts programs as children, waits until they answer, starts them again when they
// die, and stops them in order.
//
// Guarantees: a child that dies is started again within a second, with growing pauses when it keeps
// dying; a child never outlives the process that supervises it, however that ends (see orphans.go); what
// a child says goes to a log file of bounded size. A child that ends three times before it first answers
// is given up, and Start says why.
//
// A Supervisor may be used from several goroutines. Each child has one goroutine that owns its process.
package supervisor

import (
	"context"
	"fmt"
	"maps"
	"os"
	"sync"
	"syscall"
	"time"
)

// Options are what the supervisor tells its owner. Both functions are called from several goroutines.
type Options struct {
	// Report gets one line for a person when something unexpected happened to a child.
	Report func(line string)
	// Changed is called after the process of a child that had answered was replaced.
	Changed func()
	// Undertaker is the command line that runs Undertake in a process of its own. It is used only on
	// systems without a signal at the parent's death, and when given.
	Undertaker []string
}

// Spec is one program to supervise.
type Spec struct {
	Name string   // shown to people, unique
	Path string   // of the executable
	Args []string // without the executable
	Env  []string // added to this process's environment
	Log  string   // path of the log file
	// Yields gives the child a lower priority than the others.
	Yields bool
	// Ready is one attempt to see whether the child answers; nil means it need not. It is repeated
	// until it returns nil, with a context that allows one attempt two seconds.
	Ready func(ctx context.Context) error
	// StartTimeout bounds the wait for Ready; 60 s if zero.
	StartTimeout time.Duration
}

// Supervisor owns a set of children.
type Supervisor struct {
	opts    Options
	spawner *spawner
	yielder *spawner // of the children that yield
	orphans *orphanGuard

	mu       sync.Mutex // owns children
	children map[string]*child
}

// New returns a supervisor without children. Close must be called, also after an error of Start.
func New(opts Options) (*Supervisor, error) {
	s := &Supervisor{opts: opts, spawner: newSpawner(0), yielder: newSpawner(yieldNice), children: map[string]*child{}}
	guard, err := newOrphanGuard(opts.Undertaker)
	if err != nil {
		s.spawner.close()
		s.yielder.close()
		return nil, err
	}
	s.orphans = guard
	return s, nil
}

// StartError is a child that could not be brought up.
type StartError struct {
	Name   string
	Reason string   // a phrase: "ended three times before it answered (exit status 1)"
	Tail   []string // the last lines of its log, oldest first
	Log    string   // path of its log
}

func (e *StartError) Error() string { return fmt.Sprintf("start %s: %s", e.Name, e.Reason) }

// Start starts a child and returns when it answers. After an error, a *StartError or that of ctx, the
// child is stopped.
func (s *Supervisor) Start(ctx context.Context, spec Spec) error {
	log, err := openLog(spec.Log, func(line string) { s.opts.Report(spec.Name + ": " + line) })
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", spec.Name, err)
	}
	c := newChild(s, spec, log)
	s.mu.Lock()
	_, exists := s.children[spec.Name]
	if !exists {
		s.children[spec.Name] = c
	}
	s.mu.Unlock()
	if exists {
		_ = log.Close()
		return fmt.Errorf("start %s: it is already supervised", spec.Name)
	}
	go c.supervise()
	if err := c.awaitReady(ctx); err != nil {
		s.Stop(time.Second, spec.Name)
		return err
	}
	return nil
}

// Run runs a program once, to its end, under the same rules of logging and dying. A bad exit is a
// *StartError.
func (s *Supervisor) Run(ctx context.Context, spec Spec) error {
	log, err := openLog(spec.Log, func(string) {})
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", spec.Name, err)
	}
	defer log.Close()
	process, err := s.launch(spec, log)
	if err != nil {
		return &StartError{Name: spec.Name, Reason: err.Error(), Log: spec.Log}
	}
	select {
	case <-process.ended:
	case <-ctx.Done():
		process.signal(syscall.SIGKILL)
		<-process.ended
		return ctx.Err()
	}
	if process.err != nil {
		return &StartError{Name: spec.Name, Reason: "ended with " + process.err.Error(), Tail: log.Tail(), Log: spec.Log}
	}
	return nil
}

// PIDs is the process of each child by name.
func (s *Supervisor) PIDs() map[string]int {
	s.mu.Lock()
	children := maps.Clone(s.children)
	s.mu.Unlock()
	pids := make(map[string]int, len(children))
	for name, c := range children {
		if pid := c.pid(); pid != 0 {
			pids[name] = pid
		}
	}
	return pids
}

// Stop asks the named children to end (SIGTERM), all at once, and kills those that have not after
// patience. It returns when all have ended. Names without a child are passed over.
func (s *Supervisor) Stop(patience time.Duration, names ...string) {
	var stopping sync.WaitGroup
	for _, name := range names {
		s.mu.Lock()
		c := s.children[name]
		delete(s.children, name)
		s.mu.Unlock()
		if c == nil {
			continue
		}
		stopping.Go(func() {
			if killed := c.stop(patience); killed {
				s.opts.Report(fmt.Sprintf("%s did not stop within %v and was killed", name, patience))
			}
			_ = c.log.Close()
		})
	}
	stopping.Wait()
}

// Close kills what still runs and gives up what the supervisor holds.
func (s *Supervisor) Close() {
	s.mu.Lock()
	var names []string
	for name := range s.children {
		names = append(names, name)
	}
	s.mu.Unlock()
	s.Stop(0, names...)
	s.orphans.close()
	s.spawner.close()
	s.yielder.close()
}

// environment is this process's with the given additions; of two values for a name the later counts.
func environment(added []string) []string { return append(os.Environ(), added...) }
