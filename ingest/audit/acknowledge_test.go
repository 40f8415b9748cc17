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

// acknowledge says that what the last audit found of these kinds is known.
func (w *world) acknowledge(reason string, kinds ...audit.Kind) audit.Acknowledgements {
	w.Helper()
	list, err := audit.Acknowledge(w.Context(), w.db, kinds, reason)
	w.must(err)
	return list
}

// wantRefused says that nothing can be acknowledged, and which words say why.
func (w *world) wantRefused(words string, kinds ...audit.Kind) {
	w.Helper()
	if list, err := audit.Acknowledge(w.Context(), w.db, kinds, "because"); err == nil || !strings.Contains(err.Error(), words) {
		w.Errorf("acknowledged %+v, %v; want a refusal that says %q", list, err, words)
	}
}

// wantKnown says what an audit tells as acknowledged, by kind and reason.
func wantKnown(t *testing.T, known audit.Acknowledgements, want map[string]uint64) {
	t.Helper()
	got := make(map[string]uint64)
	for _, k := range known {
		got[string(k.Kind)+" "+k.Reason] += k.Count
	}
	if !maps.Equal(got, want) {
		t.Errorf("acknowledged %v, want %v", got, want)
	}
}

// What the log has lost is a finding until someone says that it is known, and so
// is what it loses later, and that alone.
func TestWhatIsAcknowledgedIsNoFinding(t *testing.T) {
	const calls = 240 // so many that each partition has more than six
	w := delivery(t, calls)
	w.wantRefused("no audit is stored: run `ingest audit`", audit.LogGap)
	w.wantFound(nil)
	w.wantRefused("found no log_gap that is not acknowledged", audit.LogGap)
	deleteRecords(t, w, schemas.TopicUsage, 1, 4)
	w.wantRefused("found no log_gap that is not acknowledged", audit.LogGap) // nobody has seen it
	w.sql("DELETE FROM responses WHERE kafka_partition = 2 AND kafka_offset = 3")
	w.wantFound(map[audit.Kind]uint64{audit.LogGap: 4, audit.RowMissing: 1})
	w.wantRefused("found no hole that is not acknowledged; of what it found, run `ingest repair`", audit.Hole)
	list := w.acknowledge("a disk", audit.Acknowledgeable()...)
	if len(list) != 1 || list[0].Topic != schemas.TopicUsage || *list[0].Partition != 1 || *list[0].FirstOffset != 0 || *list[0].LastOffset != 3 {
		t.Errorf("acknowledged %+v", list)
	}
	w.wantRefused("that is not acknowledged; of what it found, run `ingest repair`", audit.Acknowledgeable()...)

	// What is mended is found as before; when it is mended the books are clean.
	w.wantFound(map[audit.Kind]uint64{audit.RowMissing: 1})
	w.repaired()
	r := w.wantFound(nil, full)
	wantKnown(t, r.Acknowledged, map[string]uint64{"log_gap a disk": 4})
	var table, text bytes.Buffer
	w.must(r.WriteTable(&table))
	for _, words := range []string{"ACKNOWLEDGED", "weir.usage/1 offset 0-3", "a disk", "clean, 1 acknowledged;"} {
		if !strings.Contains(table.String(), words) {
			t.Errorf("the table does not say %q:\n%s", words, table.String())
		}
	}
	w.must(r.WriteJSON(&text))
	var back audit.Report
	w.must(json.Unmarshal(text.Bytes(), &back))
	wantKnown(t, back.Acknowledged, map[string]uint64{"log_gap a disk": 4})
	last, err := w.db.LastAudit(t.Context())
	w.must(err)
	if last.Findings["log_gap"] != 0 || last.Acknowledged["log_gap"] != 4 {
		t.Errorf("the stored result is %+v", last)
	}

	// More of it is lost: that part is found, and has a reason of its own.
	deleteRecords(t, w, schemas.TopicUsage, 1, 6)
	r = w.wantFound(map[audit.Kind]uint64{audit.LogGap: 2})
	if f := r.Findings[0]; *f.FirstOffset != 4 || *f.LastOffset != 5 {
		t.Errorf("found %+v, want offsets 4 and 5", f)
	}
	w.acknowledge("another disk", audit.LogGap)
	wantKnown(t, w.wantFound(nil).Acknowledged, map[string]uint64{"log_gap a disk": 4, "log_gap another disk": 2})

	// The rows are what is left of the events that the log has lost, so no call is open for want of them; one
	// that has lost its row too is.
	old := func(o *audit.Options) { o.OpenAfter = time.Nanosecond }
	w.wantFound(nil, old, full)
	w.sql("DELETE FROM usage WHERE kafka_partition = 1 AND kafka_offset = 2")
	r = w.wantFound(map[audit.Kind]uint64{audit.OpenCall: 1}, old)
	if n := r.Nodes[0]; n.Open != 1 || n.Events != 3*calls-1 {
		t.Errorf("got %+v", n)
	}

	// Taken back, all of it is found again, and may be acknowledged again at once.
	if _, err := audit.Withdraw(t.Context(), w.db, []audit.Kind{audit.Hole}); err == nil || !strings.Contains(err.Error(), "nothing is acknowledged of hole") {
		t.Errorf("a hole is taken back: %v", err)
	}
	withdrawn, err := audit.Withdraw(t.Context(), w.db, audit.Acknowledgeable())
	w.must(err)
	wantKnown(t, withdrawn, map[string]uint64{"log_gap a disk": 4, "log_gap another disk": 2})
	listed, err := audit.ListAcknowledged(t.Context(), w.db, audit.Acknowledgeable())
	w.must(err)
	wantKnown(t, listed, nil)
	wantKnown(t, w.acknowledge("all", audit.LogGap), map[string]uint64{"log_gap all": 6})
	_, err = audit.Withdraw(t.Context(), w.db, []audit.Kind{audit.LogGap})
	w.must(err)
	w.wantFound(map[audit.Kind]uint64{audit.LogGap: 6})
}

