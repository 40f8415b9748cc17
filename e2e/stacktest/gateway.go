package stacktest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// OwnGateway starts one more gateway on the stack's servers, on a free port and with a spool of its own, for
// the length of a test, and returns a client of it. edits are pairs of texts: the first is replaced by the
// second in a copy of the stack's weir.yaml, in which it must be.
func (s *Stack) OwnGateway(t testing.TB, edits ...string) *Client {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.Data, "weir.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	config, folder := string(text), t.TempDir()
	edits = append(edits, "listen: "+s.Gateway, "listen: 127.0.0.1:0",
		"dir: "+filepath.Join(s.Data, "spool"), "dir: "+filepath.Join(folder, "spool"))
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
	p, err := start("gateway", "", []string{"--config", file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	address := ""
	Eventually(t, startLimit, func() error {
		select {
		case <-p.exited:
			return Final(fmt.Errorf("the gateway ended: %w\n%s", p.err, p.Output()))
		default:
		}
		found := listening().FindStringSubmatch(p.Output())
		if found == nil {
			return errors.New("the gateway has not said where it listens")
		}
		address = found[1]
		return nil
	})
	client := s.Client()
	client.url = URL(address)
	return client
}

// listening finds the address in the line that a gateway logs when it is up.
func listening() *regexp.Regexp {
	return regexp.MustCompile(`gateway is up.*listen"?[=:]"?([0-9.]+:[0-9]+)`)
}

// shortTimeout is long enough for a provider on the same machine to answer.
const shortTimeout = time.Second

// ImpatientGateway is an OwnGateway that waits a second for the mock provider's first byte, and for each after it.
func (s *Stack) ImpatientGateway(t testing.TB) *Client {
	t.Helper()
	base := "base_url: " + strings.TrimSuffix(URL(s.Provider), "/v1") + "/v1"
	return s.OwnGateway(t, base, fmt.Sprintf("%s\n      timeout: %v\n      idle_timeout: %v", base, shortTimeout, shortTimeout))
}
