package eventlog

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"weir/schemas"
)

// The whole way under faults on every side: the rows of a table that refuses,
// lands late or loses what it acknowledged a token for; consumers that are
// killed and started, two at a time; a gateway that is killed.
func TestNothingLostNothingTwiceUnderFaults(t *testing.T) {
	k := startKafka(t, 3)
	r := &retirements{last: map[string]uint64{}}
	o := journalOptions(t, k, t.TempDir(), r)
	tab := newTable()
	random := rand.New(rand.NewSource(7))
	tab.faults = func() fault { // called under the table's lock
		if n := random.Intn(10); n < 3 {
			return fault(n + 1)
		}
		return works
	}
	run(t, newConsumer(t, k, tab))
	var calls []string
	for range 5 {
		doomed := newConsumer(t, k, tab)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = doomed.Run(ctx) }() // its death is the point
		j := openJournal(t, o.withRegistry())
		for range 150 {
			calls = append(calls, call(t, j))
		}
		req := request()
		if _, err := j.Begin(req, false); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, req.RequestId)
		if err := tab.has(deadline(t), schemas.TopicUsage, len(calls)/3); err != nil {
			t.Fatal(err)
		}
		j.kill()
		<-doomed.opened
		doomed.client.CloseAllowingRebalance()
		cancel()
		<-ended
	}
	j := openJournal(t, o.withRegistry())
	if err := j.Close(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if err := tab.hasAll(deadline(t), len(calls)); err != nil {
		t.Fatal(err)
	}
	checkBooks(t, tab, calls)
}

// A table that refuses for longer than a turn lasts, while one fetch holds many
// batches: what was fetched behind the batch that waits is not passed over.
func TestNothingIsPassedOverWhileABatchWaits(t *testing.T) {
	k := startKafka(t, 1)
	o := journalOptions(t, k, t.TempDir(), &retirements{last: map[string]uint64{}})
	o.Partitions = 1
	j := openJournal(t, o)
	var calls []string
	for range 300 {
		calls = append(calls, call(t, j))
	}
	if err := j.Close(deadline(t)); err != nil {
		t.Fatal(err)
	}
	tab := newTable()
	refusals := 0
	tab.faults = func() fault { // called under the table's lock
		if refusals++; refusals%7 != 0 {
			return refuses
		}
		return works
	}
	c := newConsumer(t, k, tab)
	c.patience = time.Millisecond
	run(t, c)
	if err := tab.hasAll(deadline(t), len(calls)); err != nil {
		t.Fatal(err)
	}
	checkBooks(t, tab, calls)
}

// A partition that is given up while it is paused is read again when it comes back.
func TestAPausedPartitionThatComesBackIsRead(t *testing.T) {
	k := startKafka(t, 3)
	ctx := deadline(t)
	j := openJournal(t, journalOptions(t, k, t.TempDir(), &retirements{last: map[string]uint64{}}))
	var calls []string
	for range 60 {
		calls = append(calls, call(t, j))
	}
	tab := newTable()
	var away atomic.Bool
	away.Store(true)
	tab.faults = func() fault {
		if away.Load() {
			return refuses
		}
		return works
	}
	c := newConsumer(t, k, tab)
	c.patience = time.Millisecond
	run(t, c)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	owns := func(want func(all, paused int) bool) {
		t.Helper()
		for {
			c.turns.Lock()
			all, paused := c.all(), 0
			for _, p := range all {
				if p.paused {
					paused++
				}
			}
			c.turns.Unlock()
			if want(len(all), paused) {
				return
			}
			select {
			case <-ctx.Done():
				t.Fatalf("it owns %d partitions, %d of them paused", len(all), paused)
			case <-tick.C:
			}
		}
	}
	every := len(ledger) * 3
	owns(func(all, paused int) bool { return all == every && paused == every })
	leave := run(t, newConsumer(t, k, tab))
	owns(func(all, _ int) bool { return all > 0 && all < every })
	leave()
	away.Store(false)
	owns(func(all, _ int) bool { return all == every })
	for range 60 {
		calls = append(calls, call(t, j))
	}
	if err := j.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := tab.hasAll(ctx, len(calls)); err != nil {
		t.Fatal(err)
	}
	checkBooks(t, tab, calls)
}