// However many holes are known, one that is not is found.
func TestManyAcknowledgedHolesHideNone(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.must(w.open()) // makes the topics
	t.Cleanup(w.close)
	early := time.Now().Add(-10 * time.Minute)
	event := func(seq uint64, at time.Time) *kgo.Record {
		u := &schemas.UsageRecorded{RequestId: fmt.Sprint("req_", seq), Node: "N", Seq: seq, OccurredAt: at.UnixMicro()}
		value, err := u.MarshalVT()
		w.must(err)
		return &kgo.Record{Topic: string(schemas.TopicUsage), Timestamp: at, Value: value, Headers: headers(u.RequestId, "N", seq)}
	}
	var records []*kgo.Record
	for i := range uint64(1101) {
		records = append(records, event(2*i+1, early))
	}
	records = append(records, event(2202, early.Add(time.Minute)))
	w.must(client(t, w).ProduceSync(t.Context(), records...).FirstErr())
	w.delivered(1102)

	r := w.wantFound(map[audit.Kind]uint64{audit.Hole: 1000})
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "those above seq 2000 were not looked up") {
		t.Errorf("notes %q", r.Notes)
	}
	w.acknowledge("first", audit.Hole)
	r = w.wantFound(map[audit.Kind]uint64{audit.Hole: 100})
	if f := r.Findings[0]; f.FirstSeq != 2002 || len(r.Notes) > 0 {
		t.Errorf("found %+v with notes %q, want seq 2002 first", f, r.Notes)
	}
	w.acknowledge("second", audit.Hole)
	wantKnown(t, w.wantFound(nil).Acknowledged, map[string]uint64{"hole first": 1000, "hole second": 100})

	// Usage without requests, each by its id.
	old := func(o *audit.Options) { o.OpenAfter = time.Nanosecond }
	w.wantFound(map[audit.Kind]uint64{audit.CallUnknown: 1102}, old)
	w.acknowledge("a script", audit.CallUnknown)
	w.wantFound(nil, old, full)
	produce(t, w, event(2203, early.Add(2*time.Minute)))
	w.delivered(1103)
	r = w.wantFound(map[audit.Kind]uint64{audit.CallUnknown: 1}, old)
	if f := r.Findings[0]; len(f.RequestIDs) != 1 || f.RequestIDs[0] != "req_2203" {
		t.Errorf("found %+v, want req_2203 alone", f)
	}

	// The node is ended, and goes on.
	store, err := control.Open(t.Context(), w.kafka, w.logger)
	w.must(err)
	defer store.Close()
	w.must(store.Retire(t.Context(), "N", 2202))
	w.wantFound(map[audit.Kind]uint64{audit.AfterRetirement: 1})
	w.acknowledge("stopped", audit.AfterRetirement)
	w.wantFound(nil)
	produce(t, w, event(2204, early.Add(3*time.Minute)))
	w.delivered(1104)
	r = w.wantFound(map[audit.Kind]uint64{audit.AfterRetirement: 1})
	if f := r.Findings[0]; f.FirstSeq != 2204 || f.LastSeq != 2204 {
		t.Errorf("found %+v, want seq 2204", f)
	}
}

// A log that gives its offsets again is no loss that may be acknowledged: what is lost at these offsets later
// would be hidden.
func TestALogThatBeganAgainIsNotAcknowledged(t *testing.T) {
	w := newWorld(t)
	stop := w.start()
	w.must(w.open())
	t.Cleanup(w.close)
	w.calls(20)
	w.delivered(60)
	w.wantFound(nil)
	stop()
	admin := kadm.NewClient(client(t, w))
	_, err := admin.DeleteTopic(t.Context(), string(schemas.TopicUsage))
	w.must(err)
	_, err = admin.CreateTopic(t.Context(), 6, 1, nil, string(schemas.TopicUsage))
	w.must(err)
	w.wantFound(map[audit.Kind]uint64{audit.LogBehind: 20})
	w.wantRefused("of what it found, this is an older log under newer tables", audit.Acknowledgeable()...)
}
