package admission

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/gateway/apierror"
	"weir/internal/control"
	"weir/internal/live"
	"weir/schemas"
)

func budgets(pairs ...int64) *schemas.Limits {
	l := &schemas.Limits{}
	for i := 0; i+1 < len(pairs); i += 2 {
		l.Budgets = append(l.Budgets, &schemas.Budget{Window: schemas.Window(pairs[i]), LimitPico: pairs[i+1]})
	}
	return l
}

const day, week, month, lifetime = 1, 2, 3, 4

// Every budget that applies is held, each once and at its smallest limit.
func TestHolds(t *testing.T) {
	w := newWorld(t)
	put(t, w, &schemas.EndUser{OrgId: "org", UserId: "own", Limits: budgets(day, 5)})
	put(t, w, &schemas.EndUser{OrgId: "org", UserId: "empty", Limits: &schemas.Limits{}})
	put(t, w, &schemas.Credit{OrgId: "org", CreditId: "c1", AmountPico: 70})
	put(t, w, &schemas.Credit{OrgId: "org", CreditId: "c2", AmountPico: -30})
	org := &schemas.Organization{OrgId: "org", Limits: budgets(month, 1000), UserLimits: budgets(day, 7), MemberLimits: budgets(week, 8), Prepaid: true}
	orgHolds := []live.Hold{{Dimension: live.Org, Window: live.MonthOf(noon), Limit: 1000}, {Dimension: live.Balance, Window: live.Lifetime(), Limit: 40}}
	for name, f := range map[string]struct {
		caller control.Caller
		user   string
		want   []live.Hold
	}{
		"the organisation's alone": {control.Caller{}, "", nil},
		"the key's": {control.Caller{Key: &schemas.ApiKey{KeyId: "k", Limits: budgets(day, 1, week, 2, month, 3, lifetime, 4)}}, "", []live.Hold{
			{Dimension: live.Key, ID: "k", Window: live.DayOf(noon), Limit: 1}, {Dimension: live.Key, ID: "k", Window: live.WeekOf(noon), Limit: 2},
			{Dimension: live.Key, ID: "k", Window: live.MonthOf(noon), Limit: 3}, {Dimension: live.Key, ID: "k", Window: live.Lifetime(), Limit: 4}}},
		"a user's own":              {control.Caller{}, "own", []live.Hold{{Dimension: live.User, ID: "own", Window: live.DayOf(noon), Limit: 5}}},
		"a user that is not known":  {control.Caller{}, "else", []live.Hold{{Dimension: live.User, ID: "else", Window: live.DayOf(noon), Limit: 7}}},
		"a user with nothing of it": {control.Caller{}, "empty", []live.Hold{{Dimension: live.User, ID: "empty", Window: live.DayOf(noon), Limit: 7}}},
		"each member's":             {control.Caller{Member: &schemas.Member{MemberId: "m"}}, "", []live.Hold{{Dimension: live.Member, ID: "m", Window: live.WeekOf(noon), Limit: 8}}},
		"the group's, its members'": {control.Caller{Member: &schemas.Member{MemberId: "m", Limits: budgets(day, 9)},
			Group: &schemas.Group{GroupId: "g", Limits: budgets(day, 10), MemberLimits: budgets(day, 6, month, 11)}}, "", []live.Hold{
			{Dimension: live.Member, ID: "m", Window: live.DayOf(noon), Limit: 6}, {Dimension: live.Member, ID: "m", Window: live.MonthOf(noon), Limit: 11},
			{Dimension: live.Group, ID: "g", Window: live.DayOf(noon), Limit: 10}}},
		"the project's": {control.Caller{Project: &schemas.Project{ProjectId: "p", Limits: budgets(lifetime, 12)}}, "", []live.Hold{
			{Dimension: live.Project, ID: "p", Window: live.Lifetime(), Limit: 12}}},
	} {
		c := f.caller
		if c.Org = org; c.Key == nil {
			c.Key = &schemas.ApiKey{KeyId: "k"}
		}
		s, _ := scopesOf(w.Control, &c, f.user)
		got := s.holds(w.Control, &c, noon, false)
		if diff := cmp.Diff(append(f.want, orgHolds...), got, cmp.AllowUnexported(live.Window{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestRatesOfACall(t *testing.T) {
	w := newWorld(t)
	c := &control.Caller{Key: &schemas.ApiKey{KeyId: "k", Limits: perMinute(10, 0)}, Member: &schemas.Member{MemberId: "m", Limits: perMinute(20, 300)},
		Group: &schemas.Group{GroupId: "g", Limits: perMinute(0, 400), MemberLimits: perMinute(15, 0)}, Org: &schemas.Organization{OrgId: "org", Limits: budgets(day, 1)}}
	s, _ := scopesOf(w.Control, c, "u")
	want := []live.Rate{rate(live.Key, "k", false, 10, 1), rate(live.Member, "m", false, 15, 1), rate(live.Member, "m", true, 300, 77), rate(live.Group, "g", true, 400, 77)}
	if diff := cmp.Diff(want, s.rates(77)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDisabledUser(t *testing.T) {
	w := newWorld(t)
	put(t, w, &schemas.EndUser{OrgId: "org", UserId: "u", Disabled: true})
	_, e := w.Enter(t.Context(), caller(nil), "u", read(t, body))
	wantError(t, e, apierror.UserDisabled, 403)
}

// A caller without limits is not held up, and costs nothing.
func TestWithoutLimits(t *testing.T) {
	w := newWorld(t)
	c, r := caller(&schemas.Limits{}), read(t, body)
	if n := testing.AllocsPerRun(100, func() {
		p, e := w.Enter(t.Context(), c, "user", r)
		if e == nil {
			e = p.Claim(c, "req_1", noon, Model{"mock", "mock", "small"}, false, r)
		}
		if e == nil {
			e = p.Reserve(t.Context())
		}
		p.Head(nil)
		p.Warn(nil)
		p.Settle(1, 2, 3)
		if e != nil || p.Lowered() != 0 || p.Events() != nil {
			t.Fatal("held up")
		}
	}); n > 0 {
		t.Errorf("admission without limits allocates %.0f times", n)
	}
	if w.redis.asks() > 0 {
		t.Error("Redis was asked")
	}
}

// BenchmarkWithoutLimits is what every caller pays for the limits of others.
func BenchmarkWithoutLimits(b *testing.B) {
	w := newWorld(b)
	c, r, now := caller(nil), read(b, body), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		p, _ := w.Enter(b.Context(), c, "user", r)
		_ = p.Claim(c, "req_1", now, Model{"mock", "mock", "small"}, false, r)
		_ = p.Reserve(b.Context())
		p.Settle(1, 2, 3)
	}
}