func TestAnUndecodableRecordGoesToTheDeadTopicAndHoldsNobodyUp(t *testing.T) {
	k := startKafka(t, 3)
	ctx := deadline(t)
	log, err := OpenLog(k, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	tab := newTable()
	run(t, newConsumer(t, k, tab))
	for _, v := range []string{"fine", "garbage", "fine too"} {
		if _, err := log.Append(ctx, schemas.TopicUsage, 1, []byte("key"), []byte(v)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tab.has(ctx, schemas.TopicUsage, 2); err != nil {
		t.Fatal(err)
	}
	found := errors.New("found")
	err = log.Tail(ctx, schemas.TopicDead, 0, 0, func(r *Record) error {
		d := &schemas.DeadRecord{}
		if err := d.UnmarshalVT(r.Value); err != nil {
			return err
		}
		if d.Topic != string(schemas.TopicUsage) || d.Partition != 1 || d.Offset != 1 || string(d.Value) != "garbage" || d.Reason != "not an event" {
			return fmt.Errorf("dead record %v", d)
		}
		return found
	})
	if !errors.Is(err, found) {
		t.Fatal(err)
	}
}

func TestRowsWithoutACommittedOffsetStopTheConsumer(t *testing.T) {
	k := startKafka(t, 1)
	tab := newTable()
	tab.rows["weir.usage/0/5/req_x"] = 1
	err := newConsumer(t, k, tab).Run(deadline(t))
	if err == nil || !strings.Contains(err.Error(), "no committed offset") || !strings.Contains(err.Error(), "ingest offset --topic weir.usage --partition 0 --to") {
		t.Fatalf("Run = %v", err)
	}
}

// An older copy of the log gives its offsets a second time: what it gets next
// would stand beside the rows that the log before it has filled.
func TestRowsBehindTheEndOfTheLogStopTheConsumer(t *testing.T) {
	k := startKafka(t, 1)
	o := journalOptions(t, k, t.TempDir(), &retirements{last: map[string]uint64{}})
	o.Partitions = 1
	j := openJournal(t, o)
	tab := newTable()
	stop := run(t, newConsumer(t, k, tab))
	call(t, j)
	if err := tab.hasAll(deadline(t), 1); err != nil {
		t.Fatal(err)
	}
	stop()
	tab.rows["weir.usage/0/1/req_x"] = 1 // the log ends at offset 1
	err := newConsumer(t, k, tab).Run(deadline(t))
	if err == nil || !strings.Contains(err.Error(), "weir.usage/0: the table holds rows behind the end of the log, at offset 1") {
		t.Fatalf("Run = %v", err)
	}
}

func TestAnExpiringLedgerTopicIsRefused(t *testing.T) {
	k := emptyKafka(t)
	cl, err := k.client(quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), 3, 1, nil, string(schemas.TopicUsage)); err != nil {
		t.Fatal(err)
	}
	err = EnsureTopics(deadline(t), k, 3, quiet())
	if err == nil || !strings.Contains(err.Error(), "weir.usage has") || !strings.Contains(err.Error(), "kafka-configs") {
		t.Fatalf("EnsureTopics = %v", err)
	}
}

func TestRangeAndOffsetAt(t *testing.T) {
	k := startKafka(t, 1)
	ctx := deadline(t)
	log, err := OpenLog(k, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for i := range 10 {
		if _, err := log.Append(ctx, schemas.TopicUsage, 0, nil, []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	var got []byte
	if err := log.Range(ctx, schemas.TopicUsage, 0, 3, 7, func(r *Record) error { got = append(got, r.Value...); return nil }); err != nil {
		t.Fatal(err)
	}
	if string(got) != "\x03\x04\x05\x06" {
		t.Errorf("range = %v", got)
	}
	for at, want := range map[time.Time]int64{time.Now().Add(-time.Hour): 0, time.Now().Add(time.Hour): 10} {
		if o, err := log.OffsetAt(ctx, schemas.TopicUsage, 0, at); err != nil || o != want {
			t.Errorf("OffsetAt(%v) = %d, %v, want %d", at, o, err, want)
		}
	}
}

func TestAnOffsetBeforeWhatWasDeliveredIsRefused(t *testing.T) {
	k := startKafka(t, 1)
	ctx := deadline(t)
	o := journalOptions(t, k, t.TempDir(), &retirements{last: map[string]uint64{}})
	o.Partitions = 1
	j := openJournal(t, o)
	tab := newTable()
	stop := run(t, newConsumer(t, k, tab))
	call(t, j)
	if err := tab.hasAll(ctx, 1); err != nil {
		t.Fatal(err)
	}
	stop()
	for to, want := range map[string]string{"1": "", "earliest": "counted twice", "0": "counted twice"} {
		_, err := SetOffset(ctx, k, "ingest", schemas.TopicUsage, 0, to, quiet())
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("SetOffset(%s) = %v", to, err)
		}
	}
	err := OffsetCommand{Topic: schemas.TopicDead, To: "earliest"}.Set(ctx, k, "ingest", ledger, quiet())
	if err == nil || !strings.Contains(err.Error(), "does not read topic weir.dead") {
		t.Errorf("the offset of a topic that the group does not read: %v", err)
	}
}

func TestAKafkaThatIsAwayIsNotWaitedForForEver(t *testing.T) {
	k := DefaultConfig()
	k.Brokers = []string{"127.0.0.1:1"}
	log, err := OpenLog(k, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if err := log.ReachWithin(deadline(t), 10*time.Millisecond); err == nil || !strings.Contains(err.Error(), "does not answer within 10ms") {
		t.Errorf("ReachWithin = %v", err)
	}
}

func TestTheOffsetOfAStoppedGroupCanBeSet(t *testing.T) {
	k := startKafka(t, 1)
	ctx := deadline(t)
	tab := newTable()
	tab.rows["weir.usage/0/5/req_x"] = 1
	if err := newConsumer(t, k, tab).Run(ctx); err == nil {
		t.Fatal("a consumer without offsets began")
	}
	for _, topic := range ledger {
		for to, want := range map[string]string{"earliest": "", "0": "", "1": "outside", "x": "neither"} {
			_, err := SetOffset(ctx, k, "ingest", topic, 0, to, quiet())
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("SetOffset(%s, %s) = %v", topic, to, err)
			}
		}
	}
	clear(tab.rows) // of a log that is gone: they were moved away
	j := openJournal(t, journalOptions(t, k, t.TempDir(), &retirements{last: map[string]uint64{}}))
	run(t, newConsumer(t, k, tab))
	j.partitions = 1
	call(t, j)
	if err := tab.has(ctx, schemas.TopicResponses, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := SetOffset(ctx, k, "ingest", schemas.TopicUsage, 0, "earliest", quiet()); err == nil || !strings.Contains(err.Error(), "members") {
		t.Errorf("offset of a running group was set: %v", err)
	}
	if err := j.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// What comes after a quiet time is sent at once; only what follows it waits.
func TestARecordThatComesAloneDoesNotWait(t *testing.T) {
	k := startKafka(t, 1)
	o := journalOptions(t, k, t.TempDir(), &retirements{last: map[string]uint64{}})
	o.Partitions = 1
	j := openJournal(t, o)
	c := newConsumer(t, k, newTable())
	c.o.FlushInterval = time.Hour
	tab := c.o.Sink.(*table)
	run(t, c)
	if _, err := j.Begin(request(), false); err != nil {
		t.Fatal(err)
	}
	if err := tab.has(deadline(t), schemas.TopicRequests, 1); err != nil {
		t.Fatal(err)
	}
}
