package admission

import (
	"time"

	"weir/internal/control"
	"weir/internal/live"
	"weir/schemas"
)

// scope is one of those whose limits hold for a call.
type scope struct {
	dimension live.Dimension
	id        string
	limits    *schemas.Limits // not nil
}

// scopes are all of a call's; there are never more. It is no slice so that callers
// without limits allocate nothing.
type scopes struct {
	list [7]scope
	n    int
}

func (s *scopes) add(d live.Dimension, id string, l *schemas.Limits) {
	if limiting(l) {
		s.list[s.n] = scope{d, id, l}
		s.n++
	}
}

// limiting tells that limits bound anything.
func limiting(l *schemas.Limits) bool {
	return len(l.GetBudgets()) > 0 || l.GetRequestsPerMinute() > 0 || l.GetTokensPerMinute() > 0
}

// scopesOf gathers whose limits hold. Members and end users without limits of
// their own have those that the organisation gives to each of them; what a group
// gives to each of its members holds beside the member's own.
func scopesOf(state *control.State, c *control.Caller, user string) (s scopes, disabled bool) {
	s.add(live.Key, c.Key.KeyId, c.Key.Limits)
	if user != "" {
		limits := c.Org.UserLimits
		if own, ok := control.Get[*schemas.EndUser](state, c.Org.OrgId, user); ok {
			disabled = own.Value.Disabled
			if limiting(own.Value.Limits) {
				limits = own.Value.Limits
			}
		}
		s.add(live.User, user, limits)
	}
	if c.Member != nil {
		limits := c.Member.Limits
		if !limiting(limits) {
			limits = c.Org.MemberLimits
		}
		s.add(live.Member, c.Member.MemberId, limits)
		if c.Group != nil {
			s.add(live.Member, c.Member.MemberId, c.Group.MemberLimits)
		}
	}
	if c.Group != nil {
		s.add(live.Group, c.Group.GroupId, c.Group.Limits)
	}
	if c.Project != nil {
		s.add(live.Project, c.Project.ProjectId, c.Project.Limits)
	}
	s.add(live.Org, "", c.Org.Limits)
	return s, disabled
}

// rates are the limits a minute, each once: where two are of the same, the smaller
// one. Tokens is what is taken of those.
func (s *scopes) rates(tokens int64) []live.Rate {
	var rates []live.Rate
	add := func(sc *scope, ofTokens bool, perMinute, n int64) {
		if perMinute <= 0 {
			return
		}
		for i := range rates {
			if r := &rates[i]; r.Dimension == sc.dimension && r.ID == sc.id && r.Tokens == ofTokens {
				r.PerMinute = min(r.PerMinute, perMinute)
				return
			}
		}
		rates = append(rates, live.Rate{Dimension: sc.dimension, ID: sc.id, Tokens: ofTokens, PerMinute: perMinute, Take: n})
	}
	for i := range s.n {
		add(&s.list[i], false, s.list[i].limits.RequestsPerMinute, 1)
		add(&s.list[i], true, s.list[i].limits.TokensPerMinute, tokens)
	}
	return rates
}

// countsTokens tells that some limit is of tokens a minute.
func (s *scopes) countsTokens() bool {
	for i := range s.n {
		if s.list[i].limits.TokensPerMinute > 0 {
			return true
		}
	}
	return false
}

// holds are the budgets in the windows of a moment, each once; the balance is not
// one of a call on the caller's own key.
func (s *scopes) holds(state *control.State, c *control.Caller, at time.Time, own bool) []live.Hold {
	var holds []live.Hold
	for i := range s.n {
		sc := &s.list[i]
		for _, b := range sc.limits.Budgets {
			holds = hold(holds, live.Hold{Dimension: sc.dimension, ID: sc.id, Window: WindowOf(b.Window, at), Limit: b.LimitPico})
		}
	}
	if c.Org.Prepaid && !own {
		holds = hold(holds, live.Hold{Dimension: live.Balance, Window: live.Lifetime(), Limit: int64(state.Credited(c.Org.OrgId))})
	}
	return holds
}

func hold(holds []live.Hold, h live.Hold) []live.Hold {
	for i := range holds {
		if o := &holds[i]; o.Dimension == h.Dimension && o.ID == h.ID && o.Window == h.Window {
			o.Limit = min(o.Limit, h.Limit)
			return holds
		}
	}
	return append(holds, h)
}

// WindowOf is the window of a kind that holds the moment. A kind that this release
// does not know is taken for the longest, in which most is counted.
func WindowOf(w schemas.Window, at time.Time) live.Window {
	switch w {
	case schemas.Window_WINDOW_DAY:
		return live.DayOf(at)
	case schemas.Window_WINDOW_WEEK:
		return live.WeekOf(at)
	case schemas.Window_WINDOW_MONTH:
		return live.MonthOf(at)
	}
	return live.Lifetime()
}
