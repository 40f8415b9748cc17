package pipeline

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"weir/gateway/access"
	"weir/gateway/admission"
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/metering"
	"weir/gateway/provider"
	"weir/gateway/wire"
	"weir/internal/control"
	"weir/schemas"
)

// call is one inference call on its way. It belongs to the handler's goroutine,
// but for what client guards.
type call struct {
	p     *Pipeline
	w     http.ResponseWriter
	raw   http.ResponseWriter // below the router's wrapper: flushes with an error, takes deadlines
	r     *http.Request
	start time.Time
	id    string

	format wire.Format // that the client speaks
	makes  access.Modality

	caller control.Caller // nobody until the key was found live

	req    wire.Request // nil until the body has been read
	bytes  int64        // of the client's body, as far as it was read
	dims   *schemas.Dimensions
	target provider.Target
	model  string // provider/model, as the client sees it
	quoted []byte // the same as a JSON string
	// conversation is the request as the provider's protocol can say it; nil when it is
	// the client's own, and the bytes pass through. warnings say what the table left out of
	// it, adapted what else the attempt under way changed.
	conversation *genai.Request
	bridge       wire.Bridge // in the place of conversation, for what is none; nil for none
	warnings     []string
	adapted      []string
	autoCache    bool // the client asked for prompt cache breakpoints

	permit  *admission.Permit // nil for a caller without limits
	budgets []*schemas.BudgetHold
	ledger  OpenCall // nil until the request is recorded
	settled bool

	account *provider.Account  // that the call goes out on
	spare   *provider.Account  // for a second attempt, nil for none
	failed  []*schemas.Attempt // before the one under way
	began   time.Duration      // of that one, since start

	ctx    context.Context // of the calls upstream
	cancel context.CancelCauseFunc
	watch  watchdog
	resp   *http.Response
	client client

	answer    wire.Answer // of a plain call
	buffer    *[]byte     // that answer's text
	out       *[]byte     // the same with the bill, which is last
	stream    wire.Stream // of a streamed one
	ending    bool        // the provider said that the stream ends
	err       *apierror.Error
	status    int           // the provider's; 0 when there was no answer
	clock     time.Duration // since start, as of the last read upstream
	firstByte time.Duration // of the answer's body
	ttft      time.Duration // of content
	took      time.Duration // to the last byte upstream

	line       metering.Line
	billed     genai.Usage // what line was made from
	billedTier string      // likewise
	billedAt   time.Time   // when the usage occurred, zero until it was priced

	values  [headerCount]string // backs the answer's headers
	begun   bool                // the status line is out
	bound   time.Duration       // the write deadline, as clock; 0 for none
	last    []byte              // what waits for the ledger
	pulse   pulse
	sent    int64
	capture []byte // of what was sent, for keys that ask for it
	gone    bool   // the client had left when the outcome was made
}

// client is the state of a client that may leave while the call is under way.
type client struct {
	left atomic.Bool

	mu       sync.Mutex // owns the rest: a leaving client is noticed in another goroutine
	closed   bool
	draining bool
	timer    *time.Timer
	stop     func() bool
}

func (p *Pipeline) open(f wire.Format, makes access.Modality, w http.ResponseWriter, r *http.Request) *call {
	c := &call{p: p, w: w, raw: w, r: r, format: f, makes: makes, start: time.Now(), id: schemas.NewRequestID()}
	if u, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		c.raw = u.Unwrap()
	}
	p.Metrics.InFlight.Inc()
	return c
}

// serves fixes the provider and model that the client is told.
func (c *call) serves(t provider.Target) {
	c.model = t.Provider.Name + "/" + t.Model
	c.quoted = jsonscan.AppendString(make([]byte, 0, len(c.model)+2), c.model)
}

