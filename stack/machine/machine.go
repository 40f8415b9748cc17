// Package machine is the whole of Weir on one machine: a log, a ClickHouse, a Redis and a mock provider
// around the three binaries, each a child process, wired by a configuration file that is written here.
//
// Start returns when everything answers, or an error that is one clear sentence for a person, with the
// way out, and then nothing is left running and nothing is held. What was acknowledged is on disk in the
// data folder: a kill -9 of any part, or of the stack, loses nothing that a part promised to keep. The
// addresses never change while a Stack runs; processes do, and the ready file follows.
//
// A Stack is stopped once, by Stop, from any goroutine.
package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"weir/stack/flock"
	"weir/stack/ports"
	"weir/stack/supervisor"
)

// Options say what to start. Data and Ports are required.
type Options struct {
	Data      string     // folder for everything that is kept, made when absent
	Ports     string     // PortsFixed or PortsAuto
	Ready     string     // file that gets the Info as JSON; "" for none
	Providers []Provider // in addition to "mock", or instead of it where the name is the same

	// Addresses of servers to use instead of starting them; "" starts one.
	ClickHouse     string // native protocol
	ClickHouseHTTP string // HTTP protocol; by default ClickHouse's host with port 8123
	Kafka          string
	Redis          string

	// What to start where no address is given.
	KafkaServer string // KafkaFake, which is the default, or KafkaApache
	RedisServer string // RedisAuto, which is the default, RedisReal or RedisFake

	Binaries string    // folder with gateway, ingest and aggregator
	Self     string    // the stack's own executable, which is also the embedded servers
	Out      io.Writer // lines for a person: progress, and children that died
}

// Provider is a vendor that the gateway knows by its name, or a server at a URL, which
// includes its /v1, that speaks what the vendor of that name does, or else as OpenAI.
type Provider struct{ Name, URL string }

// Stack is everything that runs.
type Stack struct {
	opts       Options
	data       folder
	lock       *flock.Lock
	ports      *ports.Set
	addresses  addresses
	secrets    secrets
	supervisor *supervisor.Supervisor
	ready      *readyFile
	out        *lineWriter
	stopOnce   sync.Once
}

// Start brings everything up. It can be cancelled through ctx, which has no meaning after it returned.
func Start(ctx context.Context, opts Options) (*Stack, error) {
	s := &Stack{opts: opts, out: &lineWriter{out: opts.Out}}
	err := s.start(ctx)
	if err == nil {
		return s, nil
	}
	s.Stop()
	return nil, s.explain(err)
}

// start is the straight line; Stop undoes whatever part of it was reached.
func (s *Stack) start(ctx context.Context) (err error) {
	if s.data, err = openFolder(s.opts.Data); err != nil {
		return err
	}
	if s.lock, err = s.data.claim(); err != nil {
		return err
	}
	if err := s.checkKafka(); err != nil {
		return err
	}
	s.ready = newReadyFile(s.opts.Ready)
	if err := s.ready.prepare(); err != nil {
		return err
	}
	if err := s.findBinaries(); err != nil {
		return err
	}
	if s.ports, err = ports.NewSet(""); err != nil {
		return err
	}
	if s.addresses, err = chooseAddresses(ctx, s.opts, s.ports); err != nil {
		return err
	}
	if s.secrets, err = s.data.secrets(); err != nil {
		return err
	}
	if err := s.writeConfig(); err != nil {
		return err
	}
	s.supervisor, err = supervisor.New(supervisor.Options{
		Report:     s.out.line,
		Changed:    s.publish,
		Undertaker: []string{s.opts.Self, "undertaker"},
	})
	if err != nil {
		return err
	}
	if err := s.startParts(ctx); err != nil {
		return err
	}
	return s.ready.publish(s.Info())
}

// publish follows a child's new process; before everything answered there is nothing to follow.
func (s *Stack) publish() {
	if err := s.ready.update(s.Info()); err != nil {
		s.out.line("cannot write the ready file: " + err.Error())
	}
}

// Stop ends everything in order: first what takes calls, then what reads the log, then the servers that
// both need. It takes at most 20 s; what hangs is killed.
func (s *Stack) Stop() {
	s.stopOnce.Do(func() {
		if s.ready != nil {
			if err := s.ready.retire(); err != nil {
				s.out.line(err.Error())
			}
		}
		if s.supervisor != nil {
			s.supervisor.Stop(9*time.Second, partGateway) // it gives open calls 8 s
			s.supervisor.Stop(5*time.Second, partIngest, partAggregator)
			s.supervisor.Stop(5*time.Second, partProvider, partRedis, partClickHouse, partKafka)
			s.supervisor.Close()
		}
		if s.ports != nil {
			s.ports.Release()
		}
		if s.lock != nil {
			_ = s.lock.Release()
		}
	})
}

// findBinaries looks before anything is started: half a build is a common first mistake.
func (s *Stack) findBinaries() error {
	for _, name := range []string{partGateway, partIngest, partAggregator} {
		if _, err := os.Stat(filepath.Join(s.opts.Binaries, name)); err != nil {
			return fmt.Errorf("%s is missing in %s: build all with `make build`", name, s.opts.Binaries)
		}
	}
	return nil
}

// explain makes the one sentence, with the end of the child's log below it, of what went wrong.
func (s *Stack) explain(err error) error {
	var failed *supervisor.StartError
	if !errors.As(err, &failed) {
		return err
	}
	text := fmt.Sprintf("%s does not start: %s", failed.Name, failed.Reason)
	if wayOut := s.wayOut(failed.Name); wayOut != "" {
		text += "; " + wayOut
	}
	text += " (its log: " + failed.Log + ")"
	for _, line := range failed.Tail {
		text += "\n  | " + line
	}
	return errors.New(text)
}

func (s *Stack) wayOut(name string) string {
	switch name {
	case partClickHouse:
		dir := s.data.path(name)
		return fmt.Sprintf("if its data is damaged, move it away and start again: mv %s %s.damaged (it begins empty then; the log keeps what was)", dir, dir)
	case partKafka:
		// Tables without the log that they were made from would stop the readers.
		log, tables := s.data.path(kafkaFolder(s.opts.KafkaServer)), s.data.path(partClickHouse)
		return fmt.Sprintf("if its data is damaged, move it and the tables made from it away and start again: mv %s %s.damaged; mv %s %s.damaged (the log is the ledger: keep both)", log, log, tables, tables)
	case partKafkaFormat:
		return "Apache Kafka needs Java 17 or newer"
	case partMigrate:
		return "the ClickHouse at " + s.addresses.clickHouse + " does not take Weir's tables"
	}
	return ""
}

// lineWriter keeps the lines of several children apart.
type lineWriter struct {
	mu  sync.Mutex // owns out
	out io.Writer
}

func (w *lineWriter) line(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.out != nil {
		fmt.Fprintln(w.out, "stack: "+strings.TrimSpace(text))
	}
}
