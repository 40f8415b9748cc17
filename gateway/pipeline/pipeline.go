// Package pipeline is the way of an inference call through the gateway; this
// file shows the whole of it.
//
// Guarantee: a call with a live key ends in exactly one RequestReceived,
// ResponseCompleted and UsageRecorded, whatever happens to the client, the
// provider or the handler. The request is on the spool before a byte goes
// upstream, outcome and usage are before the client has the answer's last byte;
// an answer that cannot be recorded does not end cleanly.
//
// Concurrency: a Pipeline serves any number of calls, each in the goroutine of
// its handler. A client that goes away does not end its call: the handler reads
// on to the provider's end, within bounds of time, bytes and number.
//
// Failure: every error is an apierror. A panic is logged with its stack, the
// call is completed as an internal error, and the process goes on.
package pipeline

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"weir/gateway/access"
	"weir/gateway/admission"
	"weir/gateway/apierror"
	"weir/gateway/auth"
	"weir/gateway/credential"
	"weir/gateway/metering"
	"weir/gateway/metrics"
	"weir/gateway/provider"
	"weir/gateway/wire"
	"weir/gateway/wire/chat"
	"weir/gateway/wire/media"
	"weir/gateway/wire/messages"
	"weir/gateway/wire/responses"
	"weir/internal/control"
	"weir/schemas"
)

// Journal is where events go; see eventlog.Journal, which it is.
type Journal interface {
	Begin(r *schemas.RequestReceived, payload bool) (OpenCall, error)
	Refuse(r *schemas.RequestReceived, resp *schemas.ResponseCompleted, u *schemas.UsageRecorded) error
}

// OpenCall is a call that has begun in the journal; Complete is called once.
type OpenCall interface {
	// UsageSeq is the ledger's number of the usage, 0 while it is not written.
	UsageSeq() uint64
	Complete(resp *schemas.ResponseCompleted, u *schemas.UsageRecorded, p *schemas.PayloadCaptured) error
}

// Limits bound a call. Sizes are in bytes.
type Limits struct {
	MaxBody          int64
	MaxUpload        int64 // of a body with files
	MaxHeaders       int
	MaxAnswer        int64         // of a plain answer
	BodyTimeout      time.Duration // to read the client's body
	WriteTimeout     time.Duration // for the client to take what was written
	PingInterval     time.Duration // after which a silent stream gets a comment; 0 for never
	DrainTimeout     time.Duration // to read on after the client went away
	DrainMaxBytes    int64
	DrainMax         int // calls read on at once
	PayloadRetention time.Duration
}

// Options are what a Pipeline is made of.
type Options struct {
	Keys      auth.Keys
	Control   *control.State
	Admission *admission.Admission
	Accounts  *credential.Vault
	Providers *provider.Set
	Client    *provider.Client
	Meter     *metering.Meter
	Estimator *metering.Estimator
	Journal   Journal
	Metrics   *metrics.Metrics
	Limits    Limits
	Log       *slog.Logger
}

// Pipeline serves inference calls.
type Pipeline struct {
	Options

	root   context.Context // of all calls upstream
	stop   context.CancelCauseFunc
	drains atomic.Int64
}

// New returns a pipeline that is ready.
func New(o Options) *Pipeline {
	p := &Pipeline{Options: o}
	p.root, p.stop = context.WithCancelCause(context.Background())
	return p
}

// Stop ends all calls upstream: those that are open are answered 503 and
// recorded. A graceful stop lets the calls finish first.
func (p *Pipeline) Stop() { p.stop(provider.ErrShutdown) }

// ChatCompletions serves POST /v1/chat/completions.
func (p *Pipeline) ChatCompletions(w http.ResponseWriter, r *http.Request) {
	p.serve(chat.Format{}, access.Chat, w, r)
}

// Responses serves POST /v1/responses.
func (p *Pipeline) Responses(w http.ResponseWriter, r *http.Request) {
	p.serve(responses.Format{}, access.Chat, w, r)
}

// Messages serves POST /v1/messages.
func (p *Pipeline) Messages(w http.ResponseWriter, r *http.Request) {
	p.serve(messages.Format{}, access.Chat, w, r)
}

// CountTokens serves POST /v1/messages/count_tokens.
func (p *Pipeline) CountTokens(w http.ResponseWriter, r *http.Request) {
	p.serve(messages.Count{}, access.Chat, w, r)
}

// Embeddings serves POST /v1/embeddings.
func (p *Pipeline) Embeddings(w http.ResponseWriter, r *http.Request) {
	p.serve(media.Embeddings, access.Embedding, w, r)
}