// close ends the call for the gateway. It is deferred, and it is where a panic
// of the handler ends: the call still gets its outcome.
func (c *call) close() {
	problem := recover()
	var answer *apierror.Error
	if problem != nil && problem != http.ErrAbortHandler {
		c.p.Log.Error("serve a call", "request_id", c.id, "panic", problem, "stack", string(debug.Stack()))
		answer = c.fail(apierror.New(apierror.Internal, "The gateway failed."))
	}
	c.release()
	c.p.Metrics.InFlight.Dec()
	c.observe()
	switch {
	case problem == nil:
	case c.begun || problem == http.ErrAbortHandler:
		panic(http.ErrAbortHandler) // the answer must not look whole
	default:
		c.writeError(answer)
	}
}

// fail gives a call whose handler panicked the outcome that it still lacks, and
// returns what the client is told.
func (c *call) fail(e *apierror.Error) (told *apierror.Error) {
	if c.settled || c.caller.Key == nil {
		return e
	}
	defer func() {
		if again := recover(); again != nil {
			c.p.Log.Error("record a failed call", "request_id", c.id, "panic", again)
			told = e
		}
	}()
	c.err, c.answer, c.stream, c.line = e, nil, nil, metering.Line{}
	c.took = time.Since(c.start)
	c.compose()
	if c.ledger == nil {
		c.recordRefusal()
	} else if e := c.settle(); e != nil {
		c.err = e
	}
	return c.err
}

// release gives back what the call holds upstream and of the pipeline.
func (c *call) release() {
	c.permit.Settle(c.line.Cost, c.used(), 0) // counts where the ledger has no outcome
	if c.resp != nil {
		_ = c.resp.Body.Close() // the answer has been read as far as it counts
	}
	if c.cancel != nil {
		c.watch.stop()
		c.cancel(nil)
	}
	if files, ok := c.req.(wire.Uploaded); ok {
		_ = files.Close() // nothing was written that must last
	}
	c.client.mu.Lock()
	c.client.closed = true
	stop, timer, draining := c.client.stop, c.client.timer, c.client.draining
	c.client.mu.Unlock()
	if stop != nil {
		stop()
	}
	if timer != nil {
		timer.Stop()
	}
	if draining {
		c.p.drains.Add(-1)
		c.p.Metrics.Draining.Dec()
	}
	putBuffer(c.buffer)
	putBuffer(c.out)
}

// observe tells metrics and log what became of the call.
func (c *call) observe() {
	kind := c.errorKind()
	if c.attempts() > 0 {
		c.p.Metrics.Served(c.target.Provider.Name, c.model, kind, c.took, c.ttft, c.line.Tokens)
	} else {
		c.p.Metrics.Refused(kind)
	}
	level := slog.LevelDebug
	if status := c.outcome(); status >= http.StatusInternalServerError || status == http.StatusFailedDependency {
		level = slog.LevelWarn
	}
	ctx := context.Background()
	if !c.p.Log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.String("request_id", c.id), slog.Int("status", c.outcome()), slog.String("error_kind", kind),
		slog.Int("upstream_status", c.status), slog.Duration("latency", c.took), slog.Duration("ttft", c.ttft), slog.Int64("bytes", c.sent)}
	if c.caller.Key != nil {
		attrs = append(attrs, slog.String("key_id", c.caller.Key.KeyId), slog.String("org_id", c.caller.Org.OrgId))
	}
	if c.target.Provider != nil {
		attrs = append(attrs, slog.String("provider", c.target.Provider.Name), slog.String("model", c.target.Model))
	}
	c.p.Log.LogAttrs(ctx, level, "call", attrs...)
}

// outcome is the status that the client got, or would have got.
func (c *call) outcome() int {
	switch {
	case c.gone:
		return apierror.New(apierror.ClientDisconnected, "").Status
	case c.err != nil:
		return c.err.Status
	case c.status != 0:
		return c.status
	}
	return http.StatusOK
}

func (c *call) errorKind() string {
	switch {
	case c.gone:
		return string(apierror.ClientDisconnected)
	case c.err != nil:
		return string(c.err.Kind)
	}
	return ""
}
