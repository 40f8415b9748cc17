package control

import (
	"context"
	"errors"
	"log/slog"
	"math/rand"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/internal/eventlog"
	"weir/internal/eventlog/kafkatest"
	"weir/schemas"
)

func kafka(t *testing.T) eventlog.Config {
	t.Helper()
	k := eventlog.DefaultConfig()
	k.Brokers = kafkatest.Start(t)
	return k
}

func timeout(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestServicesThatRaceAgreeOnTheCluster(t *testing.T) {
	k, ctx := kafka(t), timeout(t)
	counts := make([]int32, 6)
	var wg sync.WaitGroup
	for i := range counts {
		wg.Go(func() {
			s, n, err := Prepare(ctx, k, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			counts[i] = n
		})
	}
	wg.Wait()
	for _, n := range counts {
		if n != DefaultPartitions {
			t.Errorf("partitions = %v, want %d for all", counts, DefaultPartitions)
			break
		}
	}
}

func TestOneOfTwoRacingCommandsIsRefused(t *testing.T) {
	k, ctx := kafka(t), timeout(t)
	settings := func(n int32) *schemas.ControlRecord {
		return &schemas.ControlRecord{EntityId: kindCluster, Change: &schemas.ControlRecord_ClusterSettings{
			ClusterSettings: &schemas.ClusterSettings{PartitionCount: n}}}
	}
	var stores []*Store
	for range 2 {
		s, err := Open(ctx, k, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		stores = append(stores, s)
	}
	errs := make([]error, 2)
	var wg sync.WaitGroup
	for i, s := range stores {
		wg.Go(func() { errs[i] = s.Propose(ctx, settings(int32(10+i))) })
	}
	wg.Wait()
	if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), ErrConflict) {
		t.Fatalf("verdicts = %v, want one accepted and one conflict", errs)
	}
	a, err := stores[0].Partitions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b, err := stores[1].Partitions(ctx)
	if err != nil || a != b {
		t.Errorf("partitions = %d and %d (%v), want the same", a, b, err)
	}
}

func TestARetiredNodeStaysRetiredAtItsFirstEnd(t *testing.T) {
	k, ctx := kafka(t), timeout(t)
	s, err := Open(ctx, k, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, last := range []uint64{7, 9} {
		if err := s.Retire(ctx, "N", last); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	s, err = Open(ctx, k, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !s.Retired("N") || s.retired["N"].LastSeq != 7 {
		t.Errorf("retired = %v, want N at 7", s.retired)
	}
}

func TestAnUnknownFoldVersionStopsTheReader(t *testing.T) {
	k, ctx := kafka(t), timeout(t)
	s, err := Open(ctx, k, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	value, err := (&schemas.ControlRecord{FoldVersion: FoldVersion + 1, EntityId: "x"}).MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.log.Append(ctx, schemas.TopicControl, 0, nil, value); err != nil {
		t.Fatal(err)
	}
	if err := s.wait(ctx, func() bool { return false }); err == nil || s.Err() == nil {
		t.Fatalf("reader goes on: %v", err)
	}
	if _, err := Open(ctx, k, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a start on such a log succeeded")
	}
}

// All readers fold alike: the state depends on the log's order alone, repeats
// of a command change nothing.
func TestTheFoldIsDeterministic(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	var log []*schemas.ControlRecord
	for i := range 2000 {
		rec := &schemas.ControlRecord{
			FoldVersion: 1, CommandId: string(rune('a' + r.Intn(800))), EntityId: kindCluster,
			ExpectedVersion: uint64(r.Intn(i/100 + 1)),
			Change:          &schemas.ControlRecord_ClusterSettings{ClusterSettings: &schemas.ClusterSettings{PartitionCount: int32(i)}},
		}
		log = append(log, rec)
	}
	a, b := NewState(), NewState()
	for _, rec := range log {
		va, err := a.Apply(rec)
		if err != nil {
			t.Fatal(err)
		}
		vb, err := b.Apply(rec)
		if err != nil {
			t.Fatal(err)
		}
		again, err := b.Apply(rec)
		if err != nil {
			t.Fatal(err)
		}
		if va != vb || again != vb {
			t.Fatalf("verdicts differ: %v %v %v", va, vb, again)
		}
	}
	if diff := cmp.Diff(a.versions, b.versions); diff != "" {
		t.Error(diff)
	}
	if a.cluster.PartitionCount != b.cluster.PartitionCount {
		t.Error("states differ")
	}
}
