package livetest

import (
	"log/slog"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"weir/internal/live"
	"weir/schemas"
)

// A Redis that livetest has made whole admits, and what it applies is spent.
func TestCompleteAndApply(t *testing.T) {
	config := live.DefaultConfig()
	config.Addr, config.Timeout = miniredis.RunT(t).Addr(), 10*time.Second
	s := live.Open(config, 1)
	t.Cleanup(func() { _ = s.Close() })
	const partitions = 2
	if err := Complete(t.Context(), s, partitions); err != nil {
		t.Fatal(err)
	}
	a := live.NewAdmission(live.AdmissionOptions{
		Redis: s, Node: "node", Partitions: partitions, Partition: func(string) int32 { return 1 }, Logger: slog.New(slog.DiscardHandler),
	})
	at := time.Now()
	c := live.Claim{Org: "org", RequestID: "req_1", Want: 7, Least: 1, Holds: []live.Hold{
		{Dimension: live.Balance, Window: live.Lifetime(), Limit: 10}, {Dimension: live.Member, ID: "ada", Window: live.WeekOf(at), Limit: 10},
	}}
	grant, err := a.Reserve(t.Context(), c)
	if err != nil || grant != (live.Grant{Verdict: live.Admitted, Pico: 7}) {
		t.Fatalf("%+v, %v", grant, err)
	}
	u := &schemas.UsageRecorded{
		RequestId: "req_1", Node: "node", Seq: 1, ReceivedAt: at.UnixMicro(), CostPico: 6, Budgets: c.Events(),
		Dimensions: &schemas.Dimensions{OrgId: "org", MemberId: "ada"},
	}
	if err := Apply(t.Context(), s, u, 1); err != nil {
		t.Fatal(err)
	}
	c.RequestID = "req_2"
	if grant, err = a.Reserve(t.Context(), c); err != nil || grant != (live.Grant{Verdict: live.Admitted, Pico: 4}) {
		t.Errorf("after 6 of 10: %+v, %v", grant, err)
	}
}
