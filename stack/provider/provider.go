// Package provider is a mock provider of language models: it speaks the protocols of OpenAI, Anthropic,
// Gemini, Bedrock and Azure, plain and streamed, and keeps a ledger of its own of everything it billed,
// so that the books of the gateway in front of it can be reconciled against what was really served.
//
// It shares no code with the gateway, so that a mistake of the one cannot hide in the other: requests
// are decoded by encoding/json, answers are put together by hand. Each protocol is a room of its own; what
// is answered (answer), how an exchange runs or goes wrong (exchange) and what was billed (ledger) are
// there once for all of them.
//
// Guarantee: an answer stands in the ledger before its last byte is written, with the tokens that were
// produced until then; a write that fails afterwards amends the entry. Equal requests get equal
// answers and equal token counts.
//
// Concurrency: a Provider serves any number of requests at once; the ledger's mutex is the only state
// they share. Failure: nothing is kept on disk, a restart begins with an empty ledger.
package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"weir/stack/provider/anthropic"
	"weir/stack/provider/converse"
	"weir/stack/provider/exchange"
	"weir/stack/provider/gemini"
	"weir/stack/provider/ledger"
	"weir/stack/provider/openai"
)

// shutdownGrace is how long Run waits for open answers once its context has ended.
const shutdownGrace = 2 * time.Second

// awsSecretEnv names the secret that signatures of calls to Bedrock are checked with; unset, only their
// form is.
const awsSecretEnv = "MOCK_AWS_SECRET_ACCESS_KEY"

// Models are the names that the provider answers to, before any options after a colon. They differ only
// in what the stack's configuration makes them cost: unpriced has no price there.
func Models() []string { return []string{"small", "large", "unpriced"} }

// Entry is one line of the ledger.
type Entry = ledger.Entry

// Tokens are the counts of an entry.
type Tokens = ledger.Tokens

// Units are what an entry billed beside tokens.
type Units = ledger.Units

// Options are what a Provider can be made with; the zero value is fine.
type Options struct {
	// AWSSecret is the secret access key that calls to Bedrock must be signed with, "" to check the form
	// of the signature only.
	AWSSecret string
}

// Provider is the http.Handler of the mock provider.
type Provider struct {
	mux    *http.ServeMux
	ledger *ledger.Ledger
}

// New returns a provider with an empty ledger.
func New() *Provider { return With(Options{}) }

// With returns a provider with an empty ledger, made as o says.
func With(o Options) *Provider {
	p := &Provider{mux: http.NewServeMux(), ledger: &ledger.Ledger{}}
	desk := &exchange.Desk{Ledger: p.ledger, Models: Models()}
	openai.Routes(p.mux, desk)
	anthropic.Routes(p.mux, desk)
	gemini.Routes(p.mux, desk)
	converse.Routes(p.mux, desk, o.AWSSecret)
	p.mux.HandleFunc("GET /ledger", p.getLedger)
	p.mux.HandleFunc("DELETE /ledger", p.clearLedger)
	p.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	return p
}

// ServeHTTP answers one request.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// Entries returns a copy of the ledger, oldest first, for tests in the same process.
func (p *Provider) Entries() []Entry {
	entries, _ := p.ledger.Since(0)
	return entries
}

// getLedger answers GET /ledger?since=N: entries numbered above N, and next, the N of the following call.
func (p *Provider) getLedger(w http.ResponseWriter, r *http.Request) {
	var seq int64
	if text := r.URL.Query().Get("since"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			http.Error(w, "since must be a whole number", http.StatusBadRequest)
			return
		}
		seq = n
	}
	entries, next := p.ledger.Since(seq)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(struct { // a client that has gone away is noticed by the server
		Entries []Entry `json:"entries"`
		Next    int64   `json:"next"`
	}{entries, next})
}

func (p *Provider) clearLedger(w http.ResponseWriter, _ *http.Request) {
	p.ledger.Clear()
	w.WriteHeader(http.StatusNoContent)
}

// Run serves a new provider on listen ("host:port") until ctx ends, then lets open answers finish for
// two seconds and cuts the rest. It returns an error when it cannot listen or stops serving by itself.
func Run(ctx context.Context, listen string) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("listen for the mock provider: %w", err)
	}
	// No write timeout: a hanging or slow answer is what tests ask for.
	server := &http.Server{Handler: With(Options{AWSSecret: os.Getenv(awsSecretEnv)}), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve the mock provider: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		err = server.Close()
		if err != nil {
			return fmt.Errorf("close the mock provider: %w", err)
		}
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the mock provider: %w", err)
	}
	return nil
}