// ImageGenerations serves POST /v1/images/generations.
func (p *Pipeline) ImageGenerations(w http.ResponseWriter, r *http.Request) {
	p.serve(media.Generations, access.Image, w, r)
}

// ImageEdits serves POST /v1/images/edits.
func (p *Pipeline) ImageEdits(w http.ResponseWriter, r *http.Request) {
	p.serve(media.Form{Format: media.Edits}, access.Image, w, r)
}

// Speech serves POST /v1/audio/speech.
func (p *Pipeline) Speech(w http.ResponseWriter, r *http.Request) {
	p.serve(media.Speech, access.Speech, w, r)
}

// Transcriptions serves POST /v1/audio/transcriptions.
func (p *Pipeline) Transcriptions(w http.ResponseWriter, r *http.Request) {
	p.serve(media.Form{Format: media.Transcriptions}, access.Transcription, w, r)
}

// serve serves a call in a format, to models that make what its endpoint gives.
func (p *Pipeline) serve(f wire.Format, makes access.Modality, w http.ResponseWriter, r *http.Request) {
	c := p.open(f, makes, w, r)
	defer c.close()

	// Nobody's ledger can hold a call without a live key.
	if e := c.authenticate(); e != nil {
		c.turnAway(e)
		return
	}
	// The envelope: body, metadata, limits. What the key may do, and how fast. The
	// plan: which provider and model, on whose key, and what that may cost at the most.
	e := c.envelope()
	if e == nil {
		e = auth.AllowCompletions(&c.caller)
	}
	if e == nil {
		c.permit, e = p.Admission.Enter(r.Context(), &c.caller, c.dims.UserId, c.req)
	}
	if e == nil {
		e = c.plan()
	}
	if e == nil {
		e = c.claim()
	}
	if e != nil {
		c.refuse(e)
		return
	}
	// Log before effect: from here on the ledger waits for an outcome.
	if e := c.record(); e != nil {
		c.turnAway(e)
		return
	}
	// The budgets have the most that it may cost set aside, or refuse it. The
	// provider's answer goes to the client as it comes, all but its end. A key that
	// the provider does not serve makes room for the other one, if any.
	if c.reserve() {
		c.attempt()
	}
	// What it used, and what that costs; then the end of the answer, which
	// carries the cost.
	c.meter()
	c.compose()
	// Outcome and usage, and only then the last byte.
	if e := c.settle(); e != nil {
		c.breakOff(e)
		return
	}
	c.finish()
}

// authenticate finds the live key.
func (c *call) authenticate() (e *apierror.Error) {
	c.caller, e = auth.Authenticate(c.p.Keys, c.r.Header, c.start)
	return e
}

// plan finds the provider and its own name for the model, the region where it is
// called, which the caller's access list must let it do, what it is told there, and on
// which account.
func (c *call) plan() (e *apierror.Error) {
	model := c.req.Head().Model
	if c.target, e = c.p.Providers.Resolve(model); e != nil {
		if e.Kind == apierror.UnknownPolicy {
			c.dims.Policy = model[len(provider.Policy)+1:]
		}
		return e
	}
	c.serves(c.target)
	regions, pinned := access.Regions(&c.caller)
	if pinned {
		if c.target, e = c.target.Within(regions); e != nil {
			return e
		}
	}
	if !c.mayCall(c.target.Region) {
		return c.notListed()
	}
	if c.r.Context().Err() != nil {
		c.gone = true
		return apierror.New(apierror.ClientDisconnected, "The client went away.")
	}
	if e := c.translate(); e != nil {
		return e
	}
	if e := c.accounts(); e != nil {
		return e
	}
	return c.place(pinned)
}

// claim bounds what the call may cost, for callers with budgets.
func (c *call) claim() *apierror.Error {
	if _, free := c.format.(wire.Counter); free {
		return nil
	}
	p := c.target.Provider
	request := c.req
	if c.conversation != nil {
		request = translated{c.req, p.LimitIn(), c.conversation.Extra}
	}
	e := c.permit.Claim(&c.caller, c.id, c.start, admission.Model{Vendor: p.Vendor, Provider: p.Name, Name: c.target.Model},
		c.account.Own() && (c.spare == nil || c.spare.Own()), request)
	if e == nil {
		c.budgets = c.permit.Events()
	}
	return e
}

// reserve has the budgets set aside what the call may cost. A call that they
// refuse is one that ended: its request is on the spool.
func (c *call) reserve() bool {
	c.err = c.permit.Reserve(c.r.Context())
	if c.err == nil {
		return true
	}
	c.gone = c.err.Kind == apierror.ClientDisconnected
	c.took = time.Since(c.start)
	return false
}
