package app

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"weir/internal/control"
	"weir/internal/eventlog"
	"weir/schemas"
)

func (w *world) openControl() *control.Store {
	w.t.Helper()
	store, err := control.Open(w.t.Context(), w.options.Kafka, w.options.Logger)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(store.Close)
	return store
}

// change makes n changes through each store at once, to entities that the others
// change too: some are accepted, some refused, some deletions.
func (w *world) change(n int, stores ...*control.Store) {
	w.t.Helper()
	var group sync.WaitGroup
	for writer, store := range stores {
		group.Go(func() {
			for i := range n {
				org, id := fmt.Sprintf("org_%d", i%2), fmt.Sprintf("key_%d", i%5)
				c := control.Change{Expected: control.VersionOf[*schemas.ApiKey](store.State, org, id), Actor: fmt.Sprintf("key_%d", writer), RequestID: fmt.Sprintf("req_%d", i)}
				var err error
				if i%7 == 6 {
					err = control.Delete[*schemas.ApiKey](w.t.Context(), store, org, id, c)
				} else {
					err = control.Put(w.t.Context(), store, &schemas.ApiKey{OrgId: org, KeyId: id, Name: fmt.Sprint(writer, i), Secrets: []*schemas.Secret{{Hash: make([]byte, 32), Hint: "wk_"}}}, c)
				}
				if err != nil && !errors.Is(err, control.ErrConflict) {
					w.t.Errorf("change %d: %v", i, err)
				}
			}
		})
	}
	group.Wait()
}

// repeatFirst writes the first record of an organisation's entity once more, as a
// writer does that did not see its verdict.
func (w *world) repeatFirst() {
	w.t.Helper()
	for _, r := range w.controlRecords() {
		record := new(schemas.ControlRecord)
		if err := record.UnmarshalVT(r.Value); err != nil {
			w.t.Fatal(err)
		}
		if record.OrgId != "" {
			w.append(r.Key, r.Value)
			return
		}
	}
	w.t.Fatal("no record to repeat")
}

func (w *world) append(key, value []byte) {
	w.t.Helper()
	log, err := eventlog.OpenLog(w.options.Kafka, w.options.Logger)
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.Close()
	if _, err := log.Append(w.t.Context(), schemas.TopicControl, 0, key, value); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) controlRecords() []eventlog.Record {
	w.t.Helper()
	log, err := eventlog.OpenLog(w.options.Kafka, w.options.Logger)
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.Close()
	_, end, err := log.Bounds(w.t.Context(), schemas.TopicControl, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	var records []eventlog.Record
	err = log.Range(w.t.Context(), schemas.TopicControl, 0, 0, end, func(r *eventlog.Record) error {
		records = append(records, *r)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return records
}

// wantControlLog waits until control_log is the log, as the test folds it. It
// returns how many records were accepted, refused and repeats.
func (w *world) wantControlLog() (accepted, refused, repeats int) {
	w.t.Helper()
	state := control.NewState()
	var want []string
	for _, r := range w.controlRecords() {
		record := new(schemas.ControlRecord)
		if err := record.UnmarshalVT(r.Value); err != nil {
			w.t.Fatal(err)
		}
		line := fmt.Sprintf("%d\t%d\t%d\t%s\t%s\t%s\t%s\t%d", r.Offset, record.OccurredAt, r.Appended.UnixMilli(), record.OrgId, record.Actor, record.RequestId, record.CommandId, record.ExpectedVersion)
		v, err := state.Apply(record)
		if err != nil {
			w.t.Fatal(err)
		}
		want = append(want, line+fmt.Sprintf("\t%d\t%t\t%t\t%t", v.Version, v.Accepted, v.Repeated, record.GetDeleted() != nil))
		switch {
		case v.Repeated:
			repeats++
		case v.Accepted:
			accepted++
		default:
			refused++
		}
	}
	var got []string
	w.eventually(fmt.Sprintf("%d rows of control_log", len(want)), func() bool {
		var err error
		got, err = w.server.Query(w.t.Context(), w.options.ClickHouse.Database, `
			SELECT kafka_offset, toUnixTimestamp64Micro(occurred_at), toUnixTimestamp64Milli(appended_at), org_id, actor, request_id, command_id, expected_version,
				version, accepted, repeated, deleted FROM control_log ORDER BY kafka_offset`)
		return err == nil && slices.Equal(got, want)
	}, &got)
	return accepted, refused, repeats
}

func TestTheControlLogIsReadableOnceThroughStopsAndKills(t *testing.T) {
	w := newWorld(t)
	_, stop := w.startIngest()
	one, other := w.openControl(), w.openControl()
	w.change(30, one, other)
	w.repeatFirst()
	w.wantControlLog()

	stop()
	w.change(30, one, other)
	_, stop = w.startIngest()
	_, stopSecond := w.startIngest() // both write; each record reads as one row
	w.wantControlLog()

	w.server.Kill()
	w.change(30, one, other)
	w.repeatFirst()
	w.startServer()
	w.wantControlLog()

	// Rows that a server has lost come back at the next start.
	stop()
	stopSecond()
	w.execute("ALTER TABLE control_log_rows DELETE WHERE kafka_offset % 3 = 1 SETTINGS mutations_sync = 2")
	w.startIngest()
	accepted, refused, repeats := w.wantControlLog()
	if accepted < 90 || refused == 0 || repeats != 2 {
		t.Errorf("accepted %d, refused %d, repeats %d: the test has seen too little", accepted, refused, repeats)
	}
	hashes, err := w.server.Query(t.Context(), w.options.ClickHouse.Database, "SELECT count(), countIf(position(change, 'hash') > 0), uniqExact(kind) FROM control_log WHERE kind = 'key' AND NOT deleted AND JSONExtractString(change, 'name') != ''")
	if err != nil || len(hashes) != 1 || strings.HasPrefix(hashes[0], "0\t") || !strings.HasSuffix(hashes[0], "\t0\t1") {
		t.Errorf("changes of keys, with a hash, kinds: got %v, %v", hashes, err)
	}
}

// A record of a newer release stops the table and nothing else, and says where.
func TestARecordThatCannotBeFoldedStopsTheControlLogAlone(t *testing.T) {
	w := newWorld(t)
	ingest, _ := w.startIngest()
	w.openJournal()
	w.change(5, w.openControl())
	w.wantControlLog()
	offset := len(w.controlRecords())
	value, err := (&schemas.ControlRecord{FoldVersion: control.FoldVersion + 1, EntityId: "org/o"}).MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	w.append([]byte("org/o"), value)
	var last string
	w.eventually("the offset in the readiness", func() bool {
		last = w.ready(ingest)
		return strings.Contains(last, `"degraded"`) && strings.Contains(last, fmt.Sprintf("weir.control offset %d: record needs fold version", offset))
	}, &last)
	w.call()
	w.wantCalls(1)
}

// Rows of a log that is gone are never mixed with those of the next.
func TestATableOfAnotherLogStopsTheControlLog(t *testing.T) {
	w := newWorld(t)
	w.execute("INSERT INTO control_log_rows (kafka_offset, command_id) VALUES (0, 'of another log')")
	ingest, _ := w.startIngest()
	var last string
	w.eventually("the remedy in the readiness", func() bool {
		last = w.ready(ingest)
		return strings.Contains(last, "control_log offset 0") && strings.Contains(last, "empty the table control_log_rows")
	}, &last)
}

// ready returns the body of /readyz.
func (w *world) ready(ingest *App) string {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://"+ingest.Addr()+"/readyz", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}
