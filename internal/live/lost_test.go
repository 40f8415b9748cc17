package live

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"
)

// admit reserves until it is admitted.
func admit(t *testing.T, a *Admission, c Claim) {
	t.Helper()
	deadline := time.After(15 * time.Second)
	for {
		if g, err := a.Reserve(limited(t), c); err == nil && g.Verdict == Admitted {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			t.Fatal("is not admitted")
		}
	}
}

// A gateway that runs posts its claims to a Redis that was emptied, is Lost until
// that is whole, forgets what is applied, and says when it goes.
func TestRun(t *testing.T) {
	s := openWhole(t)
	a := gateway(s, "node")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	open, settled := claimOf("req_0", 100, 40, 1), claimOf("req_1", 100, 40, 1)
	admit(t, a, open)
	admit(t, a, settled)
	a.Settle("req_1", 10, 1)

	if err := s.client.FlushAll(limited(t)).Err(); err != nil {
		t.Fatal(err)
	}
	if g := reserve(t, a, claimOf("req_2", 100, 20, 1)); g.Verdict != Lost {
		t.Errorf("after the loss: %+v", g)
	}
	for partition := range int32(testPartitions) {
		restore(t, s, partition, 0, new(Deltas))
	}
	serve(t, s)
	admit(t, a, claimOf("req_3", 100, 60, 50)) // 40 and 10 are posted
	if g := reserve(t, a, claimOf("req_4", 100, 60, 1)); g.Verdict != Busy {
		t.Errorf("when all is reserved: %+v", g)
	}

	a.Settle("req_0", 40, 2)
	a.Settle("req_3", 50, 3)
	for i, c := range []Claim{settled, open, claimOf("req_3", 100, 60, 50)} {
		applyUsage(t, s, usageOf(c, "node", uint64(i+1), []int64{10, 40, 50}[i]))
	}
	deadline := time.After(15 * time.Second)
	for a.Open() > 0 {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			t.Fatalf("%d claims are not forgotten", a.Open())
		}
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run ended with %v", err)
	}
	if left, err := s.client.HLen(limited(t), gatewaysKey).Result(); err != nil || left != 0 {
		t.Errorf("%d gateways are listed, %v", left, err)
	}
}

// A term is whole only when every gateway that lives has posted, or is silent for
// long enough.
func TestOthersArePostedFirst(t *testing.T) {
	s := openWhole(t)
	first := gateway(s, "first")
	now, err := s.client.Time(limited(t)).Result()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		beat string
		want bool
	}{
		"posted before": {"other:" + unix(now), false},
		"posts":         {":" + unix(now), false},
		"dead":          {"other:" + unix(now.Add(-10*time.Second)), true},
		"long dead":     {"other:" + unix(now.Add(-2*time.Hour)), true},
		"nonsense":      {"", true},
	} {
		if err := s.client.HSet(limited(t), gatewaysKey, "second", c.beat).Err(); err != nil {
			t.Fatal(err)
		}
		if v, err := first.seeSince(limited(t), time.Now()); err != nil || v.whole != c.want {
			t.Errorf("%s: whole is %t, %v; want %t", name, v.whole, err, c.want)
		}
	}
	if v, err := gateway(s, "second").seeSince(limited(t), time.Now()); err != nil || !v.whole {
		t.Errorf("the second one posts: %t, %v", v.whole, err)
	}
}

func unix(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

// A cluster that has lost the slot of an organisation is restored as a whole.
func TestSlotIsLost(t *testing.T) {
	s := openWhole(t)
	a := gateway(s, "node")
	admit(t, a, claimOf("req_0", 100, 40, 1))
	keys, err := s.client.Keys(limited(t), "weir:*{org}*").Result()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.client.Del(limited(t), keys...).Err(); err != nil {
		t.Fatal(err)
	}
	if g := reserve(t, a, claimOf("req_1", 100, 100, 1)); g.Verdict != Lost {
		t.Errorf("without its slot: %+v", g)
	}
	if positions, err := s.Positions(limited(t)); err != nil || len(positions) != 0 {
		t.Errorf("positions %v, %v; want none", positions, err)
	}
	for partition := range int32(testPartitions) {
		restore(t, s, partition, 0, new(Deltas))
	}
	serve(t, s)
	if _, err := a.seeSince(limited(t), time.Now()); err != nil {
		t.Fatal(err)
	}
	if g := reserve(t, a, claimOf("req_1", 100, 100, 1)); g != (Grant{Verdict: Admitted, Pico: 60}) {
		t.Errorf("after the restore: %+v", g)
	}
}
