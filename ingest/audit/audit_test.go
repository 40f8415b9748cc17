package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"weir/ingest/audit"
	"weir/internal/control"
	"weir/schemas"
)

// delivery is a world with n calls in the tables.
func delivery(t *testing.T, n int) *world {
	t.Helper()
	w := newWorld(t)
	w.start()
	w.must(w.open())
	t.Cleanup(w.close)
	w.calls(n)
	w.delivered(int64(3 * n))
	return w
}

func (w *world) wantFound(want map[audit.Kind]uint64, change ...func(*audit.Options)) *audit.Report {
	w.Helper()
	r, got := w.audit(change...)
	if !maps.Equal(got, want) || r.Clean != (len(want) == 0) {
		var text bytes.Buffer
		w.must(r.WriteTable(&text))
		w.Errorf("found %v, want %v\n%s", got, want, text.String())
	}
	return r
}

// repaired repairs, and the audit after it, incremental or whole, is clean.
func (w *world) repaired() *audit.Report {
	w.Helper()
	r, err := audit.Repair(w.Context(), w.options(), false)
	w.must(err)
	if !r.Clean {
		w.Errorf("after a repair: %+v", r.Findings)
	}
	w.wantFound(nil)
	w.wantFound(nil, full)
	return r
}

func TestAnAuditOfExactBooksIsClean(t *testing.T) {
	w := delivery(t, 200)
	r := w.wantFound(nil)
	if len(r.Nodes) != 1 || r.Nodes[0].Events != 600 || r.Nodes[0].Last != 600 || r.LogRecords != 600 || r.Nodes[0].Node != w.journal.Node() {
		t.Errorf("got %+v", r)
	}
	// The log is read once.
	if r := w.wantFound(nil); r.LogRecords != 0 {
		t.Errorf("a second audit has read %d records", r.LogRecords)
	}
	w.calls(10)
	w.delivered(630)
	if r := w.wantFound(nil); r.LogRecords != 30 || r.Nodes[0].Events != 630 {
		t.Errorf("the next has read %d records and found %+v", r.LogRecords, r.Nodes)
	}
	if r := w.wantFound(nil, full); r.LogRecords != 630 {
		t.Errorf("a whole one has read %d records", r.LogRecords)
	}
	last, err := w.db.LastAudit(t.Context())
	w.must(err)
	if last == nil || !last.Full || last.Findings[string(audit.RowMissing)] != 0 || len(last.Findings) != len(audit.Kinds()) {
		t.Errorf("the last result is %+v", last)
	}
}

