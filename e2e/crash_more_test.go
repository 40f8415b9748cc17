package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/e2e/stacktest"
)

// readOnly is how long ClickHouse refuses inserts.
const readOnly = 15 * time.Second

// TestCrashReadOnlyClickHouse lets ClickHouse refuse every insert for a while, and answer everything else.
func TestCrashReadOnlyClickHouse(t *testing.T) {
	w := newWorld(t)
	books := stacktest.OpenBooks(t, w.stack)
	config := filepath.Join(w.stack.Data, "clickhouse.xml")
	before, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	refusing := strings.Replace(string(before), "<profiles><default></default></profiles>",
		"<profiles><default><readonly>2</readonly></default></profiles>", 1)
	if refusing == string(before) {
		t.Fatalf("%s has no profile to change:\n%s", config, before)
	}
	with := func(text string) { // ClickHouse reads it when it starts
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Error(err)
		}
		if err := kill(t.Context(), w.stack, "clickhouse"); err != nil {
			t.Error(err)
		}
	}
	w.during(t, func() {
		with(refusing)
		stacktest.Eventually(t, time.Minute, func() error {
			if _, err := books.Counts(t.Context()); err != nil {
				return err
			}
			err := books.Exec(t.Context(), `INSERT INTO weir.usage (request_id) VALUES ('req_refused')`)
			if err == nil || !strings.Contains(err.Error(), "readonly mode") {
				return fmt.Errorf("an insert is not refused: %w", err)
			}
			return nil
		})
		wait(t.Context(), readOnly)
		with(string(before))
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
