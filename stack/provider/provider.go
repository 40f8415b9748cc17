// Package provider is a mock provider of language models: it speaks OpenAI's chat protocol, plain and
// streamed, and keeps a ledger of its own of everything it billed, so that the books of the gateway in
// front of it can be reconciled against what was really served.
//
// It shares no code with the gateway, so that a mistake of the one cannot hide in the other: requests
// are decoded by encoding/json, answers are put together by hand.
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
	"sync/atomic"
	"time"
)

// maxBody is the most bytes of a request body that are read; more is answered 413.
const maxBody = 64 << 20

// shutdownGrace is how long Run waits for open answers once its context has ended.
const shutdownGrace = 2 * time.Second

// Models are the names that the provider answers to, before any options after a colon. They differ only
// in what the stack's configuration makes them cost: unpriced has no price there.
func Models() []string { return []string{"small", "large", "unpriced"} }

// Provider is the http.Handler of the mock provider.
type Provider struct {
	mux     *http.ServeMux
	ledger  *ledger
	answers atomic.Int64 // numbers the answers' ids
}

// New returns a provider with an empty ledger.
func New() *Provider {
	p := &Provider{mux: http.NewServeMux(), ledger: &ledger{}}
	p.mux.HandleFunc("POST /v1/chat/completions", p.chat)
	p.mux.HandleFunc("GET /v1/models", listModels)
	p.mux.HandleFunc("GET /v1/models/{id}", getModel)
	p.mux.HandleFunc("GET /ledger", p.ledger.get)
	p.mux.HandleFunc("DELETE /ledger", p.ledger.clear)
	p.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	p.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, apiError{status: http.StatusNotFound, kind: "invalid_request_error",
			message: fmt.Sprintf("Invalid URL (%s %s)", r.Method, r.URL.Path)})
	})
	return p
}

// ServeHTTP answers one request.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// Entries returns a copy of the ledger, oldest first, for tests in the same process.
func (p *Provider) Entries() []Entry {
	entries, _ := p.ledger.since(0)
	return entries
}

// Run serves a new provider on listen ("host:port") until ctx ends, then lets open answers finish for
// two seconds and cuts the rest. It returns an error when it cannot listen or stops serving by itself.
func Run(ctx context.Context, listen string) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("listen for the mock provider: %w", err)
	}
	// No write timeout: a hanging or slow answer is what tests ask for.
	server := &http.Server{Handler: New(), ReadHeaderTimeout: 10 * time.Second}
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

type modelObject struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func describe(id string) modelObject {
	return modelObject{ID: id, Object: "model", Created: 1_767_225_600, OwnedBy: "mock"}
}

func listModels(w http.ResponseWriter, _ *http.Request) {
	list := struct {
		Object string        `json:"object"`
		Data   []modelObject `json:"data"`
	}{Object: "list"}
	for _, id := range Models() {
		list.Data = append(list.Data, describe(id))
	}
	writeJSON(w, http.StatusOK, list)
}

func getModel(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !known(id) {
		writeError(w, unknownModel(id))
		return
	}
	writeJSON(w, http.StatusOK, describe(id))
}

func known(name string) bool {
	for _, id := range Models() {
		if id == name {
			return true
		}
	}
	return false
}

// writeJSON writes v; a client that has gone away is noticed by the server, not here.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
