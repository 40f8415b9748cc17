package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"weir/internal/eventlog"
	"weir/internal/eventlog/kafkatest"
	"weir/internal/service"
	"weir/schemas"
)

func kafka(t *testing.T) eventlog.Config {
	t.Helper()
	k := eventlog.DefaultConfig()
	k.Brokers = kafkatest.Start(t)
	return k
}

func open(t *testing.T, k eventlog.Config) *Store {
	t.Helper()
	s, err := Open(timeout(t), k, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
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

// What cannot be folded stops the reader where it stands, and every later start:
// with the offset and the reason, and what was folded stays.
func TestARecordThatCannotBeFoldedStopsTheReader(t *testing.T) {
	encoded := func(r *schemas.ControlRecord) []byte {
		value, err := r.MarshalVT()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	for name, c := range map[string]struct {
		value []byte
		why   string
	}{
		"garbage":              {[]byte("garbage"), "decode control record"},
		"empty":                {nil, "has no fold version"},
		"a newer fold":         {encoded(&schemas.ControlRecord{FoldVersion: FoldVersion + 1, EntityId: "x"}), "needs fold version 3 and this release knows 2: upgrade"},
		"a change of tomorrow": {append(encoded(&schemas.ControlRecord{FoldVersion: FoldVersion, EntityId: "policy/o/p"}), 0xfa, 0x07, 0x00), "does not know: upgrade"}, // field 127
		"another's id":         {encoded(&schemas.ControlRecord{FoldVersion: FoldVersion, EntityId: "org/a", Change: recordOf(&schemas.Organization{OrgId: "b"}).Change}), `its entity id is "org/a"`},
	} {
		t.Run(name, func(t *testing.T) {
			k, ctx := kafka(t), timeout(t)
			s := open(t, k)
			for _, id := range []string{"o", "p"} {
				if err := Put(ctx, s, &schemas.Organization{OrgId: id}, Change{Actor: ActorOperator}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.log.Append(ctx, schemas.TopicControl, 0, nil, c.value); err != nil {
				t.Fatal(err)
			}
			err := s.wait(ctx, func() bool { return false })
			if err == nil || !strings.Contains(err.Error(), "weir.control offset 2: ") || !strings.Contains(err.Error(), c.why) {
				t.Fatalf("the reader says %v, want offset 2 and %q", err, c.why)
			}
			if state, details := s.Check(ctx); state != service.Down || details["error"] != err.Error() {
				t.Errorf("check = %v %v", state, details)
			}
			if again := Put(ctx, s, &schemas.Organization{OrgId: "q"}, Change{}); again == nil || again.Error() != err.Error() {
				t.Errorf("a change behind it: %v", again)
			}
			if len(s.Organizations()) != 2 {
				t.Error("what was folded is gone")
			}
			if _, again := Open(ctx, k, slog.New(slog.DiscardHandler)); again == nil || !strings.Contains(again.Error(), err.Error()) {
				t.Errorf("a start says %v, want %v", again, err)
			}
		})
	}
}

// What would stop every reader is never written.
func TestProposeRefusesWhatCannotBeFolded(t *testing.T) {
	ctx, s := timeout(t), open(t, kafka(t))
	for want, err := range map[string]error{
		"no id or no organisation": Put(ctx, s, &schemas.Project{OrgId: "o"}, Change{}),
		"contains a slash":         Put(ctx, s, &schemas.Organization{OrgId: "a/b"}, Change{}),
		"UTF-8":                    Put(ctx, s, &schemas.EndUser{OrgId: "o", UserId: "\xff"}, Change{}),
		"does not know":            s.Propose(ctx, &schemas.ControlRecord{EntityId: "org/o"}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error about %q", err, want)
		}
	}
	if err := Put(ctx, s, &schemas.Organization{OrgId: "o"}, Change{}); err != nil {
		t.Fatal(err)
	}
	if s.next != 1 {
		t.Errorf("the log has %d records, want 1", s.next)
	}
}

// Two gateways change one organisation as fast as they can, while calls look their
// key up: each version has one author, who alone was told so, and both end alike.
func TestGatewaysThatRaceOnOneEntity(t *testing.T) {
	const each, writers = 6, 3 // changes a writer makes, writers on each gateway
	k, ctx := kafka(t), timeout(t)
	stores := []*Store{open(t, k), open(t, k)}
	key := &schemas.ApiKey{OrgId: "o", KeyId: "k", Secrets: []*schemas.Secret{{Hash: hashOf("one")}}}
	if err := Put(ctx, stores[0], &schemas.Organization{OrgId: "o", Name: "first"}, Change{}); err != nil {
		t.Fatal(err)
	}
	if err := Put(ctx, stores[0], key, Change{}); err != nil {
		t.Fatal(err)
	}
	reading, stop := context.WithCancel(ctx)
	var writing, lookups sync.WaitGroup
	var mu sync.Mutex // owns the rest
	authors := map[uint64]string{1: "first"}
	conflicts := 0
	for g, s := range stores {
		lookups.Go(func() {
			for reading.Err() == nil {
				runtime.Gosched() // the writers have as few processors
				if c, ok := s.Caller([32]byte(hashOf("one"))); ok && (c.Org == nil || c.Org.Name == "") {
					t.Errorf("a caller without its organisation: %v", c)
					return
				}
			}
		})
		for n := range writers {
			writing.Go(func() {
				for i := 0; i < each; {
					v, _ := Get[*schemas.Organization](s.State, "o", "o")
					next := Clone(v.Value)
					if next == nil { // this gateway has not read so far
						next = &schemas.Organization{OrgId: "o"}
					}
					next.Name = fmt.Sprint(g, n, i)
					err := Put(ctx, s, next, Change{Expected: v.Version})
					mu.Lock()
					switch {
					case errors.Is(err, ErrConflict):
						conflicts++
					case err != nil:
						t.Error(err)
						i = each
					case authors[v.Version+1] != "":
						t.Errorf("version %d is of %s and of %s", v.Version+1, authors[v.Version+1], next.Name)
					default:
						authors[v.Version+1] = next.Name
						i++
					}
					mu.Unlock()
				}
			})
		}
	}
	writing.Wait()
	stop()
	lookups.Wait()
	const changes = 1 + 2*writers*each
	if len(authors) != changes || conflicts == 0 {
		t.Errorf("%d versions have an author, want %d; %d conflicts", len(authors), changes, conflicts)
	}
	for g, s := range stores {
		if err := s.wait(ctx, func() bool { return VersionOf[*schemas.Organization](s.State, "o", "o") >= changes }); err != nil {
			t.Fatal(err)
		}
		if v, _ := Get[*schemas.Organization](s.State, "o", "o"); v.Version != changes || v.Value.Name != authors[changes] {
			t.Errorf("gateway %d has %v, want version %d of %s", g, v, changes, authors[changes])
		}
	}
	late := open(t, k)
	if diff := cmp.Diff(dump(late.State), dump(stores[0].State)); diff != "" {
		t.Errorf("a gateway that starts now sees another state: %s", diff)
	}
}

// Gateways that start on an empty log fill it once.
func TestGatewaysThatBootstrapAtTheSameTime(t *testing.T) {
	k, ctx := kafka(t), timeout(t)
	stores := make([]*Store, 4)
	for i := range stores {
		stores[i] = open(t, k)
	}
	var wg sync.WaitGroup
	for i, s := range stores {
		wg.Go(func() {
			err := Bootstrap(ctx, s.State, s, []proto.Message{
				&schemas.Organization{OrgId: "o", CreatedAt: int64(i) + 1},
				&schemas.ApiKey{OrgId: "o", KeyId: "k", Secrets: []*schemas.Secret{{Hash: hashOf("one")}}},
			})
			// It returns when what it wrote is folded.
			if c, ok := s.Caller([32]byte(hashOf("one"))); err != nil || !ok || c.Org == nil || !s.Founded() {
				t.Errorf("gateway %d: %v, caller %v", i, err, c)
			}
		})
	}
	wg.Wait()
	late := open(t, k)
	for _, v := range late.Organizations() {
		if v.Version != 1 {
			t.Errorf("the organisation was written %d times", v.Version)
		}
	}
	if _, err := late.Partitions(ctx); err != nil {
		t.Fatal(err)
	}
	if err := Bootstrap(ctx, late.State, late, []proto.Message{&schemas.Organization{OrgId: "other"}}); err != nil || len(late.Organizations()) != 1 {
		t.Errorf("filled again: %v, %d organisations", err, len(late.Organizations()))
	}
}
