package e2e_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/e2e/stacktest"
)

// auditLimit is how long an audit of a few thousand calls may take on a busy machine.
const auditLimit = 90 * time.Second

// finding and auditReport are what `ingest audit --format json` prints.
type finding struct {
	Kind        string `json:"kind"`
	Count       uint64 `json:"count"`
	Topic       string `json:"topic"`
	Partition   *int   `json:"partition"`
	FirstOffset *int64 `json:"first_offset"`
	LastOffset  *int64 `json:"last_offset"`
	Rollup      string `json:"rollup"`
	Detail      string `json:"detail"`
}

type auditReport struct {
	Clean        bool      `json:"clean"`
	Findings     []finding `json:"findings"`
	Acknowledged []struct {
		finding
		Reason string `json:"reason"`
	} `json:"acknowledged"`
	Notes []string `json:"notes"`
	Nodes []struct {
		Node                   string `json:"node"`
		Events                 uint64 `json:"events"`
		Missing, Repeats, Open uint64
		LastSeq                uint64 `json:"last_seq"`
	} `json:"nodes"`
}

// audited runs `ingest audit` or `ingest repair`; the exit code must be what the report says.
func audited(t *testing.T, stack *stacktest.Stack, args ...string) (report auditReport, text string) {
	t.Helper()
	c := stack.Command(t, "ingest", append(args, "--format", "json")...)
	code, err := c.Wait(auditLimit)
	if err != nil || code > 1 {
		t.Fatalf("ingest %v ended with %d, %v\n%s", args, code, err, c.Output())
	}
	text = c.Printed()
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatalf("ingest %v printed something else than one JSON object: %v\n%s", args, err, text)
	}
	if report.Clean != (code == 0) {
		t.Errorf("ingest %v: exit code %d and clean %v", args, code, report.Clean)
	}
	return report, text
}

// wantKinds says that exactly these kinds were found, each so often; 0 for any number.
func wantKinds(t *testing.T, what string, r auditReport, text string, want map[string]uint64) {
	t.Helper()
	got := make(map[string]uint64)
	for _, f := range r.Findings {
		got[f.Kind] += f.Count
	}
	for kind, n := range want {
		if got[kind] == 0 || n > 0 && got[kind] != n {
			t.Errorf("%s: found %d of %s, want %d\n%s", what, got[kind], kind, n, text)
		}
		delete(got, kind)
	}
	if len(got) > 0 {
		t.Errorf("%s: found %v besides\n%s", what, got, text)
	}
}

// TestAuditUnderLoad audits again and again while calls are made: what is on its way is never off.
func TestAuditUnderLoad(t *testing.T) {
	stack := stacktest.New(t, stacktest.Options{})
	loaded := make(chan struct{})
	l := &load{client: stack.Client(), calls: 3000, callers: 16}
	go func() {
		defer close(loaded)
		l.run(t.Context())
	}()
	audits := 0
	for over := false; !over; audits++ {
		select {
		case <-loaded:
			over = true // one more, of the end
		default:
		}
		if r, text := audited(t, stack, "audit"); !r.Clean {
			t.Fatalf("audit %d under load:\n%s", audits, text)
		}
	}
	t.Logf("%d audits while %d calls were made", audits, l.calls)
	books := stacktest.OpenBooks(t, stack)
	stacktest.WaitUsage(t, books, time.Minute, l.answers...)
	for _, args := range [][]string{{"audit"}, {"audit", "--full"}} {
		r, text := audited(t, stack, args...)
		events := uint64(0)
		for _, n := range r.Nodes {
			events += n.Events
		}
		if !r.Clean || events != uint64(3*l.calls) || len(r.Notes) > 0 {
			t.Errorf("%v after the load, of %d calls:\n%s", args, l.calls, text)
		}
	}
}

