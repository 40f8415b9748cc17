package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// StopLimit is how long all the cleanups of a service may take together. It
// leaves the one-machine stack, which allows 20 s, time to end what is left.
const StopLimit = 15 * time.Second

// Main runs a service until it returns or the process is asked to stop by
// SIGINT or SIGTERM, which ends ctx; a second signal kills the process at once.
// An error is written to stderr as one sentence. It returns the exit code.
func Main(name string, stderr io.Writer, run func(ctx context.Context) error) int {
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()
	// A file that may not grow is then an error of the write, which the spool
	// answers as it does a full disk; by default Go dies of the signal.
	signal.Ignore(syscall.SIGXFSZ)
	// Without this the second Ctrl-C would be swallowed too.
	context.AfterFunc(ctx, release)
	// A limit on the size of files is an error of the write that meets it, like a
	// full disk; the runtime would end the process by this signal.
	signal.Ignore(syscall.SIGXFSZ)
	if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

// Cleanups are the steps that undo a start, each named. The zero value is empty
// and ready.
type Cleanups struct {
	steps []cleanup
}

type cleanup struct {
	name string
	run  func(context.Context) error
}

// Add registers a step to be run before those that were added earlier. The step
// should give up when its context ends.
func (c *Cleanups) Add(name string, run func(context.Context) error) {
	c.steps = append(c.steps, cleanup{name, run})
}

// AddCloser registers something that closes without a context.
func (c *Cleanups) AddCloser(name string, closer io.Closer) {
	c.Add(name, func(context.Context) error { return closer.Close() })
}

// Run runs all steps, last in first out, and forgets them, so that a second Run
// does nothing. The limit is for all of them together, and holds although ctx
// has ended. A step that outlives it is named in the error and left behind, and
// those that remain get an ended context: they still release what they can.
func (c *Cleanups) Run(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	var problems []error
	for _, step := range slices.Backward(c.steps) {
		done := make(chan error, 1)
		go func() { done <- step.run(ctx) }()
		if err := await(ctx, done); err != nil {
			problems = append(problems, fmt.Errorf("stop %s: %w", step.name, err))
		}
	}
	c.steps = nil
	return errors.Join(problems...)
}

// lateStep is what a step gets to notice that the time is up.
const lateStep = 100 * time.Millisecond

func await(ctx context.Context, done <-chan error) error {
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	// The step sees the same end of time as we do: let it answer first.
	select {
	case err := <-done:
		return err
	case <-time.After(lateStep):
		return ctx.Err()
	}
}

// Rollback runs the steps when *err is not nil, for a deferred call in New: a
// half-built service undoes what it began. Errors of the steps join *err.
func (c *Cleanups) Rollback(ctx context.Context, err *error) {
	if *err != nil {
		*err = errors.Join(*err, c.Run(ctx, StopLimit))
	}
}

// Task is one long-running part of a service. Run returns when ctx ends; nil
// and the end of ctx itself are a clean end.
type Task struct {
	Name string
	Run  func(ctx context.Context) error
}

// RunTasks runs all tasks until ctx ends or one of them fails, which ends the
// others, then runs the cleanups within StopLimit. It returns the first failure,
// with the task's name, joined with what went wrong while stopping.
func RunTasks(ctx context.Context, stop *Cleanups, tasks ...Task) error {
	group, running := errgroup.WithContext(ctx)
	for _, task := range tasks {
		group.Go(func() error {
			err := task.Run(running)
			if err == nil || running.Err() != nil && errors.Is(err, context.Canceled) {
				return nil
			}
			return fmt.Errorf("run %s: %w", task.Name, err)
		})
	}
	return errors.Join(group.Wait(), stop.Run(ctx, StopLimit))
}