func TestPlantedDamageIsFoundAndRepaired(t *testing.T) {
	w := delivery(t, 300)
	w.wantFound(nil)
	node := w.journal.Node()
	for name, c := range map[string]struct {
		damage []string
		want   map[audit.Kind]uint64
		mended [2]int // removed, inserted
		where  string // of a finding, in the table
	}{
		"a row deleted": {
			[]string{"DELETE FROM usage WHERE seq = (SELECT max(seq) FROM usage WHERE kafka_partition = 2)"},
			map[audit.Kind]uint64{audit.RowMissing: 1}, [2]int{0, 1}, "weir.usage/2 offset",
		},
		"by a mutation, many": {
			[]string{"ALTER TABLE requests DELETE WHERE kafka_offset BETWEEN 3 AND 12 AND kafka_partition < 2 SETTINGS mutations_sync = 2"},
			map[audit.Kind]uint64{audit.RowMissing: 20}, [2]int{0, 20}, "weir.requests/1 offset 3-12",
		},
		"all of a table": {
			[]string{"TRUNCATE TABLE responses"},
			map[audit.Kind]uint64{audit.RowMissing: 300}, [2]int{0, 300}, "weir.responses/0 offset 0-",
		},
		"a row doubled": {
			[]string{"INSERT INTO responses SELECT * FROM responses WHERE kafka_partition = 1 AND kafka_offset = 5"},
			map[audit.Kind]uint64{audit.RowRepeated: 1}, [2]int{1, 1}, "weir.responses/1 offset 5 ",
		},
		"many times": {
			[]string{"INSERT INTO usage SELECT u.* FROM usage AS u ARRAY JOIN range(5) WHERE kafka_offset IN (5, 6) AND kafka_partition = 3"},
			map[audit.Kind]uint64{audit.RowRepeated: 2}, [2]int{2, 2}, "weir.usage/3 offset 5-6",
		},
		"a row of another seq": {
			[]string{"INSERT INTO usage SELECT * REPLACE(seq + 1 AS seq) FROM usage WHERE kafka_partition = 3 AND kafka_offset = 7"},
			map[audit.Kind]uint64{audit.RowStray: 1}, [2]int{1, 1}, "weir.usage/3 offset 7",
		},
		"a row of another node": {
			[]string{"INSERT INTO usage SELECT * REPLACE('M' AS node) FROM usage WHERE kafka_partition = 4 AND kafka_offset = 7",
				"DELETE FROM usage WHERE kafka_partition = 4 AND kafka_offset = 7 AND node != 'M'"},
			map[audit.Kind]uint64{audit.RowStray: 1}, [2]int{1, 1}, "weir.usage/4 offset 7",
		},
		"all at once": {
			[]string{"DELETE FROM usage WHERE kafka_partition = 0 AND kafka_offset = 1", "DELETE FROM responses WHERE kafka_partition = 0 AND kafka_offset = 1",
				"INSERT INTO requests SELECT * FROM requests WHERE kafka_partition = 0 AND kafka_offset = 1"},
			map[audit.Kind]uint64{audit.RowMissing: 2, audit.RowRepeated: 1}, [2]int{1, 3}, "node " + node,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.T = t
			for _, statement := range c.damage {
				w.sql(statement)
			}
			// Found by what is new and by all, and again and again.
			w.wantFound(c.want, full)
			r := w.wantFound(c.want)
			var table, text bytes.Buffer
			w.must(r.WriteTable(&table))
			if !strings.Contains(table.String(), c.where) {
				t.Errorf("the table does not say %q:\n%s", c.where, table.String())
			}
			w.must(r.WriteJSON(&text))
			var back audit.Report
			w.must(json.Unmarshal(text.Bytes(), &back))
			if back.Clean || len(back.Findings) != len(r.Findings) {
				t.Errorf("the JSON says %s", text.String())
			}
			dry, err := audit.Repair(t.Context(), w.options(), true)
			w.must(err)
			if dry.Clean || len(dry.Mended) == 0 {
				t.Errorf("a dry run: %+v", dry)
			}
			table.Reset()
			w.must(dry.WriteTable(&table))
			if out := table.String(); !strings.Contains(out, "WOULD MEND") || strings.Contains(out, "MENDED") || !strings.Contains(out, "run `ingest repair`") {
				t.Errorf("a dry run does not say that nothing was done, or what does it:\n%s", out)
			}
			w.wantFound(c.want)
			removed, inserted := 0, 0
			for _, m := range w.repaired().Mended {
				removed, inserted = removed+m.Removed, inserted+m.Inserted
			}
			if got := [2]int{removed, inserted}; got != c.mended {
				t.Errorf("removed and inserted %v, want %v", got, c.mended)
			}
			if got := w.sql("SELECT count(), uniqExact(request_id), sum(cost_usd) FROM usage"); got[0] != "300\t300\t0.0000000003" {
				t.Errorf("usage holds %v", got)
			}
		})
	}
}

// Much damage is told in few findings, and mended all the same.
func TestScatteredDamageIsGathered(t *testing.T) {
	w := delivery(t, 400)
	w.sql("DELETE FROM usage WHERE kafka_offset % 2 = 0")
	w.sql("INSERT INTO usage SELECT * FROM usage WHERE kafka_offset % 4 = 1")
	left := w.sql("SELECT 400 - uniqExact(request_id), count() - uniqExact(request_id) FROM usage")
	var missing, repeated uint64
	if _, err := fmt.Sscan(left[0], &missing, &repeated); err != nil {
		t.Fatal(err)
	}
	r := w.wantFound(map[audit.Kind]uint64{audit.RowMissing: missing, audit.RowRepeated: repeated})
	if len(r.Findings) != 12 || r.Nodes[0].Repeats != repeated {
		t.Errorf("%d findings, want two for each of six partitions; nodes %+v", len(r.Findings), r.Nodes)
	}
	w.repaired()
}

