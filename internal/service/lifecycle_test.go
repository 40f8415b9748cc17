package service

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCleanupsRunLastInFirstOutAndOnce(t *testing.T) {
	var order []string
	var stop Cleanups
	for _, name := range []string{"spool", "producer", "listener"} {
		stop.Add(name, func(context.Context) error {
			order = append(order, name)
			if name == "producer" {
				return errors.New("boom")
			}
			return nil
		})
	}
	err := stop.Run(t.Context(), time.Second)
	if want := []string{"listener", "producer", "spool"}; !cmp.Equal(want, order) {
		t.Errorf("order %v, want %v", order, want)
	}
	if err == nil || err.Error() != "stop producer: boom" {
		t.Errorf("error %v, want the producer's", err)
	}
	if err := stop.Run(t.Context(), time.Second); err != nil || len(order) != 3 {
		t.Errorf("a second run did %v more, %v", order[3:], err)
	}
}

func TestCleanupsHaveATimeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var last bool
		hang := make(chan struct{})
		var stop Cleanups
		stop.Add("last", func(ctx context.Context) error { last = true; return ctx.Err() })
		stop.Add("polite", func(ctx context.Context) error { <-ctx.Done(); return errors.New("3 records left") })
		stop.Add("hanging", func(context.Context) error { <-hang; return nil })

		began := time.Now()
		err := stop.Run(t.Context(), 5*time.Second)
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("took %v, want the limit of 5s", took)
		}
		want := "stop hanging: context deadline exceeded\nstop polite: 3 records left\nstop last: context deadline exceeded"
		if err == nil || err.Error() != want || !last {
			t.Errorf("error %q, want %q; last step run: %v", err, want, last)
		}
		close(hang)
	})
}

func TestRollback(t *testing.T) {
	build := func(fail error) (undone bool, err error) {
		var stop Cleanups
		defer stop.Rollback(t.Context(), &err)
		stop.Add("spool", func(context.Context) error { undone = true; return nil })
		return false, fail
	}
	fail := errors.New("listen")
	if undone, err := build(fail); !undone || !errors.Is(err, fail) {
		t.Errorf("undone %v with error %v, want true and the error", undone, err)
	}
	if undone, err := build(nil); undone || err != nil {
		t.Errorf("undone %v with error %v, want false and none", undone, err)
	}
}

func TestRunTasks(t *testing.T) {
	wait := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

	f := func(name string, cancel bool, other func(context.Context) error, want string) {
		t.Run(name, func(t *testing.T) {
			ctx, end := context.WithCancel(t.Context())
			defer end()
			if cancel {
				end()
			}
			stopped := false
			var stop Cleanups
			stop.Add("step", func(ctx context.Context) error { stopped = true; return ctx.Err() })
			got := ""
			if err := RunTasks(ctx, &stop, Task{"consume", wait}, Task{"serve", other}); err != nil {
				got = err.Error()
			}
			if got != want || !stopped {
				t.Errorf("error %q, want %q; cleanups run: %v", got, want, stopped)
			}
		})
	}

	f("asked to stop", true, wait, "")
	f("one fails", false, func(context.Context) error { return errors.New("boom") }, "run serve: boom")
	f("fails while stopping", true, func(context.Context) error { return errors.New("lost") }, "run serve: lost")
}

func TestMainEndsOnSignal(t *testing.T) {
	var stderr bytes.Buffer
	code := Main("weir", &stderr, func(ctx context.Context) error {
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if code != 0 || stderr.Len() != 0 {
		t.Errorf("exit code %d, stderr %q; want 0 and nothing", code, stderr.String())
	}
}

func TestMainReportsAnError(t *testing.T) {
	var stderr bytes.Buffer
	code := Main("ingest", &stderr, func(context.Context) error { return errors.New("open spool: full") })
	if code != 1 || stderr.String() != "ingest: open spool: full\n" {
		t.Errorf("exit code %d, stderr %q", code, stderr.String())
	}
}

func TestNewLogger(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(&out, Flags{LogLevel: "warn", LogFormat: "json"})
	if err != nil {
		t.Fatal(err)
	}
	log.Info("quiet")
	log.Warn("loud", "n", 1)
	if got := out.String(); strings.Contains(got, "quiet") || !strings.Contains(got, `"msg":"loud","n":1`) {
		t.Errorf("wrote %s", got)
	}
	for _, flags := range []Flags{{LogLevel: "loud", LogFormat: "json"}, {LogLevel: "info", LogFormat: "xml"}} {
		if _, err := NewLogger(&out, flags); err == nil {
			t.Errorf("%+v: no error", flags)
		}
	}
}

// The kernel's signal at a file size limit kills a Go process that does not
// ignore it.
func TestMainOutlivesAFileSizeLimit(t *testing.T) {
	code := Main("gateway", io.Discard, func(context.Context) error {
		return syscall.Kill(syscall.Getpid(), syscall.SIGXFSZ)
	})
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
}
