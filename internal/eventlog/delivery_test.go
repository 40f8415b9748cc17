package eventlog

import (
	"strings"
	"testing"
	"time"

	"weir/schemas"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func rec(offset int64, node string, seq uint64) *Record {
	return &Record{Offset: offset, Node: node, Seq: seq}
}

func begin(t *testing.T, committed, checkpoint int64, seen map[string]uint64, announced *intent) *delivery {
	t.Helper()
	d, err := newDelivery(committed, checkpoint, seen, announced)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestIntentIsShortASCIIAndReadsBack(t *testing.T) {
	for _, i := range []intent{{0, 0, 1}, {7, 12, 0}, {1 << 60, 1<<60 + 50_000, 50_000}} {
		text := i.String()
		if len(text) > 1000 || strings.ContainsFunc(text, func(r rune) bool { return r > 126 || r < 32 }) {
			t.Errorf("metadata %q", text)
		}
		got, err := parseIntent(text)
		if err != nil || *got != i {
			t.Errorf("parseIntent(%q) = %v, %v", text, got, err)
		}
	}
	if got, err := parseIntent(""); got != nil || err != nil {
		t.Errorf("empty metadata = %v, %v", got, err)
	}
	for _, bad := range []string{"x", "weir1 first=1 last=0 taken=1", "weir1 first=a last=1 taken=1", "weir2 first=1 last=2 taken=1", "weir1 first=-1 last=2 taken=1"} {
		if _, err := parseIntent(bad); err == nil {
			t.Errorf("parseIntent(%q) succeeded", bad)
		}
	}
}

func TestRepeatsAreDroppedAndCheckpointsFolded(t *testing.T) {
	d := begin(t, 3, 1, map[string]uint64{"a": 5}, nil)
	for _, c := range []struct {
		r    *Record
		want verdict
	}{
		{rec(1, "a", 6), fold},
		{rec(2, "b", 1), fold},
		{rec(3, "a", 6), drop},
		{rec(4, "b", 2), take},
		{rec(5, "b", 2), drop},
		{rec(6, "b", 1), drop},
		{rec(7, "a", 9), take},
		{rec(8, "", 0), take}, // no headers: it must be decoded or buried
	} {
		got, err := d.read(c.r)
		if err != nil || got != c.want {
			t.Fatalf("read(%d) = %v, %v, want %v", c.r.Offset, got, err, c.want)
		}
	}
	if d.filling != (intent{3, 8, 3}) {
		t.Errorf("batch = %v", d.filling)
	}
	for _, offset := range []int64{8, 10} {
		if _, err := d.read(rec(offset, "a", 10)); err == nil {
			t.Errorf("offset %d was read where 9 comes next", offset)
		}
	}
	d.done()
	if d.committed != 9 || d.filling.last >= d.filling.first {
		t.Errorf("after done: committed %d, batch %v", d.committed, d.filling)
	}
}

func TestABatchIsCutWhenItIsFull(t *testing.T) {
	d := begin(t, 0, 0, map[string]uint64{}, nil)
	cut := func(rows, bytes int) bool {
		ok, err := d.cut(rows, bytes, limits{100, 1000})
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if cut(100, 1000) || d.begun() {
		t.Error("an empty batch was cut")
	}
	if _, err := d.read(rec(0, "a", 1)); err != nil {
		t.Fatal(err)
	}
	if !d.begun() {
		t.Error("a batch with a record has not begun")
	}
	for _, c := range []struct {
		rows, bytes int
		want        bool
	}{{99, 999, false}, {100, 1, true}, {1, 1000, true}} {
		if got := cut(c.rows, c.bytes); got != c.want {
			t.Errorf("cut(%+v) = %v", c, got)
		}
	}
}

func TestABatchFillsWhileTheLogHasMore(t *testing.T) {
	d := begin(t, 0, 0, map[string]uint64{}, nil)
	if d.ripe(0, fillLimit) {
		t.Error("an empty batch is to be sent")
	}
	if _, err := d.read(rec(0, "a", 1)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		end  int64
		age  time.Duration
		want bool
	}{{1, 0, true}, {behindRecords, 0, true}, {behindRecords + 1, 0, false}, {behindRecords + 1, fillLimit - 1, false}, {behindRecords + 1, fillLimit, true}} {
		if got := d.ripe(c.end, c.age); got != c.want {
			t.Errorf("with the log's end at %d, after %v: ripe = %v", c.end, c.age, got)
		}
	}
}

// What partitions that are behind hold together is bounded.
func TestTheFullestBatchIsSentWhenTooMuchIsHeld(t *testing.T) {
	c := &Consumer{o: ConsumerOptions{FlushInterval: time.Hour}, limits: limits{100, 1 << 20}, sent: time.Now(), partitions: map[partitionID]*partition{}}
	read := func(n int32, rows int) *partition {
		id := partitionID{"t", n}
		if c.partitions[id] == nil {
			c.partitions[id] = &partition{partitionID: id, delivery: begin(t, 0, 0, map[string]uint64{}, nil), batch: &tableBatch{}, end: 2 * behindRecords, since: time.Now()}
		}
		p := c.partitions[id]
		for range rows {
			r := rec(p.delivery.next, "a", uint64(p.delivery.next+1))
			if _, err := p.delivery.read(r); err != nil {
				t.Fatal(err)
			}
			if err := p.batch.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		return p
	}
	read(0, 60)
	fullest := read(1, 90)
	read(2, 40)
	if due, err := c.due(time.Now()); err != nil || len(due) > 0 {
		t.Errorf("with 190 rows held: due %v, %v", due, err)
	}
	read(2, 10)
	if due, err := c.due(time.Now()); err != nil || len(due) != 1 || due[0] != fullest {
		t.Errorf("with 200 rows held: due %v, %v, want the partition with 90", due, err)
	}
}

func TestAnAnnouncedBatchIsCutWhereItWas(t *testing.T) {
	announced := intent{10, 12, 2}
	d := begin(t, 10, 10, map[string]uint64{}, &announced)
	l := limits{1, 1}
	for i, want := range []bool{false, false, true} {
		seq := uint64([]int{1, 1, 2}[i]) // the middle one is a repeat
		if _, err := d.read(rec(int64(10+i), "a", seq)); err != nil {
			t.Fatal(err)
		}
		ok, err := d.cut(5, 5, l)
		if err != nil || ok != want {
			t.Fatalf("record %d: cut = %v, %v", i, ok, err)
		}
	}
	other := begin(t, 10, 10, map[string]uint64{}, &intent{10, 11, 1})
	for i := range 2 {
		if _, err := other.read(rec(int64(10+i), "a", uint64(i+1))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := other.cut(1, 1, l); err == nil {
		t.Error("a log that differs from what was announced was accepted")
	}
}

func TestACheckpointBehindTheBatchIsRefused(t *testing.T) {
	if _, err := newDelivery(10, 11, nil, nil); err == nil {
		t.Error("a checkpoint after the committed offset was accepted")
	}
	if _, err := newDelivery(10, 5, nil, &intent{11, 12, 1}); err == nil {
		t.Error("an intent that does not begin at the committed offset was accepted")
	}
}

func TestStepsOfABatch(t *testing.T) {
	later := noon.Add(time.Minute)
	const (
		announce = iota
		insert
		verify
		lacks // a verification that finds rows missing
	)
	type event struct {
		what   int
		failed bool
		want   step
	}
	fresh, repeat := (*intent)(nil), &intent{0, 0, 1}
	for name, c := range map[string]struct {
		repeat *intent
		first  step
		events []event
		token  int
	}{
		"first insert is trusted":        {fresh, stepAnnounce, []event{{announce, false, stepInsert}, {insert, false, stepCommit}}, 1},
		"a refused announcement ends it": {fresh, stepAnnounce, []event{{announce, true, stepAbandon}}, 1},
		"a failed insert is repeated, then verified": {fresh, stepAnnounce, []event{
			{announce, false, stepInsert}, {insert, true, stepInsert}, {insert, false, stepVerify}, {verify, false, stepCommit}}, 1},
		"a repeat is verified":                  {repeat, stepVerify, []event{{verify, false, stepCommit}}, 1},
		"a failed verification is tried again":  {repeat, stepVerify, []event{{verify, true, stepVerify}, {verify, false, stepCommit}}, 1},
		"a repeat that the table lacks goes in": {repeat, stepVerify, []event{{lacks, false, stepInsert}, {insert, false, stepVerify}, {verify, false, stepCommit}}, 1},
		"lost rows go in under another token": {repeat, stepVerify, []event{
			{lacks, false, stepInsert}, {insert, false, stepVerify}, {lacks, false, stepInsert}, {insert, false, stepVerify}, {verify, false, stepCommit}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			d := begin(t, 0, 0, map[string]uint64{}, c.repeat)
			s := d.send(1, 0, noon)
			if s.next != c.first {
				t.Fatalf("first step %v", s.next)
			}
			for i, e := range c.events {
				var got step
				switch e.what {
				case announce:
					got = s.announced(e.failed, later)
				case insert:
					got = s.inserted(e.failed, later)
				default:
					got = s.verified(e.failed, e.what == lacks, later)
				}
				if got != e.want {
					t.Fatalf("event %d: step %v, want %v", i, got, e.want)
				}
			}
			if s.token != c.token {
				t.Errorf("token %d, want %d", s.token, c.token)
			}
		})
	}
}

func TestABatchWithoutRowsIsOnlyCommitted(t *testing.T) {
	d := begin(t, 0, 0, map[string]uint64{}, nil)
	if s := d.send(0, 0, noon); s.next != stepCommit {
		t.Errorf("first step %v", s.next)
	}
	s := d.send(0, 1, noon)
	if s.next != stepBury {
		t.Fatalf("first step of a batch with a dead record %v", s.next)
	}
	if got := s.buried(true, 0, noon); got != stepBury {
		t.Errorf("after a failure: %v", got)
	}
	if got := s.buried(false, 0, noon); got != stepCommit {
		t.Errorf("after the write: %v", got)
	}
}

func TestAnOldBatchIsAbandonedUnlessItIsIn(t *testing.T) {
	old := noon.Add(maxBatchAge)
	batch := func(next step) *sending { return &sending{token: 1, used: true, next: next, since: noon} }
	if got := batch(stepInsert).resume(old); got != stepAbandon {
		t.Errorf("resume = %v", got)
	}
	if got := batch(stepInsert).inserted(true, old); got != stepAbandon {
		t.Errorf("failed insert = %v", got)
	}
	if got := batch(stepVerify).verified(false, true, old); got != stepAbandon {
		t.Errorf("missing rows = %v", got)
	}
	if got := batch(stepVerify).verified(false, false, old); got != stepCommit {
		t.Errorf("verified = %v", got)
	}
}

func TestTokensDifferInEveryPart(t *testing.T) {
	p := Position{Consumer: "ingest", Generation: 1, Partition: 3}
	seen := map[string]bool{}
	for _, tok := range []string{
		token("t", p, intent{1, 2, 2}, 1), token("u", p, intent{1, 2, 2}, 1), token("t", p, intent{1, 3, 2}, 1),
		token("t", p, intent{2, 2, 2}, 1), token("t", p, intent{1, 2, 2}, 2),
		token("t", Position{Consumer: "other", Generation: 1, Partition: 3}, intent{1, 2, 2}, 1),
		token("t", Position{Consumer: "ingest", Generation: 2, Partition: 3}, intent{1, 2, 2}, 1),
		token("t", Position{Consumer: "ingest", Generation: 1, Partition: 4}, intent{1, 2, 2}, 1),
	} {
		if seen[tok] {
			t.Errorf("token %q stands for two batches", tok)
		}
		seen[tok] = true
	}
	if token("t", p, intent{1, 2, 2}, 1) != token("t", p, intent{1, 2, 1}, 1) {
		t.Error("a repeat gets another token")
	}
}

func TestHalfAnOutcomeInKafkaLeavesTheOtherHalfToBeWritten(t *testing.T) {
	for have, lacks := range map[schemas.Topic]schemas.Topic{
		schemas.TopicResponses: schemas.TopicUsage,
		schemas.TopicUsage:     schemas.TopicResponses,
	} {
		h := &history{node: "a", seq: 1, open: map[string]*unclosed{"req_1": {request: &schemas.RequestReceived{RequestId: "req_1"}}}}
		if err := h.completeWith(&Record{Topic: have, Node: "a", Seq: 2, RequestID: "req_1"}, 1); err != nil {
			t.Fatal(err)
		}
		call := h.open["req_1"]
		if call == nil || call.responded == call.recorded || call.responded != (lacks == schemas.TopicUsage) {
			t.Errorf("with %s in Kafka: %+v", have, call)
		}
		if err := h.completeWith(&Record{Topic: lacks, Node: "a", Seq: 3, RequestID: "req_1"}, 1); err != nil {
			t.Fatal(err)
		}
		if len(h.open) > 0 {
			t.Errorf("with both in Kafka: %+v", h.open)
		}
	}
}
