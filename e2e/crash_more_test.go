package e2e_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/e2e/stacktest"
)

// readOnly is how long ClickHouse refuses inserts.
const readOnly = 15 * time.Second

// TestCrashReadOnlyClickHouse lets ClickHouse refuse every insert for a while, as one does whose disk is full,
// and answer everything else. (A user who may only read cannot be had: libchdb would not let itself listen.)
func TestCrashReadOnlyClickHouse(t *testing.T) {
	w := newWorld(t)
	books := stacktest.OpenBooks(t, w.stack)
	tables, err := books.Rows(t.Context(), `SELECT name FROM system.tables WHERE database = 'weir' AND engine LIKE '%MergeTree'`)
	if err != nil || len(tables) == 0 {
		t.Fatalf("Weir's tables are %v, %v", tables, err)
	}
	alter := func(what string) {
		for _, table := range tables {
			if err := books.Exec(t.Context(), `ALTER TABLE weir.`+table[0]+` `+what); err != nil {
				t.Error(err)
			}
		}
	}
	w.during(t, func() {
		alter(`MODIFY SETTING min_free_disk_bytes_to_perform_insert = 1000000000000000`)
		err := books.Exec(t.Context(), `INSERT INTO weir.usage (request_id) VALUES ('req_refused')`)
		if err == nil || !strings.Contains(err.Error(), "enough free space") {
			t.Errorf("an insert while ClickHouse refuses them = %v", err)
		}
		before, err := books.Counts(t.Context())
		if err != nil {
			t.Error(err)
		}
		wait(t.Context(), readOnly)
		after, err := books.Counts(t.Context())
		if err != nil || before != after {
			t.Errorf("while inserts are refused the tables went from %+v to %+v, %v", before, after, err)
		}
		alter(`RESET SETTING min_free_disk_bytes_to_perform_insert`)
	})
	w.allAnswered(t)
	w.balanced(t)
}

// TestCrashReadersComeAndGo lets a second ingest and a second aggregator join and leave again and again under
// load, once in good order and once killed: the partitions change hands in the middle of batches.
func TestCrashReadersComeAndGo(t *testing.T) {
	w := newWorld(t)
	w.during(t, func() {
		for _, inOrder := range []bool{true, false, true} {
			readers := []stacktest.Reader{w.stack.OwnReader(t, "ingest"), w.stack.OwnReader(t, "aggregator")}
			wait(t.Context(), settling)
			for _, r := range readers {
				if !inOrder {
					r.Kill()
				} else if err := r.Stop(); err != nil {
					t.Error(err)
				}
			}
		}
	})
	w.allAnswered(t)
	w.balanced(t)
}

// TestCrashTwoOfEach runs two gateways, two ingests and two aggregators on six partitions, and kills one of
// each, one after the other, and pauses the other consumer for longer than its session.
func TestCrashTwoOfEach(t *testing.T) {
	w := newWorld(t)
	w.clients = append(w.clients, w.stack.OwnGateway(t))
	ingest, aggregator := w.stack.OwnReader(t, "ingest"), w.stack.OwnReader(t, "aggregator")
	w.during(t, func() {
		for _, part := range []string{"gateway", "ingest", "aggregator"} {
			if err := kill(t.Context(), w.stack, part); err != nil {
				t.Error(err)
			}
			wait(t.Context(), settling)
		}
		for _, r := range []stacktest.Reader{ingest, aggregator} {
			r.Signal(t, syscall.SIGSTOP)
		}
		wait(t.Context(), sessionTimeout+3*time.Second)
		for _, r := range []stacktest.Reader{ingest, aggregator} {
			r.Signal(t, syscall.SIGCONT)
		}
	})
	w.balanced(t)
	rows, err := stacktest.OpenBooks(t, w.stack).Rows(t.Context(), `SELECT DISTINCT toString(kafka_partition) FROM weir.usage ORDER BY 1`)
	if err != nil || fmt.Sprint(rows) != "[[0] [1] [2] [3] [4] [5]]" {
		t.Errorf("the rows came by the partitions %v, %v; want six", rows, err)
	}
	for _, r := range []stacktest.Reader{ingest, aggregator} {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	}
}
