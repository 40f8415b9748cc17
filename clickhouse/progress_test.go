package clickhouse

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/internal/eventlog"
	"weir/schemas"
)

func at(offset int64) eventlog.Position {
	return eventlog.Position{Consumer: "weir-test", Generation: 1, Topic: schemas.TopicUsage, Partition: 3, Offset: offset}
}

func newest(t *testing.T, p Progress, at eventlog.Position) (int64, map[string]uint64) {
	t.Helper()
	offset, seen, err := p.Newest(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	return offset, seen
}

func TestProgress(t *testing.T) {
	p := openMigrated(t).Progress()
	if offset, seen := newest(t, p, at(100)); offset != 0 || seen == nil || len(seen) != 0 {
		t.Errorf("before the first: got %d, %v; want 0 and an empty map", offset, seen)
	}
	states := map[int64]map[string]uint64{
		10: {"a": 1},
		20: {"a": 5, "b": 1 << 63},
		30: {},
	}
	for _, offset := range []int64{20, 10, 30, 20} { // in any order, and one twice
		if err := p.Save(t.Context(), at(offset), states[offset]); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ asked, want int64 }{{9, 0}, {10, 10}, {19, 10}, {20, 20}, {29, 20}, {30, 30}, {1 << 60, 30}} {
		offset, seen := newest(t, p, at(c.asked))
		want := states[c.want]
		if want == nil {
			want = map[string]uint64{}
		}
		if offset != c.want || !cmp.Equal(seen, want) {
			t.Errorf("newest at %d: got %d, %v; want %d, %v", c.asked, offset, seen, c.want, want)
		}
	}
	others := []eventlog.Position{at(50), at(50), at(50), at(50)}
	others[0].Consumer = "other"
	others[1].Generation = 2
	others[2].Topic = schemas.TopicRequests
	others[3].Partition = 4
	for _, other := range others {
		if offset, _ := newest(t, p, other); offset != 0 {
			t.Errorf("%+v sees another one's state at %d", other, offset)
		}
	}
	if err := p.Save(t.Context(), at(40), nil); err != nil {
		t.Errorf("save nothing seen: %v", err)
	}
}

// Old states fold into the newest of them, which stays.
func TestProgressKeepsTheNewestOldState(t *testing.T) {
	db := openMigrated(t)
	p := db.Progress()
	execute(t, db, `INSERT INTO progress SELECT 'weir-test', 1, 'weir.usage', 3, number * 10, map('a', number),
		now() - INTERVAL 30 DAY + INTERVAL number SECOND FROM numbers(1, 50)`)
	if err := p.Save(t.Context(), at(1000), map[string]uint64{"a": 77}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing left to fold
		execute(t, db, "OPTIMIZE TABLE progress FINAL")
		if got := only(t, db, "SELECT groupArray((offset, seen)) FROM (SELECT * FROM progress ORDER BY offset)"); got != "[(500,{'a':50}),(1000,{'a':77})]" {
			t.Errorf("states left: got %s", got)
		}
	}
	if offset, seen := newest(t, p, at(999)); offset != 500 || seen["a"] != 50 {
		t.Errorf("newest at 999: got %d, %v; want the state at 500", offset, seen)
	}
}