// TestAuditFindsPlantedDamage plants each kind of damage, sees that an audit says which, where and how many,
// and that the way that it names leads to clean books.
func TestAuditFindsPlantedDamage(t *testing.T) {
	data := t.TempDir()
	stack := stacktest.New(t, stacktest.Options{Data: data})
	books := stacktest.OpenBooks(t, stack)
	answers := (&load{client: stack.Client(), calls: 600, callers: 16}).made(t)
	stacktest.WaitUsage(t, books, time.Minute, answers...)
	stacktest.Eventually(t, time.Minute, func() error { return books.CompareRollups(t.Context()) })
	if r, text := audited(t, stack, "audit"); !r.Clean {
		t.Fatalf("before anything is planted:\n%s", text)
	}
	plant := func(statements ...string) {
		t.Helper()
		for _, s := range statements {
			if err := books.Exec(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
	}
	const row = " WHERE kafka_partition = 2 AND kafka_offset IN (5, 6)"

	// A row deleted: from the outcomes, and from usage, which the rollups are then no longer the sum of.
	plant("DELETE FROM weir.responses" + row)
	r, text := audited(t, stack, "audit")
	wantKinds(t, "rows deleted", r, text, map[string]uint64{"row_missing": 2})
	if f := r.Findings[0]; f.Topic != "weir.responses" || *f.Partition != 2 || *f.FirstOffset != 5 || *f.LastOffset != 6 || f.Count != 2 {
		t.Errorf("found %+v", f)
	}
	plant("DELETE FROM weir.usage" + row)
	r, text = audited(t, stack, "audit")
	wantKinds(t, "rows of usage deleted", r, text, map[string]uint64{"row_missing": 4, "rollup_differs": 0})
	r, text = audited(t, stack, "repair", "--dry-run")
	wantKinds(t, "a dry run", r, text, map[string]uint64{"row_missing": 4, "rollup_differs": 0})
	if r, text = audited(t, stack, "repair"); !r.Clean {
		t.Errorf("after a repair of deleted rows:\n%s", text)
	}

	// A row doubled.
	plant("INSERT INTO weir.requests SELECT * FROM weir.requests"+row, "INSERT INTO weir.usage SELECT * FROM weir.usage"+row)
	r, text = audited(t, stack, "audit")
	wantKinds(t, "rows doubled", r, text, map[string]uint64{"row_repeated": 4, "rollup_differs": 0})
	if r, text = audited(t, stack, "repair"); !r.Clean {
		t.Errorf("after a repair of doubled rows:\n%s", text)
	}
	if r, text = audited(t, stack, "audit", "--full"); !r.Clean {
		t.Errorf("after both repairs, all of the log:\n%s", text)
	}

	// A rollup altered: a figure that moves to another user, and one that grows.
	plant("ALTER TABLE weir.rollups_1 UPDATE cost_usd = cost_usd + toDecimal128('0.000000000001', 12) WHERE dimension = 'tag' AND resolution = '1h' AND value = 'load' AND kafka_partition = 3 SETTINGS mutations_sync = 2",
		"INSERT INTO weir.rollups_1 SELECT * REPLACE('nobody' AS value) FROM weir.rollups_1 WHERE dimension = 'user' AND resolution = '1d' AND kafka_partition = 1 AND value = 'user-3'",
		"DELETE FROM weir.rollups_1 WHERE dimension = 'user' AND resolution = '1d' AND kafka_partition = 1 AND value = 'user-3'")
	r, text = audited(t, stack, "repair")
	wantKinds(t, "rollups altered", r, text, map[string]uint64{"rollup_differs": 0})
	for _, f := range r.Findings {
		tag, user := f.Rollup == "spend_by_tag_1h" && *f.Partition == 3, f.Rollup == "spend_by_user_1d" && *f.Partition == 1
		if !tag && !user || tag && !strings.Contains(f.Detail, "cost_usd is ") || !strings.Contains(f.Detail, "aggregator rebuild") {
			t.Errorf("found %+v", f)
		}
	}
	if out, err := stack.Run(t, rebuildLimit, "aggregator", "rebuild"); err != nil {
		t.Fatalf("rebuild: %v\n%s", err, out)
	}
	if r, text = audited(t, stack, "audit"); !r.Clean {
		t.Errorf("after a rebuild:\n%s", text)
	}
}

// TestAuditFindsADroppedRecord takes records out of the middle of a topic while the stack is down, once and, when an
// operator has said that this is known, again.
func TestAuditFindsADroppedRecord(t *testing.T) {
	data := t.TempDir()
	embedded := []string{"--kafka-server", "kfake"} // whose files dropBatch knows
	stack := stacktest.New(t, stacktest.Options{Data: data, Args: embedded})
	served := func(calls int) {
		t.Helper()
		answers := (&load{client: stack.Client(), calls: calls, callers: 8}).made(t)
		stacktest.WaitUsage(t, stacktest.OpenBooks(t, stack), time.Minute, answers...)
	}
	dropped := func() (first, last int64) {
		t.Helper()
		if err := stack.Stop(); err != nil {
			t.Fatal(err)
		}
		first, last = dropBatch(t, filepath.Join(data, "kafka", "partitions", "weir.usage-4"))
		stack = stacktest.New(t, stacktest.Options{Data: data, Args: embedded})
		served(60)
		return first, last
	}
	wantLost := func(first, last int64, args ...string) {
		t.Helper()
		r, text := audited(t, stack, args...)
		wantKinds(t, fmt.Sprint(args), r, text, map[string]uint64{"log_gap": uint64(last - first + 1)})
		for _, f := range r.Findings {
			if f.Topic != "weir.usage" || *f.Partition != 4 || *f.FirstOffset != first || *f.LastOffset != last {
				t.Errorf("%v found %+v, want offsets %d to %d of weir.usage/4", args, f, first, last)
			}
		}
	}
	served(400)
	if r, text := audited(t, stack, "audit"); !r.Clean {
		t.Fatalf("before anything is planted:\n%s", text)
	}
	first, last := dropped()
	// What was read before is read again only by a whole audit, and what that one has found stays found. No
	// repair takes the rows, which are all that is left of these events.
	for _, args := range [][]string{{"audit", "--full"}, {"audit"}, {"repair"}, {"audit", "--full"}} {
		wantLost(first, last, args...)
	}

	acknowledge := func(args ...string) string {
		t.Helper()
		out, err := stack.Run(t, auditLimit, "ingest", append([]string{"acknowledge"}, args...)...)
		if err != nil {
			t.Fatalf("acknowledge %v: %v\n%s", args, err, out)
		}
		return out
	}
	acknowledge("--reason", "a disk broke", "log_gap")
	// Nor is a call open whose usage is a row and no longer a record.
	for _, args := range [][]string{{"audit"}, {"audit", "--full", "--open-after", "1ns"}} {
		r, text := audited(t, stack, args...)
		if !r.Clean || len(r.Acknowledged) != 1 {
			t.Fatalf("%v after the loss was acknowledged:\n%s", args, text)
		}
		if k := r.Acknowledged[0]; k.Reason != "a disk broke" || *k.FirstOffset != first || *k.LastOffset != last || k.Kind != "log_gap" {
			t.Errorf("%v: acknowledged is %+v, want offsets %d to %d", args, k, first, last)
		}
	}

	// What is lost next is found, and only that; taken back, both are.
	again, end := dropped()
	wantLost(again, end, "audit", "--full")
	wantLost(again, end, "audit")
	if out := acknowledge("--list"); !strings.Contains(out, "a disk broke") {
		t.Errorf("the list says\n%s", out)
	}
	acknowledge("--undo")
	r, text := audited(t, stack, "audit")
	wantKinds(t, "taken back", r, text, map[string]uint64{"log_gap": uint64(last - first + 1 + end - again + 1)})
}

// dropBatch takes one batch out of a partition's files and returns its offsets. A segment is batches in
// Kafka's own format, its index has an entry of 15 bytes for each.
func dropBatch(t *testing.T, folder string) (first, last int64) {
	t.Helper()
	const header, entry = 12, 15
	segment, err := os.ReadFile(filepath.Join(folder, "0.dat"))
	if err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(filepath.Join(folder, "0.idx"))
	if err != nil {
		t.Fatal(err)
	}
	size := func(b []byte) int { return header + int(binary.BigEndian.Uint32(b[8:header])) }
	middle := len(index) / entry / 2
	at := 0
	for range middle {
		at += size(segment[at:])
	}
	batch := segment[at : at+size(segment[at:])]
	first = int64(binary.BigEndian.Uint64(batch))
	last = first + int64(binary.BigEndian.Uint32(batch[23:27])) // last offset delta
	segment = append(segment[:at:at], segment[at+len(batch):]...)
	index = append(index[:middle*entry:middle*entry], index[(middle+1)*entry:]...)
	for name, b := range map[string][]byte{"0.dat": segment, "0.idx": index} {
		if err := os.WriteFile(filepath.Join(folder, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return first, last
}
