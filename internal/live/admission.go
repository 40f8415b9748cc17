package live

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"weir/internal/service"
)

// Verdict is what became of a claim.
type Verdict int

// The verdicts.
const (
	Lost     Verdict = iota // Redis is being restored: nothing is known
	Admitted                // reserved
	Busy                    // only what other calls have reserved stands in the way
	Spent                   // what was spent leaves no room for the least that was asked for
)

func (v Verdict) String() string { return [...]string{"lost", "admitted", "busy", "spent"}[v] }

// Grant is the answer to a claim: what is reserved when it was admitted, else
// which of its holds stands in the way, by its index.
type Grant struct {
	Pico    int64
	Verdict Verdict
	Hold    int
}

// AdmissionOptions of a gateway.
type AdmissionOptions struct {
	Redis      *Store // of any generation: that which serves is found
	Node       string // under which the gateway's events are written
	Partitions int    // of weir.usage
	Partition  func(requestID string) int32
	Logger     *slog.Logger
}

// Admission reserves for the calls of one gateway against budgets, and sees to it
// that their reservations outlive the loss of Redis. Run must run beside it.
type Admission struct {
	store  *Store
	o      AdmissionOptions
	kick   chan struct{} // wakes Run
	access token         // of who looks and posts
	opens  token         // of who opens an organisation

	mu   sync.Mutex // owns what follows; never held during I/O
	view view
	// The terms that all claims were taken together for, and under which all are posted.
	posting, posted string

	claims map[string]*claim
	due    []*claim             // to be brought to Redis at once
	opened map[string]time.Time // organisations, by when they were last opened here
	freed  chan struct{}
}

// claim is a call's claim until its usage is applied. Mu of the Admission owns it.
type claim struct {
	Claim
	pico    int64
	settled bool
	seq     uint64 // of its usage event
	term    string // in which Redis has had it
	wait    time.Duration
	next    time.Time // when to ask whether it is applied, once it is settled
}

// NewAdmission returns an admission without claims.
func NewAdmission(o AdmissionOptions) *Admission {
	return &Admission{
		store: o.Redis, o: o, kick: make(chan struct{}, 1), access: make(token, 1), opens: make(token, 1),
		claims: make(map[string]*claim), opened: make(map[string]time.Time), freed: make(chan struct{}),
	}
}

// Reserve reserves between Least and Want against all holds, or nothing. To
// reserve for a request again is to ask what it has. It takes one round trip, more
// the first time of an organisation since Redis was lost, and none without holds.
//
// An error means that Redis does not answer, or that the claim cannot be. The
// reservation may have been made all the same, as with any answer that came too
// late: it ends when the call's usage, which carries its holds, is applied.
func (a *Admission) Reserve(ctx context.Context, c Claim) (Grant, error) {
	if err := c.validate(); err != nil {
		return Grant{}, err
	}
	if len(c.Holds) == 0 {
		return Grant{Verdict: Admitted, Pico: c.Want}, nil
	}
	grant, term, err := a.reserve(ctx, c)
	if err != nil || grant.Verdict != Admitted {
		return grant, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.posting != term {
		return Grant{}, nil // Redis was lost since, and the claim is not among those that are posted to it
	}
	if a.claims[c.RequestID] == nil {
		a.claims[c.RequestID] = &claim{Claim: c, pico: grant.Pico, term: term}
	}
	return grant, nil
}

// reserve asks Redis, and opens the organisation where it is not open.
func (a *Admission) reserve(ctx context.Context, c Claim) (Grant, string, error) {
	// Whether the organisation is whole says its guard. While a partition is restored
	// in the midst of a term, it is: what the restore will add is reserved still.
	v := a.seen()
	if v.term == "" {
		var err error
		if v, err = a.seeSince(ctx, time.Now().Add(-lookAgain)); err != nil || v.term == "" {
			return Grant{}, "", err
		}
	}
	generation := v.generation
	for range 4 {
		asked := time.Now()
		answer, value, err := a.ask(ctx, &c, v.term, generation)
		if err != nil {
			return Grant{}, "", err
		}
		switch answer {
		case "admitted":
			return Grant{Verdict: Admitted, Pico: value}, v.term, nil
		case "busy":
			return Grant{Verdict: Busy, Hold: int(value)}, "", nil
		case "spent":
			return Grant{Verdict: Spent, Hold: int(value)}, "", nil
		case "closed":
			var open bool
			if v, open, err = a.open(ctx, c.Org, asked); err != nil || !open {
				return Grant{}, "", err
			}
			generation = v.generation
		case "generation":
			if v, err = a.seeSince(ctx, asked); err != nil || v.term == "" {
				return Grant{}, "", err
			}
			if generation, err = a.adopt(ctx, v, c.Org, int(value)); err != nil {
				return Grant{}, "", err
			}
		default:
			return Grant{}, "", fmt.Errorf("reserve: redis answers %q", answer)
		}
	}
	return Grant{}, "", nil // it is being opened and lost all the time
}

// ask calls reserve.lua.
func (a *Admission) ask(ctx context.Context, c *Claim, term string, generation int) (answer string, value int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, a.store.timeout)
	defer cancel()
	scope, n := orgScope(c.Org), namesOf(generation)
	keys := make([]string, 2, 2+2*len(c.Holds))
	keys[0], keys[1] = guardKey(scope), n.in(scope, "epochs")
	args := make([]any, 5, 5+2*len(c.Holds))
	args[0], args[1], args[2], args[3], args[4] = term, generation, c.RequestID, c.Want, c.Least
	for _, h := range c.Holds {
		keys = append(keys, n.spend(scope, h.budget()), pendingKey(scope, h.budget()))
		args = append(args, h.Limit, h.Window.expires())
	}
	reply, err := a.store.scripts.reserve.Run(ctx, a.store.client, keys, args...).StringSlice()
	if err != nil {
		return "", 0, fmt.Errorf("reserve: %w", err)
	}
	if len(reply) != 2 {
		return "", 0, fmt.Errorf("reserve: redis answers %q", reply)
	}
	if reply[0] != "closed" {
		if value, err = strconv.ParseInt(reply[1], 10, 64); err != nil {
			return "", 0, fmt.Errorf("reserve: %s: %w", reply[0], err)
		}
	}
	return reply[0], value, nil
}

// Settle lowers, or raises, the reservation of a call that was admitted to its true
// cost. Seq is the number of its usage event, 0 when that could not be written yet:
// call it again when it is. There is no I/O here: Run brings it to Redis at once.
func (a *Admission) Settle(requestID string, pico int64, seq uint64) {
	a.mu.Lock()
	if c := a.claims[requestID]; c != nil {
		c.pico, c.settled, c.seq = max(pico, 0), true, seq
		a.due = append(a.due, c)
	}
	a.mu.Unlock()
	select {
	case a.kick <- struct{}{}:
	default: // it is awake already
	}
}

// Freed is closed when reservations of this gateway have become smaller.
func (a *Admission) Freed() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.freed
}

// Open is how many claims there are whose usage is not known to be applied.
func (a *Admission) Open() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.claims)
}

// Check is degraded while nothing can be reserved; the service serves all the same.
func (a *Admission) Check(context.Context) (service.State, map[string]any) {
	v, open := a.seen(), a.Open()
	state := service.OK
	if !v.whole {
		state = service.Degraded
	}
	return state, map[string]any{"whole": v.whole, "open_claims": open}
}