// A repair that was cut off between the removal and the insert has left rows
// missing, and the next one puts them back.
func TestARepairThatWasCutOffIsFinishedByTheNext(t *testing.T) {
	w := delivery(t, 240) // so many that each partition has more than four
	w.sql("INSERT INTO usage SELECT * FROM usage WHERE kafka_partition = 1 AND kafka_offset < 4")
	w.wantFound(map[audit.Kind]uint64{audit.RowRepeated: 4})
	w.must(w.db.DeleteFacts(t.Context(), schemas.TopicUsage, 1, []int64{0, 1, 2, 3}))
	w.wantFound(map[audit.Kind]uint64{audit.RowMissing: 4})
	w.repaired()
	// And what was repaired can be lost again: no token of the repair is in the way.
	w.must(w.db.DeleteFacts(t.Context(), schemas.TopicUsage, 1, []int64{0, 1, 2, 3}))
	w.repaired()
}

func TestWhatIsNotDeliveredIsNotJudged(t *testing.T) {
	w := newWorld(t)
	stop := w.start()
	w.must(w.open())
	t.Cleanup(w.close)
	w.calls(50)
	w.delivered(150)
	stop()
	w.calls(50)
	w.eventually("the log has all", func() bool {
		_, ends, err := w.log.AllBounds(t.Context(), schemas.TopicRequests, schemas.TopicResponses, schemas.TopicUsage)
		w.must(err)
		total := int64(0)
		for _, end := range ends {
			total += end
		}
		return total == 300
	})
	if r := w.wantFound(nil); r.Undelivered != 150 || r.Nodes[0].Events != 150 || r.Nodes[0].Last != 300 {
		t.Errorf("got %+v", r)
	}
	w.start()
	w.delivered(300)
	if r := w.wantFound(nil); r.Undelivered != 0 || r.Nodes[0].Events != 300 {
		t.Errorf("got %+v", r)
	}
}

// A dead record is present; one that is neither a row nor dead is missing, and a
// repair buries it again.
func TestDeadRecordsArePresent(t *testing.T) {
	w := delivery(t, 30)
	node, seq := w.journal.Node(), uint64(90)
	// A producer of the node whose 91st event does not decode, and one that is
	// nobody's.
	produce(t, w, &kgo.Record{Topic: string(schemas.TopicUsage), Partition: 2, Value: []byte("garbage"), Headers: headers("req_x", node, seq+1)})
	produce(t, w, &kgo.Record{Topic: string(schemas.TopicUsage), Partition: 2, Value: []byte("garbage")})
	w.delivered(92)
	r := w.wantFound(nil)
	if len(r.Nodes) != 1 || r.Nodes[0].Dead != 1 || r.Nodes[0].Last != 91 || r.Nodes[0].Events != 90 {
		t.Errorf("got %+v", r.Nodes)
	}
	w.wantFound(nil, full)

	_, end, err := w.log.Bounds(t.Context(), schemas.TopicDead, 0)
	w.must(err)
	deleteRecords(t, w, schemas.TopicDead, 0, end)
	w.wantFound(map[audit.Kind]uint64{audit.RowMissing: 2})
	repaired := w.repaired()
	if len(repaired.Mended) != 1 || repaired.Mended[0].Dead != 2 || repaired.Mended[0].Inserted != 0 {
		t.Errorf("mended %+v", repaired.Mended)
	}
}

func headers(request, node string, seq uint64) []kgo.RecordHeader {
	return []kgo.RecordHeader{
		{Key: schemas.HeaderRequestID, Value: []byte(request)}, {Key: schemas.HeaderNode, Value: []byte(node)},
		{Key: schemas.HeaderSeq, Value: fmt.Append(nil, seq)},
	}
}

func client(t *testing.T, w *world) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	w.must(err)
	t.Cleanup(cl.Close)
	return cl
}

func produce(t *testing.T, w *world, r *kgo.Record) {
	t.Helper()
	w.must(client(t, w).ProduceSync(t.Context(), r).FirstErr())
}

