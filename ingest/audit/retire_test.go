package audit_test

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/ingest/audit"
	"weir/ingest/retire"
	"weir/schemas"
)

func (w *world) retire(node string, force bool) (retire.Result, error) {
	w.Helper()
	return retire.Run(w.Context(), retire.Options{Kafka: w.kafka, DB: w.db, Node: node, Force: force, Logger: w.logger})
}

// The gateway died with calls open and its machine will not return.
func TestRetireClosesTheOpenCallsOfANodeOnce(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.must(w.open())
	w.calls(30)
	const open = 40
	for range open {
		w.begin()
	}
	w.delivered(90 + open)
	node := w.journal.Node()
	// What a kill leaves: a spool that was not closed, all of it in Kafka.
	kept := t.TempDir()
	w.must(os.CopyFS(kept, os.DirFS(w.spool)))
	w.close()

	if _, err := w.retire("01JD0000000000000000000000", true); err == nil || !strings.Contains(err.Error(), "is not known") {
		t.Errorf("a node that is not known: %v", err)
	}
	if _, err := w.retire(node, false); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("a node that wrote just now: %v", err)
	}
	var runs sync.WaitGroup
	for range 3 { // at once
		runs.Go(func() {
			if r, err := w.retire(node, true); err != nil || r.LastSeq != 90+open {
				t.Errorf("retire: %+v, %v", r, err)
			}
		})
	}
	runs.Wait()
	if r, err := w.retire(node, false); err != nil || r.Closed != open { // as after a crash: all of it again
		t.Errorf("retire again: %+v, %v", r, err)
	}
	w.delivered(90 + open + 2*open)
	for table, want := range map[string]string{"requests": "70\t70", "responses": "70\t70", "usage": "70\t70"} {
		if got := w.sql("SELECT count(), uniqExact(request_id) FROM " + table); got[0] != want {
			t.Errorf("%s: got %s rows, want %s", table, got[0], want)
		}
	}
	if got := w.sql("SELECT count(), uniqExact(node), max(seq) FROM (SELECT node, seq, error_kind FROM responses UNION ALL SELECT node, seq, error_kind FROM usage) WHERE error_kind = 'abandoned'"); got[0] != "80\t1\t80" {
		t.Errorf("abandoned: %s", got[0])
	}
	r := w.wantFound(nil, func(o *audit.Options) { o.OpenAfter = time.Nanosecond })
	if len(r.Nodes) != 2 || r.Nodes[0].Retired == 0 || r.Nodes[1].Retired == 0 {
		t.Errorf("got %+v", r.Nodes)
	}
	w.wantFound(nil, full)

	// The spool turns up again.
	w.spool = kept
	if err := w.open(); err == nil || !strings.Contains(err.Error(), "move the folder away") {
		t.Errorf("a retired spool: %v", err)
	}
	w.spool = t.TempDir()
	w.must(w.open())
	defer w.close()
	w.calls(1)
	w.delivered(90 + 3*open + 3)
	w.wantFound(nil)
}

// A first run was cut off after part of its outcomes were in Kafka: the second
// leaves no hole and nothing twice.
func TestRetireGoesOnWhereItWasCutOff(t *testing.T) {
	w := newWorld(t)
	stop := w.start()
	w.must(w.open())
	for range 60 {
		w.begin()
	}
	w.delivered(60)
	node := w.journal.Node()
	w.close()
	first, err := w.retire(node, true)
	w.must(err)
	w.delivered(180)
	stop()
	// The rows and the log of half of what the first run has written go: to the
	// second run it is as if they had never been sent.
	if first.Closed != 60 {
		t.Fatalf("closed %d calls, want 60", first.Closed)
	}
	w.sql("DELETE FROM usage WHERE kafka_partition >= 3")
	w.sql("DELETE FROM responses WHERE seq > 50")
	w.start()
	second, err := w.retire(node, true)
	w.must(err)
	if second != first {
		t.Errorf("the second run did %+v, the first %+v", second, first)
	}
	w.delivered(300)
	w.repaired()
	if got := w.sql("SELECT count(), uniqExact(seq), max(seq) FROM (SELECT seq FROM responses UNION ALL SELECT seq FROM usage)"); got[0] != "120\t120\t120" {
		t.Errorf("outcomes: %s", got[0])
	}
	_, ends, err := w.log.AllBounds(t.Context(), schemas.TopicResponses)
	w.must(err)
	total := int64(0)
	for _, end := range ends {
		total += end
	}
	if total != 120 {
		t.Errorf("%d outcomes in the log, want each of 60 twice", total)
	}
}
