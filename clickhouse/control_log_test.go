package clickhouse

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func controlBlock(first, n int64) *ControlBlock {
	b := NewControlBlock()
	for offset := first; offset < first+n; offset++ {
		b.Append(&ControlRow{
			Offset: offset, Occurred: noon.Add(time.Duration(offset) * time.Microsecond), Appended: noon.Add(time.Duration(offset) * time.Millisecond),
			OrgID: "org_1", Kind: "key", EntityID: "key_1", Expected: uint64(offset), Version: uint64(offset) + 1, Accepted: true,
			Actor: "key_0", RequestID: "req_1", CommandID: fmt.Sprint("command_", offset), Change: `{"name":"it's"}`,
		})
	}
	return b
}

func TestAControlRowKeepsEveryField(t *testing.T) {
	db := openMigrated(t)
	b := controlBlock(7, 1)
	b.Append(&ControlRow{Offset: 8, Occurred: noon, Appended: noon, Kind: "cluster", Repeated: true, Deleted: true, CommandID: "c", Change: "{}"})
	if err := db.WriteControlLog(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"7|2026-11-22 12:00:00.000007|2026-11-22 12:00:00.007|org_1|key|key_1|7|8|true|false|false|key_0|req_1|command_7|{\"name\":\"it's\"}",
		"8|2026-11-22 12:00:00.000000|2026-11-22 12:00:00.000||cluster||0|0|false|true|true|||c|{}",
	}
	got := query(t, db, `SELECT kafka_offset, occurred_at, appended_at, org_id, kind, entity_id, expected_version, version, accepted, repeated, deleted,
		actor, request_id, command_id, change FROM control_log ORDER BY kafka_offset`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestTheControlLogHoldsEachRecordOnce(t *testing.T) {
	db := openMigrated(t)
	execute(t, db, "SYSTEM STOP MERGES control_log_rows")
	count := func(want string) {
		t.Helper()
		if got := only(t, db, "SELECT count(), uniqExact(kafka_offset) FROM control_log"); got != want+"|"+want {
			t.Errorf("rows and offsets: got %s, want %s of either", got, want)
		}
	}
	for _, b := range []*ControlBlock{controlBlock(0, 10), controlBlock(0, 10), controlBlock(5, 10), NewControlBlock(), controlBlock(20, 1)} {
		if err := db.WriteControlLog(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	count("16")
	// Two writers that looked at the same moment have both written.
	if err := db.insert(t.Context(), token(t, 1), &controlBlock(0, 15).block); err != nil {
		t.Fatal(err)
	}
	if got := only(t, db, "SELECT count() FROM control_log_rows"); got != "31" {
		t.Errorf("the test has made no repeats: got %s rows", got)
	}
	count("16")

	execute(t, db, "SYSTEM START MERGES control_log_rows")
	execute(t, db, "DELETE FROM control_log_rows WHERE kafka_offset IN (3, 9)")
	count("14")
	if err := db.WriteControlLog(t.Context(), controlBlock(0, 15)); err != nil {
		t.Fatal(err)
	}
	count("16")
}

func TestAControlLogOfAnotherLogIsRefused(t *testing.T) {
	db := openMigrated(t)
	if err := db.WriteControlLog(t.Context(), controlBlock(0, 3)); err != nil {
		t.Fatal(err)
	}
	other := controlBlock(0, 2)
	other.Append(&ControlRow{Offset: 2, CommandID: "another"})
	other.Append(&ControlRow{Offset: 3, CommandID: "new"})
	if err := db.WriteControlLog(t.Context(), other); !errors.Is(err, ErrOtherLog) {
		t.Errorf("got %v, want ErrOtherLog", err)
	}
	if got := only(t, db, "SELECT count() FROM control_log"); got != "3" {
		t.Errorf("got %s rows, want the 3 of before", got)
	}
}
