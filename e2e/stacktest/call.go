package stacktest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// RequestIDHeader names the header of an answer that carries the id under which the call is in the books.
const RequestIDHeader = "X-Requesty-Request-Id"

// Answer is what a client saw of one call.
type Answer struct {
	Status    int    // 0 when no answer came
	RequestID string // "" when the gateway gave none
	Header    http.Header
	Body      string
	Err       error     // why the answer is not whole; nil for a whole one
	End       time.Time // when the client had all it would get
}

// String is the status, the beginning of the body, and what went wrong in reading it.
func (a Answer) String() string {
	text := fmt.Sprintf("%d %.400s", a.Status, a.Body)
	if a.Err != nil {
		text += fmt.Sprintf(" (%v)", a.Err)
	}
	return text
}

// Recognised says whether the call must be in the books: the gateway named it, and its key was live.
func (a Answer) Recognised() bool {
	return a.RequestID != "" && a.Status != http.StatusUnauthorized && a.Status != http.StatusForbidden
}

// Client calls the gateway of a stack without ever repeating a call.
type Client struct {
	url, key string
	http     *http.Client
}

// Client returns a client with connections of its own.
func (s *Stack) Client() *Client {
	// Without GetBody the transport cannot repeat a call behind our back when a kept connection breaks.
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	return &Client{url: URL(s.Gateway), key: s.APIKey, http: &http.Client{Transport: transport}}
}

// Do sends one request with the key (unless the header has its own Authorization, "" for none) and reads
// the answer to its end.
func (c *Client) Do(ctx context.Context, method, path string, body io.Reader, header ...string) Answer {
	return c.Read(ctx, method, path, body, func(r io.Reader) (string, error) {
		text, err := io.ReadAll(r)
		return string(text), err
	}, header...)
}

// Read is Do with the reading of the body left to the caller, who may leave before its end.
func (c *Client) Read(ctx context.Context, method, path string, body io.Reader, read func(io.Reader) (string, error), header ...string) (a Answer) {
	defer func() { a.End = time.Now() }()
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, body)
	if err != nil {
		return Answer{Err: err}
	}
	req.GetBody = nil
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Answer{Err: err}
	}
	defer resp.Body.Close()
	a = Answer{Status: resp.StatusCode, Header: resp.Header, RequestID: resp.Header.Get(RequestIDHeader)}
	a.Body, a.Err = read(resp.Body)
	return a
}

// Chat sends a chat completion.
func (c *Client) Chat(ctx context.Context, body string, header ...string) Answer {
	return c.Do(ctx, http.MethodPost, "/v1/chat/completions", strings.NewReader(body), header...)
}

// ChatBody is a small chat completion; more is put before the closing brace (`,"stream":true`).
func ChatBody(model, more string) string {
	return fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"What does the river carry?"}]%s}`, model, more)
}

// Streamed asks for a stream with usage at its end.
const Streamed = `,"stream":true,"stream_options":{"include_usage":true}`

// WaitUsage waits until every one of the answers that must be in the books is in usage, and returns the
// whole table.
func WaitUsage(t testing.TB, b *Books, limit time.Duration, answers ...Answer) map[string]Usage {
	t.Helper()
	var usage map[string]Usage
	Eventually(t, limit, func() (err error) {
		if usage, err = b.Usage(t.Context()); err != nil {
			return err
		}
		missing := 0
		for _, a := range answers {
			if _, found := usage[a.RequestID]; a.Recognised() && !found {
				missing++
			}
		}
		if missing > 0 {
			return fmt.Errorf("%d of %d calls are not in usage", missing, len(answers))
		}
		return nil
	})
	return usage
}

// ClientOf returns a client of the gateway at host:port with an API key.
func ClientOf(address, key string) *Client {
	s := &Stack{Ready: Ready{Gateway: address, APIKey: key}}
	return s.Client()
}
