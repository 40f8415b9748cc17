package follow

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"weir/internal/eventlog"
	"weir/internal/live"
	"weir/schemas"
)

// twoTopics is a log of one partition with requests and usage.
type twoTopics map[schemas.Topic][]eventlog.Record

func (l twoTopics) Bounds(_ context.Context, t schemas.Topic, _ int32) (start, end int64, err error) {
	return 0, int64(len(l[t])), nil
}

func (l twoTopics) OffsetAt(_ context.Context, t schemas.Topic, _ int32, at time.Time) (int64, error) {
	i := slices.IndexFunc(l[t], func(r eventlog.Record) bool { return !r.Appended.Before(at) })
	if i < 0 {
		i = len(l[t])
	}
	return int64(i), nil
}

func (l twoTopics) Range(_ context.Context, t schemas.Topic, _ int32, from, to int64, fn func(*eventlog.Record) error) error {
	for i := from; i < to; i++ {
		if err := fn(&l[t][i]); err != nil {
			return err
		}
	}
	return nil
}

func (l twoTopics) append(t testing.TB, topic schemas.Topic, id string, seq uint64, at time.Time, event interface{ MarshalVT() ([]byte, error) }) {
	t.Helper()
	value, err := event.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	l[topic] = append(l[topic], eventlog.Record{
		Offset: int64(len(l[topic])), Appended: at, RequestID: id, Node: "node", Seq: seq, Value: value,
	})
}

// However requests and usage lie beside each other, in slices of whatever size: what
// is open in the end is what has no usage before the offset, and only little of the
// log is in memory on the way.
func TestOpenCallsOfTheLog(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	log := make(twoTopics)
	seq, want := uint64(0), make(map[string]bool)
	for i := range 400 {
		at := now.Add(-time.Duration(400-i) * time.Second)
		id := fmt.Sprint("req_", i)
		budgets := []*schemas.BudgetHold{{BudgetId: "org:lifetime:", ReservedPico: int64(i)}}
		if i%5 == 0 {
			budgets = nil
		}
		request := &schemas.RequestReceived{RequestId: id, Node: "node", Seq: seq + 1, Budgets: budgets, Dimensions: &schemas.Dimensions{OrgId: "org"}}
		usage := &schemas.UsageRecorded{
			RequestId: id, Node: "node", Seq: seq + 2, Budgets: budgets, CostPico: 1, OccurredAt: at.UnixMicro(),
			Dimensions: request.Dimensions,
		}
		seq += 2
		ends := random.IntN(10) > 0
		if ends && random.IntN(3) == 0 { // its usage is in the log first
			log.append(t, schemas.TopicUsage, id, usage.Seq, at, usage)
			ends = false
		} else if !ends && budgets != nil {
			want[id] = true
		}
		log.append(t, schemas.TopicRequests, id, request.Seq, at, request)
		if ends {
			log.append(t, schemas.TopicUsage, id, usage.Seq, at.Add(time.Duration(random.IntN(2))*time.Millisecond), usage)
		}
	}
	log[schemas.TopicRequests] = append(log[schemas.TopicRequests], log[schemas.TopicRequests][:20]...) // repeats

	for _, slice := range []int64{1, 7, 1000} {
		for _, aside := range []bool{false, true} {
			f := New(Options{
				Log: log, Aside: aside, Now: func() time.Time { return now }, Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler),
			})
			r := newReader(f, 0)
			r.slice = slice
			if err := r.read(t.Context(), int64(len(log[schemas.TopicUsage]))); err != nil {
				t.Fatal(err)
			}
			got := make(map[string]bool)
			for id := range r.open {
				got[id] = true
			}
			if aside {
				if len(got) > 0 {
					t.Errorf("a generation that does not serve reserves for %v", got)
				}
				continue
			}
			if diff := cmp.Diff(want, got); diff != "" || len(r.early) > 0 {
				t.Errorf("slices of %d: open calls (-want +got):\n%s%d are early", slice, diff, len(r.early))
			}
		}
	}
}

// BenchmarkReadLog is what a restore costs beside the reading itself, for each call:
// its request and its usage.
func BenchmarkReadLog(b *testing.B) {
	const calls = 20_000
	log := make(twoTopics)
	for i := range calls {
		id, seq := fmt.Sprintf("req_%026d", i), uint64(2*i+1)
		budgets := []*schemas.BudgetHold{{BudgetId: "key:month:key_1", WindowStart: live.MonthOf(now).Start().UnixMicro(), ReservedPico: 5}}
		d := &schemas.Dimensions{
			OrgId: "org_1", KeyId: fmt.Sprint("key_", i%20), UserId: fmt.Sprint("user_", i%5000), MemberId: fmt.Sprint("mem_", i%20),
			Project: "prj_1", GroupId: "grp_1", Tags: []string{"prod", "team"}, Endpoint: "chat.completions",
		}
		log.append(b, schemas.TopicRequests, id, seq, now, &schemas.RequestReceived{RequestId: id, Node: "node", Seq: seq, Budgets: budgets, Dimensions: d})
		log.append(b, schemas.TopicUsage, id, seq+1, now, &schemas.UsageRecorded{
			RequestId: id, Node: "node", Seq: seq + 1, Budgets: budgets, Dimensions: d, CostPico: 7, OccurredAt: now.UnixMicro(),
		})
	}
	f := New(Options{Log: log, Now: func() time.Time { return now }, Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
	b.ReportAllocs()
	for b.Loop() {
		if err := newReader(f, 0).read(b.Context(), calls); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*calls), "ns/call")
}
