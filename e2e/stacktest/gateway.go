package stacktest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// OwnGateway starts one more gateway on the stack's servers, on a free port and with a spool of its own, for
// the length of a test, and returns a client of it. edits are pairs of texts: the first is replaced by the
// second in a copy of the stack's weir.yaml, in which it must be.
func (s *Stack) OwnGateway(t testing.TB, edits ...string) *Client {
	t.Helper()
	folder := t.TempDir()
	p := s.own(t, "gateway", folder, append(edits, "listen: "+s.Gateway, "listen: 127.0.0.1:0",
		"dir: "+filepath.Join(s.Data, "spool"), "dir: "+filepath.Join(folder, "spool")))
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	client := s.Client()
	client.url = URL(p.waitFor(t, `gateway is up.*listen"?[=:]"?([0-9.]+:[0-9]+)`))
	return client
}

// Reader is one more ingest or aggregator beside the stack's own.
type Reader struct{ *process }

// OwnReader starts one and returns when it has its share of the partitions. It is ended by Stop or by Kill,
// at the latest with the test.
func (s *Stack) OwnReader(t testing.TB, name string) Reader {
	t.Helper()
	p := s.own(t, name, t.TempDir(), nil)
	t.Cleanup(p.Kill)
	p.waitFor(t, `(partitions assigned)`)
	return Reader{p}
}

// Signal sends a signal to it.
func (r Reader) Signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	if err := r.os.Signal(signal); err != nil {
		t.Errorf("send %v to %s: %v", signal, r.name, err)
	}
}

// own starts a binary with a copy of weir.yaml in a folder, which its metrics do not share with the stack's.
func (s *Stack) own(t testing.TB, name, folder string, edits []string) *process {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.Data, "weir.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	config := regexp.MustCompile(`metrics_listen: .*`).ReplaceAllString(string(text), "metrics_listen: 127.0.0.1:0")
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(config, edits[i]) {
			t.Fatalf("weir.yaml has no %q:\n%s", edits[i], config)
		}
		config = strings.Replace(config, edits[i], edits[i+1], 1)
	}
	file := filepath.Join(folder, "weir.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := start(name, "", []string{"--config", file}, s.env)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// waitFor waits until the process has told of something, and returns the form's first group.
func (p *process) waitFor(t testing.TB, form string) (found string) {
	t.Helper()
	says := regexp.MustCompile(form)
	Eventually(t, startLimit, func() error {
		if match := says.FindStringSubmatch(p.Output()); match != nil {
			found = match[1]
			return nil
		}
		select {
		case <-p.exited:
			return Final(fmt.Errorf("%s ended: %w\n%s", p.name, p.err, p.Output()))
		default:
		}
		return fmt.Errorf("%s has not told of %q:\n%s", p.name, form, p.Output())
	})
	return found
}

// shortTimeout is long enough for a provider on the same machine to answer.
const shortTimeout = time.Second

// ImpatientGateway is an OwnGateway that waits a second for the mock provider's first byte, and for each after it.
func (s *Stack) ImpatientGateway(t testing.TB) *Client {
	t.Helper()
	base := "base_url: " + strings.TrimSuffix(URL(s.Provider), "/v1") + "/v1"
	return s.OwnGateway(t, base, fmt.Sprintf("%s\n      timeout: %v\n      idle_timeout: %v", base, shortTimeout, shortTimeout))
}
