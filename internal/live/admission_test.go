package live

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/schemas"
)

const testPartitions = 2

func testPartition(id string) int32 { return int32(id[len(id)-1]) % testPartitions }

// gateway returns an admission on a store. Its term need not be waited for: age.
func gateway(s *Store, node string) *Admission {
	return NewAdmission(AdmissionOptions{
		Redis: s, Node: node, Partitions: testPartitions, Partition: testPartition, Logger: slog.New(slog.DiscardHandler),
	})
}

// openWhole returns a store on a Redis that holds an empty log.
func openWhole(t testing.TB) *Store {
	s := openTest(t)
	for partition := range int32(testPartitions) {
		restore(t, s, partition, 0, new(Deltas))
	}
	serve(t, s)
	return s
}

func serve(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Serve(limited(t)); err != nil {
		t.Fatal(err)
	}
	if err := s.Age(limited(t)); err != nil {
		t.Fatal(err)
	}
}

func claimOf(id string, limit, want, least int64) Claim {
	return Claim{Org: "org", RequestID: id, Want: want, Least: least, Holds: []Hold{
		{Key, "key", DayOf(noon), limit}, {Org, "", Lifetime(), 10 * limit},
	}}
}

func reserve(t testing.TB, a *Admission, c Claim) Grant {
	t.Helper()
	g, err := a.Reserve(limited(t), c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// usageOf is the event that ends a claim.
func usageOf(c Claim, node string, seq uint64, pico int64) *schemas.UsageRecorded {
	return &schemas.UsageRecorded{
		RequestId: c.RequestID, Node: node, Seq: seq, CostPico: pico, Budgets: c.Events(),
		Dimensions: &schemas.Dimensions{OrgId: c.Org, KeyId: "key"},
	}
}

func spendOf(u *schemas.UsageRecorded) *Deltas {
	d := new(Deltas)
	d.AddSpend(noon, u.Dimensions.OrgId, Key, "key", u.CostPico)
	d.AddSpend(noon, u.Dimensions.OrgId, Org, "", u.CostPico)
	d.AddUsage(u, false)
	return d
}

// applyUsage is what the aggregator does with one event.
func applyUsage(t testing.TB, s *Store, u *schemas.UsageRecorded) {
	t.Helper()
	partition := testPartition(u.RequestId)
	positions, err := s.Positions(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	at := positions[partition]
	if _, ok, err := s.Apply(limited(t), Range{partition, at.Epoch, at.Next, at.Next + 1}, spendOf(u)); err != nil || !ok {
		t.Fatal(ok, err)
	}
}

// reserved is how many reservations Redis has.
func reserved(t testing.TB, s *Store) (n int) {
	t.Helper()
	keys, err := s.client.Keys(limited(t), "weir:{org}:pending:*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		fields, err := s.client.HGetAll(limited(t), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		for field := range fields {
			if field != "total" && field != "settled" {
				n++
			}
		}
	}
	return n
}

func TestReserve(t *testing.T) {
	s := openWhole(t)
	a := gateway(s, "node")
	for i, c := range []struct {
		id          string
		want, least int64
		grant       Grant
	}{
		{"req_0", 60, 10, Grant{Verdict: Admitted, Pico: 60}},
		{"req_0", 60, 10, Grant{Verdict: Admitted, Pico: 60}}, // again
		{"req_1", 60, 10, Grant{Verdict: Admitted, Pico: 40}}, // what is left
		{"req_2", 60, 10, Grant{Verdict: Busy, Hold: 0}},      // only others stand in the way
		{"req_2", 200, 101, Grant{Verdict: Spent, Hold: 0}},   // more than there ever is
		{"req_3", 0, 0, Grant{Verdict: Admitted, Pico: 0}},    // costs nothing
		{"req_4", 1000, 1, Grant{Verdict: Busy, Hold: 0}},
	} {
		if got := reserve(t, a, claimOf(c.id, 100, c.want, c.least)); got != c.grant {
			t.Errorf("claim %d: %+v, want %+v", i, got, c.grant)
		}
	}

	// A call that was cheaper leaves room before its usage is applied.
	a.Settle("req_0", 30, 1)
	bring(t, a)
	if got := reserve(t, a, claimOf("req_2", 100, 60, 10)); got != (Grant{Verdict: Admitted, Pico: 30}) {
		t.Errorf("after a settlement: %+v", got)
	}
	// One that was dearer is known to be.
	a.Settle("req_1", 70, 2)
	bring(t, a)
	if got := reserve(t, a, claimOf("req_5", 100, 60, 1)); got != (Grant{Verdict: Spent, Hold: 0}) {
		t.Errorf("when all is spent: %+v", got)
	}
	applyUsage(t, s, usageOf(claimOf("req_0", 0, 0, 0), "node", 1, 30))
	applyUsage(t, s, usageOf(claimOf("req_1", 0, 0, 0), "node", 2, 70))
	applyUsage(t, s, usageOf(claimOf("req_2", 0, 0, 0), "node", 3, 0))
	applyUsage(t, s, usageOf(claimOf("req_3", 0, 0, 0), "node", 4, 0))
	wantSpend(t, s, "org", Key, "key", DayOf(noon), 100)
	if got := reserve(t, a, claimOf("req_5", 100, 60, 1)); got != (Grant{Verdict: Spent, Hold: 0}) {
		t.Errorf("when all is applied: %+v", got)
	}
	if n := reserved(t, s); n != 0 {
		t.Errorf("%d reservations are left", n)
	}
}

// bring is a turn of Run.
func bring(t testing.TB, a *Admission) {
	t.Helper()
	if err := a.bring(limited(t)); err != nil {
		t.Fatal(err)
	}
}

// Amounts beyond 2^53 are compared to the last digit.
func TestReserveBeyondFloats(t *testing.T) {
	const start = 1<<62 + 1
	s := openTest(t)
	restore(t, s, 0, 0, keySpend(start))
	restore(t, s, 1, 0, keySpend(2))
	serve(t, s)
	a := gateway(s, "node")
	wantSpend(t, s, "org", Key, "key", MonthOf(noon), start+2)
	c := Claim{Org: "org", RequestID: "req_0", Want: 1 << 60, Least: 1, Holds: []Hold{{Key, "key", MonthOf(noon), start + 1}}}
	if got := reserve(t, a, c); got.Verdict != Spent {
		t.Errorf("one too many: %+v", got)
	}
	c.Holds[0].Limit = start + 3
	if got := reserve(t, a, c); got != (Grant{Verdict: Admitted, Pico: 1}) {
		t.Errorf("exactly one: %+v", got)
	}
	c.Holds[0].Limit, c.RequestID = start+3+1<<60, "req_1"
	if got := reserve(t, a, c); got != (Grant{Verdict: Admitted, Pico: 1 << 60}) {
		t.Errorf("all of it: %+v", got)
	}
	c.RequestID = "req_2"
	if got := reserve(t, a, c); got.Verdict != Busy {
		t.Errorf("nothing is left: %+v", got)
	}
}

func TestClaimsThatCannotBe(t *testing.T) {
	a := gateway(openTest(t), "node")
	for name, change := range map[string]func(*Claim){
		"request id": func(c *Claim) { c.RequestID = "" },
		"at least":   func(c *Claim) { c.Least = c.Want + 1 },
		"dimension":  func(c *Claim) { c.Holds[0].Dimension = "orgs" },
		"window":     func(c *Claim) { c.Holds[0].Window = Window{} },
		"twice":      func(c *Claim) { c.Holds = append(c.Holds, c.Holds[0]) },
	} {
		c := claimOf("req_0", 1, 1, 1)
		change(&c)
		if got, err := a.Reserve(limited(t), c); err == nil || got.Verdict == Admitted {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := reserve(t, a, Claim{Org: "org", RequestID: "req_0", Want: 5}); got != (Grant{Verdict: Admitted, Pico: 5}) {
		t.Errorf("without holds: %+v", got)
	}
}

// Whatever a thousand calls at once reserve and spend, on two gateways, the budget
// is not passed, and little of it is left.
func TestThousandClaims(t *testing.T) {
	const limit, cost = 1_000_000, 900
	s := openWhole(t)
	s.timeout = time.Minute // a loaded machine is not a Redis that is away
	var spent atomic.Int64
	var calls sync.WaitGroup
	for g := range 2 {
		a := gateway(s, fmt.Sprint("node", g))
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _ = a.Run(ctx) }()
		for i := range 500 {
			calls.Go(func() {
				c := claimOf(fmt.Sprintf("req_%d_%d", g, i), limit, 1600, 1000)
				for {
					grant, err := a.Reserve(t.Context(), c)
					switch {
					case err != nil:
						t.Error(err)
						return
					case grant.Verdict == Spent:
						return
					case grant.Verdict == Admitted && grant.Pico < 1000 || grant.Verdict == Lost:
						t.Errorf("%+v", grant)
						return
					case grant.Verdict == Admitted:
						spent.Add(min(cost+int64(i%100), grant.Pico))
						a.Settle(c.RequestID, min(cost+int64(i%100), grant.Pico), uint64(i+1))
						return
					}
					select {
					case <-a.Freed():
					case <-time.After(time.Second):
					}
				}
			})
		}
	}
	calls.Wait()
	if got := spent.Load(); got > limit || got < limit*94/100 {
		t.Errorf("spent %d of %d", got, limit)
	}
}
