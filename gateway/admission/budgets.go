package admission

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/wire"
	"weir/internal/control"
	"weir/internal/live"
	"weir/schemas"
)

const (
	// patience is how long a call waits for what others have reserved.
	patience = 2 * time.Second
	// again is how long at the most the first of a line waits before it asks again:
	// what other gateways free is not announced.
	again = 25 * time.Millisecond
	// atOnce is how many calls ask Redis at the same time. A crowd that it cannot answer
	// within its timeout would otherwise be taken for a Redis that is away; so the others
	// wait for their turn, no longer than patience.
	atOnce = 16
)

// Claim bounds the call and works out what it will claim, of which budgets. It
// asks nothing of Redis. at is the moment of the call, which fixes the windows. own
// says that it can go out on the caller's own key alone, which no balance pays for.
func (p *Permit) Claim(c *control.Caller, requestID string, at time.Time, m Model, own bool, r wire.Request) *apierror.Error {
	if p == nil {
		return nil
	}
	holds := p.scopes.holds(p.a.Control, c, at, own)
	if len(holds) == 0 {
		return nil
	}
	bounds, e := r.Bounds()
	if e != nil {
		return e
	}
	if p.bound, e = BoundOf(p.a.Catalog, m, at, bounds); e != nil {
		return e
	}
	least, ok := p.bound.Cost(p.bound.Least())
	if !ok {
		return unbounded("messages", "asks for more than an amount of money can say, and the API key has a budget.")
	}
	want, ok := p.bound.Cost(p.bound.Limit)
	if !ok {
		want = math.MaxInt64
	}
	// No more is ever granted than the smallest budget has.
	for _, h := range holds {
		want = min(want, schemas.Pico(h.Limit))
	}
	p.claim = live.Claim{Org: p.org, RequestID: requestID, Holds: holds, Want: int64(max(want, least)), Least: int64(least)}
	return nil
}

// Events are the budgets as the call's events name them; nil for a call without.
// RequestReceived must be on the spool with them before Reserve is called.
func (p *Permit) Events() []*schemas.BudgetHold {
	if p == nil {
		return nil
	}
	return p.claim.Events()
}

