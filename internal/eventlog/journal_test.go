package eventlog

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/internal/eventlog/spool"
	"weir/internal/service"
	"weir/schemas"
)

func TestEveryCallArrivesOnce(t *testing.T) {
	k := startKafka(t, 3)
	r := &retirements{last: map[string]uint64{}}
	o := journalOptions(t, k, t.TempDir(), r)
	tab := newTable()
	stop := run(t, newConsumer(t, k, tab))
	j := openJournal(t, o)
	var mu sync.Mutex
	var calls []string
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				id := call(t, j)
				mu.Lock()
				calls = append(calls, id)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if err := j.Close(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if err := tab.hasAll(deadline(t), len(calls)); err != nil {
		t.Fatal(err)
	}
	stop()
	checkBooks(t, tab, calls)

	// A clean close goes on under the same node, at the next seq.
	node, seq := j.Node(), j.seq
	j = openJournal(t, o.withRegistry())
	if j.Node() != node || j.seq != seq {
		t.Errorf("after a clean close: node %s seq %d, want %s %d", j.Node(), j.seq, node, seq)
	}
	if err := j.Close(deadline(t)); err != nil {
		t.Fatal(err)
	}
}

func (o JournalOptions) withRegistry() JournalOptions {
	o.Registerer = prometheus.NewRegistry()
	return o
}

func TestAKilledGatewaysSpoolIsDrainedAndItsOpenCallsClosed(t *testing.T) {
	for _, mode := range []spool.Fsync{spool.FsyncNever, spool.FsyncAlways} {
		t.Run(string(mode), func(t *testing.T) {
			k := startKafka(t, 3)
			r := &retirements{last: map[string]uint64{}}
			o := journalOptions(t, k, t.TempDir(), r)
			o.Spool.Fsync = mode
			tab := newTable()
			run(t, newConsumer(t, k, tab))
			var calls, open []string
			var nodes []string
			for range 4 {
				j := openJournal(t, o.withRegistry())
				nodes = append(nodes, j.Node())
				for range 20 {
					calls = append(calls, call(t, j))
				}
				for range 3 {
					req := request()
					if _, err := j.Begin(req, false); err != nil {
						t.Fatal(err)
					}
					calls, open = append(calls, req.RequestId), append(open, req.RequestId)
				}
				j.kill()
			}
			j := openJournal(t, o.withRegistry())
			calls = append(calls, call(t, j))
			if err := j.Close(deadline(t)); err != nil {
				t.Fatal(err)
			}
			if err := tab.hasAll(deadline(t), len(calls)); err != nil {
				t.Fatal(err)
			}
			checkBooks(t, tab, calls)
			for i, n := range nodes {
				if mode == spool.FsyncAlways {
					if n != nodes[0] || r.retired(n) {
						t.Errorf("start %d: node %s, want the first, not retired", i, n)
					}
				} else if !r.retired(n) || r.last[n] == 0 || i > 0 && n == nodes[i-1] {
					t.Errorf("start %d: node %s is not retired at its last seq", i, n)
				}
			}
			if len(open) != 12 {
				t.Fatal("test is wrong")
			}
		})
	}
}

// An open call whose request was acknowledged long ago, in an earlier segment,
// is still closed.
func TestOpenCallsOfEarlierSegmentsAreClosed(t *testing.T) {
	k := startKafka(t, 3)
	r := &retirements{last: map[string]uint64{}}
	o := journalOptions(t, k, t.TempDir(), r)
	o.Spool.MaxBytes = 8 << 20 // segments of 1 MiB
	tab := newTable()
	run(t, newConsumer(t, k, tab))
	j := openJournal(t, o)
	long := request()
	if _, err := j.Begin(long, false); err != nil {
		t.Fatal(err)
	}
	calls := []string{long.RequestId}
	ctx := deadline(t)
	for j.log.End().Segment < 3 {
		req := request()
		req.Dimensions.Extra = map[string]string{"x": strings.Repeat("y", 20_000)}
		c, err := j.Begin(req, false)
		if errors.Is(err, ErrSpoolFull) {
			j.waitShipped(ctx)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		resp, u := outcomeOf(req)
		if err := c.Complete(resp, u, nil); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, req.RequestId)
	}
	j.waitShipped(ctx)
	j.kill()
	j = openJournal(t, o.withRegistry())
	if err := j.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := tab.hasAll(ctx, len(calls)); err != nil {
		t.Fatal(err)
	}
	checkBooks(t, tab, calls)
}

// A spool that goes on under its id after a kill closes its own open calls, which says nothing of the
// calls that its later runs leave open.
func TestOpenCallsOfEveryRunOfADurableSpoolAreClosed(t *testing.T) {
	k := startKafka(t, 3)
	o := journalOptions(t, k, t.TempDir(), &retirements{last: map[string]uint64{}})
	o.Spool.Fsync = spool.FsyncAlways
	tab := newTable()
	run(t, newConsumer(t, k, tab))
	var calls []string
	for range 2 {
		j := openJournal(t, o.withRegistry())
		req := request()
		if _, err := j.Begin(req, false); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, req.RequestId)
		j.kill()
	}
	o.Spool.Fsync = spool.FsyncNever
	j := openJournal(t, o.withRegistry())
	if err := j.Close(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if err := tab.hasAll(deadline(t), len(calls)); err != nil {
		t.Fatal(err)
	}
	checkBooks(t, tab, calls)
}

func TestAFullSpoolRefusesNewCallsAndRecordsOpenOnes(t *testing.T) {
	k := DefaultConfig()
	k.Brokers = []string{"127.0.0.1:1"} // nobody there
	r := &retirements{last: map[string]uint64{}}
	o := journalOptions(t, k, t.TempDir(), r)
	o.Spool.MaxBytes = 8 << 20
	j := openJournal(t, o)
	type openCall struct {
		c *Call
		r *schemas.RequestReceived
	}
	var open []openCall
	for {
		req := request()
		c, err := j.Begin(req, true)
		if err != nil {
			if !errors.Is(err, ErrSpoolFull) {
				t.Fatal(err)
			}
			break
		}
		open = append(open, openCall{c, req})
	}
	if len(open) < 10 {
		t.Fatalf("%d calls", len(open))
	}
	for _, o := range open {
		resp, u := outcomeOf(o.r)
		p := &schemas.PayloadCaptured{RequestId: o.r.RequestId, Request: make([]byte, 300<<10), Response: make([]byte, 600<<10)}
		if err := o.c.Complete(resp, u, p); err != nil {
			t.Fatal(err)
		}
		if !p.ResponseTruncated || p.SizeVT() > maxEventBytes {
			t.Fatal("payload was not bounded")
		}
		if err := o.c.Complete(resp, u, nil); err == nil {
			t.Fatal("a call got two outcomes")
		}
	}
	resp, u := outcomeOf(request())
	if err := j.Refuse(request(), resp, u); err != nil && !errors.Is(err, ErrSpoolFull) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := j.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// After a loss of power the spool may have lost what Kafka has: outcomes are not
// written a second time, requests that only Kafka knows are closed, and the node
// ends at the seq that Kafka has.
func TestAPowerLossIsCompletedFromKafka(t *testing.T) {
	k := startKafka(t, 3)
	r := &retirements{last: map[string]uint64{}}
	dir := t.TempDir()
	o := journalOptions(t, k, dir, r)
	tab := newTable()
	run(t, newConsumer(t, k, tab))
	j := openJournal(t, o)
	calls := []string{call(t, j)}
	outlived := request() // its request survives on the spool, its outcome only in Kafka
	c, err := j.Begin(outlived, false)
	if err != nil {
		t.Fatal(err)
	}
	survives := j.log.End()
	resp, u := outcomeOf(outlived)
	if err := c.Complete(resp, u, nil); err != nil {
		t.Fatal(err)
	}
	unknown := request() // only Kafka knows of it, and it has no outcome
	if _, err := j.Begin(unknown, false); err != nil {
		t.Fatal(err)
	}
	calls = append(calls, outlived.RequestId, unknown.RequestId)
	if err := tab.has(deadline(t), schemas.TopicRequests, 3); err != nil {
		t.Fatal(err)
	}
	if err := tab.has(deadline(t), schemas.TopicUsage, 2); err != nil {
		t.Fatal(err)
	}
	node, seq := j.node, j.seq
	j.kill()
	segment, err := filepath.Glob(filepath.Join(dir, node, "*.segment"))
	if err != nil || len(segment) != 1 {
		t.Fatal(segment, err)
	}
	if err := os.Truncate(segment[0], survives.Offset); err != nil {
		t.Fatal(err)
	}
	if err := j.folder.Mark(node, markMeta, []byte(`{"fsync":"never","boot_id":"an earlier boot"}`)); err != nil {
		t.Fatal(err)
	}
	j = openJournal(t, o.withRegistry())
	if err := j.Close(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if err := tab.hasAll(deadline(t), len(calls)); err != nil {
		t.Fatal(err)
	}
	checkBooks(t, tab, calls)
	if r.last[node] != seq {
		t.Errorf("node retired at %d, want %d", r.last[node], seq)
	}
}

// A start that fails half-way gives everything back, and a damaged spool stops
// it with the file's name.
func TestADamagedSpoolStopsTheStart(t *testing.T) {
	k := startKafka(t, 3)
	r := &retirements{last: map[string]uint64{}}
	dir := t.TempDir()
	o := journalOptions(t, k, dir, r)
	j := openJournal(t, o)
	call(t, j)
	call(t, j)
	node := j.Node()
	j.kill()
	segment := filepath.Join(dir, node, "00000000000000000001.segment")
	whole, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(segment, append([]byte("NOTASPOOL"), whole[9:]...), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds the lock free
		_, err = OpenJournal(deadline(t), o.withRegistry())
		var damaged *spool.DamagedError
		if !errors.As(err, &damaged) || damaged.Path != segment {
			t.Fatalf("OpenJournal = %v, want a DamagedError of %s", err, segment)
		}
	}
	if err := os.WriteFile(segment, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	j = openJournal(t, o.withRegistry())
	if err := j.Close(deadline(t)); err != nil {
		t.Fatal(err)
	}
}

// Whoever retires a node may be wrong about it: a gateway that lives takes no new
// calls any more, says so, and still records those that are open.
func TestARetiredNodeThatLivesTakesNoNewCalls(t *testing.T) {
	k := startKafka(t, 3)
	r := &retirements{last: map[string]uint64{}}
	j := openJournal(t, journalOptions(t, k, t.TempDir(), r))
	defer func() {
		if err := j.Close(deadline(t)); err != nil {
			t.Error(err)
		}
	}()
	req := request()
	open, err := j.Begin(req, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.retire(t.Context(), j.Node(), 1); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx := deadline(t); !errors.Is(err, ErrNodeRetired); {
		select {
		case <-ctx.Done():
			t.Fatal("a retired node takes calls")
		case <-tick.C:
		}
		late := request()
		resp, u := outcomeOf(late)
		err = j.Refuse(late, resp, u)
	}
	if _, err := j.Begin(request(), false); !errors.Is(err, ErrNodeRetired) {
		t.Errorf("Begin = %v", err)
	}
	if state, detail := j.Check(t.Context()); state != service.Down {
		t.Errorf("Check = %v, %v", state, detail)
	}
	resp, u := outcomeOf(req)
	if err := open.Complete(resp, u, nil); err != nil {
		t.Error(err)
	}
}

// A call that is closed long after it was received counts in the windows of then.
func TestAnAbandonedCallWasReceivedWithItsRequest(t *testing.T) {
	r := request()
	now := time.UnixMicro(r.OccurredAt).Add(48 * time.Hour)
	if _, u := abandoned(r, now); u.ReceivedAt != r.OccurredAt || u.OccurredAt != now.UnixMicro() {
		t.Errorf("received at %d, occurred at %d; want %d and %d", u.ReceivedAt, u.OccurredAt, r.OccurredAt, now.UnixMicro())
	}
}
