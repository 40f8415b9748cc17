package admission

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"weir/gateway/apierror"
	"weir/internal/live"
)

// take takes the call from its rate limits. Without Redis they are open.
func (p *Permit) take(ctx context.Context) *apierror.Error {
	a := p.a
	now := time.Now().UnixMicro()
	if a.ratesOpen.Load() > now {
		a.Metrics.RatesOpen.Inc()
		return nil
	}
	states, err := a.Rates.TakeRates(ctx, p.org, p.rates)
	switch {
	case ctx.Err() != nil:
		return apierror.New(apierror.ClientDisconnected, "The client went away.")
	case err != nil:
		a.ratesOpen.Store(now + ratesPause.Microseconds())
		a.Metrics.RatesOpen.Inc()
		a.Log.Warn("rate limits are open: Redis did not answer", "error", err)
		return nil
	}
	p.states = states
	longest := -1
	for i, s := range states {
		if s.Wait > 0 && (longest < 0 || s.Wait > states[longest].Wait) {
			longest = i
		}
	}
	if p.took = longest < 0; p.took {
		return nil
	}
	rate, wait := p.rates[longest], states[longest].Wait
	what := "requests"
	if rate.Tokens {
		what = "tokens"
	}
	e := apierror.New(apierror.RateLimited, fmt.Sprintf("The rate limit of the %s is reached: %d %s a minute. Try again in %s.",
		words(rate.Dimension), rate.PerMinute, what, wait.Round(time.Millisecond)))
	e.RetryAfter = strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)
	return e
}

// words are what an error calls the owner of a limit.
func words(d live.Dimension) string {
	switch d {
	case live.Key:
		return "API key"
	case live.User:
		return "end user"
	case live.Member, live.Group, live.Project:
		return string(d)
	}
	return "organisation"
}

// Head sets the headers that say where the rate limits stand, those of the limits
// of which the least remains. A permit of nobody sets none.
func (p *Permit) Head(h http.Header) {
	if p == nil || len(p.states) == 0 {
		return
	}
	for _, of := range [...]struct {
		tokens                  bool
		limit, remaining, reset string
	}{
		{false, "X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"},
		{true, "X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens"},
	} {
		least := -1
		for i := range p.states {
			if p.rates[i].Tokens == of.tokens && (least < 0 || p.states[i].Remaining < p.states[least].Remaining) {
				least = i
			}
		}
		if least >= 0 {
			h[of.limit] = []string{strconv.FormatInt(p.rates[least].PerMinute, 10)}
			h[of.remaining] = []string{strconv.FormatInt(p.states[least].Remaining, 10)}
			h[of.reset] = []string{p.states[least].Reset.String()}
		}
	}
}

// adjust corrects the limits of tokens by what was used.
func (p *Permit) adjust(tokens int64) {
	if !p.took {
		return
	}
	var rates []live.Rate
	for _, r := range p.rates {
		if r.Tokens {
			if r.Take = tokens - min(r.Take, r.PerMinute); r.Take != 0 {
				rates = append(rates, r)
			}
		}
	}
	if len(rates) == 0 {
		return
	}
	select {
	case p.a.adjustments <- adjustment{p.org, rates}:
	default:
		p.a.Metrics.RatesUncorrected.Inc()
	}
}
