package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// early is how long before its end a token is fetched anew, while it still serves, and
// margin how long it must still be good to serve.
const (
	early        = 5 * time.Minute
	margin       = 30 * time.Second
	fetchTimeout = 30 * time.Second
)

// tokens is a signer by OAuth tokens.
type tokens struct {
	secrets
	name    string // of the cloud, for errors
	headers map[string]string
	client  *http.Client
	fetch   func(ctx context.Context) (*oauth2.Token, error)

	mu     sync.Mutex // owns what is below
	token  *oauth2.Token
	flight *flight // the fetch under way, nil for none
}

// flight is one fetch that any number of calls wait for.
type flight struct {
	done  chan struct{}
	token *oauth2.Token
	err   error
}

// Sign sets the token, and waits for one where there is none that is good.
func (t *tokens) Sign(req *http.Request, _ []byte, now time.Time) error {
	token, f := t.current(now)
	if token == nil {
		select {
		case <-f.done:
		case <-req.Context().Done():
			return fmt.Errorf("wait for a token of %s: %w", t.name, context.Cause(req.Context()))
		}
		if f.err != nil {
			return f.err
		}
		token = f.token
	}
	req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	for name, value := range t.headers {
		req.Header.Set(name, value)
	}
	return nil
}

// current is the token that is good, nil for none, and the fetch of the next one, where
// it is time.
func (t *tokens) current(now time.Time) (*oauth2.Token, *flight) {
	t.mu.Lock()
	defer t.mu.Unlock()
	good := t.token != nil && now.Add(margin).Before(t.token.Expiry)
	if t.flight == nil && (!good || !now.Add(early).Before(t.token.Expiry)) {
		t.flight = &flight{done: make(chan struct{})}
		go t.fly(t.flight) // outlives the call that began it: others wait for it, too
	}
	if good {
		return t.token, t.flight
	}
	return nil, t.flight
}

// fly fetches a token. It ends by its own timeout.
func (t *tokens) fly(f *flight) {
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), oauth2.HTTPClient, t.client), fetchTimeout)
	defer cancel()
	token, err := t.fetch(ctx)
	switch {
	case err != nil:
		f.err = t.failed(err)
	case token.AccessToken == "" || token.Expiry.IsZero():
		f.err = fmt.Errorf("fetch a token of %s: the answer has no access_token or no expires_in", t.name)
	default:
		f.token = token
	}
	t.mu.Lock()
	t.flight = nil
	if f.token != nil {
		t.token = f.token
	}
	t.mu.Unlock()
	close(f.done)
}

// failed tells what went wrong without the words of whoever answered: they may hold
// what was sent.
func (t *tokens) failed(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil {
		code := refused.ErrorCode
		if len(code) > 64 {
			code = ""
		}
		return fmt.Errorf("fetch a token of %s: refused with status %d %s", t.name, refused.Response.StatusCode, t.Redact(code))
	}
	return fmt.Errorf("fetch a token of %s: %s", t.name, t.Redact(err.Error()))
}

// Redact takes the token out of a text, too.
func (t *tokens) Redact(text string) string {
	t.mu.Lock()
	token := t.token
	t.mu.Unlock()
	if token != nil {
		text = secrets{token.AccessToken}.Redact(text)
	}
	return t.secrets.Redact(text)
}

// String keeps the secrets out of whatever prints it.
func (t *tokens) String() string { return t.name + " credential" }

// GoString is String.
func (t *tokens) GoString() string { return t.String() }