func deleteRecords(t *testing.T, w *world, topic schemas.Topic, partition int32, before int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: string(topic), Partition: partition, At: before})
	deleted, err := kadm.NewClient(client(t, w)).DeleteRecords(t.Context(), offsets)
	w.must(err)
	w.must(deleted.Error())
}

// What the log has lost is found, stays found, and takes no row with it.
func TestALogThatLostItsBeginningIsFound(t *testing.T) {
	w := delivery(t, 240) // so many that each partition has more than four
	w.wantFound(nil)
	deleteRecords(t, w, schemas.TopicUsage, 1, 4)
	want := map[audit.Kind]uint64{audit.LogGap: 4}
	w.wantFound(want)
	w.wantFound(want, full)
	w.sql("INSERT INTO usage SELECT * FROM usage WHERE kafka_partition = 1 AND kafka_offset = 2") // cannot be mended
	if r, err := audit.Repair(t.Context(), w.options(), false); err != nil || len(r.Mended) != 0 {
		t.Errorf("mended %+v, %v", r, err)
	}
	if got := w.sql("SELECT count() FROM usage WHERE kafka_partition = 1 AND kafka_offset < 4"); got[0] != "5" {
		t.Errorf("%s rows are left of what the log has lost, want 5", got[0])
	}
}

// A number that Kafka has acknowledged and nobody has is a hole; one that may be
// on its way is not.
func TestAHoleIsFoundWhenItIsProven(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.must(w.open()) // makes the topics
	t.Cleanup(w.close)
	event := func(seq uint64, partition int32, at time.Time) {
		u := &schemas.UsageRecorded{RequestId: fmt.Sprint("req_", seq), Node: "N", Seq: seq, OccurredAt: at.UnixMicro()}
		value, err := u.MarshalVT()
		w.must(err)
		produce(t, w, &kgo.Record{Topic: string(schemas.TopicUsage), Partition: partition, Timestamp: at, Value: value, Headers: headers(u.RequestId, "N", seq)})
	}
	early := time.Now().Add(-10 * time.Minute)
	event(1, 0, early)
	event(2, 1, early)
	event(5, 1, early)
	w.delivered(3)
	w.wantFound(nil) // 3 and 4 may be in another partition's part of the same chunk
	event(6, 1, early.Add(time.Minute))
	w.delivered(4)
	want := map[audit.Kind]uint64{audit.Hole: 2}
	r := w.wantFound(want)
	if f := r.Findings[0]; f.Node != "N" || f.FirstSeq != 3 || f.LastSeq != 4 {
		t.Errorf("got %+v", f)
	}
	w.wantFound(want, full)

	// The control log ends the node before what it wrote.
	store, err := control.Open(t.Context(), w.kafka, w.logger)
	w.must(err)
	defer store.Close()
	w.must(store.Retire(t.Context(), "N", 5))
	w.wantFound(map[audit.Kind]uint64{audit.Hole: 2, audit.AfterRetirement: 1})
}

func TestCallsThatStayOpenAreFound(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.must(w.open())
	t.Cleanup(w.close)
	w.calls(20)
	complete := w.begin()
	w.delivered(61)
	if r := w.wantFound(nil); r.Nodes[0].Open != 1 {
		t.Errorf("got %+v, want one open call", r.Nodes)
	}
	old := func(o *audit.Options) { o.OpenAfter = time.Nanosecond }
	r := w.wantFound(map[audit.Kind]uint64{audit.OpenCall: 1}, old)
	if f := r.Findings[0]; len(f.RequestIDs) != 1 || f.Node != w.journal.Node() || !strings.Contains(f.Detail, "ingest retire "+w.journal.Node()) {
		t.Errorf("got %+v", f)
	}
	complete()
	w.delivered(63)
	w.wantFound(nil, old)

	// A second outcome of a call that is complete.
	id := w.sql("SELECT request_id FROM responses LIMIT 1")[0]
	u := &schemas.ResponseCompleted{RequestId: id, Node: "N", Seq: 1}
	value, err := u.MarshalVT()
	w.must(err)
	produce(t, w, &kgo.Record{Topic: string(schemas.TopicResponses), Value: value, Headers: headers(id, "N", 1)})
	w.delivered(64)
	w.wantFound(map[audit.Kind]uint64{audit.CallUnknown: 1}, old)
}