// Reserve reserves what the call may cost, waiting for others' reservations where
// only they stand in the way. ctx is the client's: one that goes away ends the
// wait. What was reserved ends with Settle.
func (p *Permit) Reserve(ctx context.Context) *apierror.Error {
	if p == nil || len(p.claim.Holds) == 0 {
		return nil
	}
	at, e := p.enter(ctx)
	if e != nil || at < 0 {
		return e
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p.a.Metrics.Waiting.Inc()
	defer p.a.Metrics.Waiting.Dec()
	stands, line := at, p.lineOf(at)
	leave, ok := p.a.lines.wait(waiting, line)
	defer leave()
	for ok {
		freed := p.a.Budgets.Freed()
		grant, e := p.first(ctx)
		busy := e == nil && grant.Verdict == live.Busy
		p.a.lines.told(line, busy && grant.Hold == stands)
		if !busy {
			return e
		}
		at = grant.Hold
		pause := time.NewTimer(again)
		select {
		case <-freed:
		case <-pause.C:
		case <-waiting.Done():
			ok = false
		}
		pause.Stop()
	}
	if ctx.Err() != nil {
		return gone()
	}
	return apierror.New(apierror.BudgetBusy, fmt.Sprintf("What is left of the %s is reserved by other calls that are under way. Try again.", p.name(at)))
}

// enter asks for a call that has just come, and returns for which budget it must wait
// in line, -1 when it need not.
func (p *Permit) enter(ctx context.Context) (int, *apierror.Error) {
	done, e := p.turn(ctx)
	if done == nil {
		return -1, e
	}
	defer done()
	if at := p.behind(); at >= 0 {
		return at, nil
	}
	grant, e := p.ask(ctx)
	if e != nil || grant.Verdict != live.Busy {
		return -1, e
	}
	return grant.Hold, nil
}

// first asks for the first of a line.
func (p *Permit) first(ctx context.Context) (live.Grant, *apierror.Error) {
	done, e := p.turn(ctx)
	if done == nil {
		return live.Grant{}, e
	}
	defer done()
	return p.ask(ctx)
}

// turn waits until fewer than atOnce calls ask Redis. done is nil when there was no
// turn within patience: then Redis is as good as away, and the error says what of it.
func (p *Permit) turn(ctx context.Context) (done func(), e *apierror.Error) {
	pause := time.NewTimer(patience)
	defer pause.Stop()
	select {
	case p.a.turns <- struct{}{}:
		return func() { <-p.a.turns }, nil
	case <-ctx.Done():
		return nil, gone()
	case <-pause.C:
		return nil, p.away()
	}
}

// behind is the first budget for which others wait already, by its index; -1 for none.
func (p *Permit) behind() int {
	if p.a.lines.empty() {
		return -1
	}
	for at := range p.claim.Holds {
		if p.a.lines.isFull(p.lineOf(at)) {
			return at
		}
	}
	return -1
}

func gone() *apierror.Error {
	return apierror.New(apierror.ClientDisconnected, "The client went away.")
}

// ask asks Redis once. A grant that is Busy comes without an error.
func (p *Permit) ask(ctx context.Context) (live.Grant, *apierror.Error) {
	a := p.a
	grant, err := a.Budgets.Reserve(ctx, p.claim)
	if err == nil && grant.Verdict == live.Admitted {
		// Noted first, so that Settle ends it whatever follows.
		p.reserved, p.granted = true, grant.Pico
	}
	if ctx.Err() != nil {
		return grant, gone()
	}
	if err != nil {
		a.Log.Warn("reserve a call's budget", "request_id", p.claim.RequestID, "error", err)
		grant.Verdict = live.Lost
	}
	switch grant.Verdict {
	case live.Admitted:
		return grant, p.admit()
	case live.Busy:
		return grant, nil
	case live.Spent:
		return grant, p.spent(grant.Hold)
	}
	return grant, p.away()
}

// away is what becomes of a call when Redis does not say whether there is room for it:
// an error, or nil where such calls are served.
func (p *Permit) away() *apierror.Error {
	if p.a.Serve {
		p.a.Metrics.Unbudgeted.Inc()
		return nil
	}
	return apierror.New(apierror.BudgetsAway, "The budgets of the API key cannot be read at the moment.")
}

// admit takes the largest output that fits what was granted.
func (p *Permit) admit() *apierror.Error {
	limit := p.bound.Fit(schemas.Pico(p.granted))
	switch {
	case limit == 0:
		// Not reached: no less than Least is granted.
		return apierror.New(apierror.Internal, "The gateway failed.")
	case limit < p.bound.Limit:
		p.lowered = limit
		p.a.Metrics.Lowered.Inc()
	case p.bound.unset:
		// The catalog's figure may be less than the model would give.
		p.lowered = limit
	}
	return nil
}

// Lowered is the output limit that the provider must be given in place of the
// client's, 0 for none.
func (p *Permit) Lowered() int64 {
	if p == nil {
		return 0
	}
	return p.lowered
}

// Warn says in the answer's headers that an output limit was set or lowered. Permits of
// nobody say nothing.
func (p *Permit) Warn(h http.Header) {
	if p == nil || p.lowered == 0 {
		return
	}
	if p.lowered == p.bound.Limit {
		h["X-Requesty-Warnings"] = []string{"the output limit was set to " + strconv.FormatInt(p.lowered, 10) + " tokens, since a budget holds and the request set none"}
		return
	}
	h["X-Requesty-Warnings"] = []string{"the output limit was lowered from " + strconv.FormatInt(p.bound.Limit, 10) + " to " +
		strconv.FormatInt(p.lowered, 10) + " tokens, which is what a budget has room for"}
}

// Within takes a count of tokens that the gateway made itself for no more than what
// the call may have used.
func (p *Permit) Within(u genai.Usage) genai.Usage {
	if p == nil || !p.reserved {
		return u
	}
	limit := p.bound.Limit
	if p.lowered > 0 {
		limit = p.lowered
	}
	u.Prompt, u.Completion = min(u.Prompt, p.bound.Input()), min(u.Completion, p.bound.Output(limit))
	u.Total = u.Prompt + u.Completion
	u.Seconds = min(u.Seconds, p.bound.seconds)
	return u
}

// Settle ends the call with what it cost and used: the reservation is lowered to
// that, and so are the limits of tokens, without waiting for Redis. seq is the
// ledger number of the call's usage, 0 when it could not be written. Only the first
// time counts.
func (p *Permit) Settle(cost schemas.Pico, tokens int64, seq uint64) {
	if p == nil || p.settled {
		return
	}
	p.settled = true
	p.adjust(tokens)
	if !p.reserved {
		return
	}
	if int64(cost) > p.granted {
		p.a.Metrics.Overrun.Inc()
		p.a.Log.Warn("a call cost more than was reserved for it", "request_id", p.claim.RequestID, "cost", cost.String(), "reserved", schemas.Pico(p.granted).String())
	}
	p.a.Budgets.Settle(p.claim.RequestID, int64(cost), seq)
}

// spent is what a client is told whose budget has no room.
func (p *Permit) spent(at int) *apierror.Error {
	if p.claim.Holds[at].Dimension == live.Balance {
		return apierror.New(apierror.BalanceUsedUp, "The organisation's balance is used up, or what is left of it is less than the call may cost. Top it up.")
	}
	return apierror.New(apierror.BudgetExceeded, "The "+p.name(at)+" is used up, or what is left of it is less than the call may cost at the least.")
}

// name is what an error calls a budget: "daily spend limit of the API key (5 USD)".
func (p *Permit) name(at int) string {
	h := p.claim.Holds[at]
	if h.Dimension == live.Balance {
		return "organisation's balance"
	}
	kind := map[string]string{"day": "daily", "week": "weekly", "month": "monthly"}[h.Window.Kind()]
	if kind == "" {
		kind = "lifetime"
	}
	return kind + " spend limit of the " + words(h.Dimension) + " (" + schemas.Pico(h.Limit).String() + " USD)"
}

// lineOf names the line of those that wait for the same budget.
func (p *Permit) lineOf(at int) string {
	h := p.claim.Holds[at]
	return p.org + "\x00" + string(h.Dimension) + "\x00" + h.ID + "\x00" + h.Window.String()
}
