package audit

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"weir/clickhouse"
	"weir/internal/eventlog"
	"weir/schemas"
)

type record struct {
	seq uint64
	at  int64 // ms
}

// mostProven is the greatest seq that a later record proves, by the rule itself.
func mostProven(records []record) (most uint64) {
	for i, u := range records {
		for _, v := range records[i+1:] {
			if v.seq <= u.seq {
				break // sent again
			}
			if v.at >= u.at+chunkSpan {
				most = max(most, u.seq)
			}
		}
	}
	return most
}

// What proves that Kafka has acknowledged an event is one of a later chunk, and
// a chunk that is sent again is told by the repeats that it begins with.
func TestProven(t *testing.T) {
	for name, c := range map[string]struct {
		records []record
		want    uint64
	}{
		"one chunk proves nothing":          {[]record{{2, 0}, {5, 1}, {9, 2}}, 0},
		"nor do two that are close":         {[]record{{2, 0}, {5, 900}}, 0},
		"a later chunk proves":              {[]record{{2, 0}, {5, 0}, {9, 2000}}, 5},
		"samples move on":                   {[]record{{2, 0}, {5, 400}, {9, 800}, {12, 1500}, {13, 1900}}, 9},
		"a part that is sent again":         {[]record{{2, 0}, {5, 10}, {2, 5000}, {9, 7000}}, 0},
		"a chunk sent again proves nothing": {[]record{{2, 0}, {5, 0}, {2, 5000}, {5, 5000}, {9, 5000}}, 0},
		"but what is before it":             {[]record{{2, 0}, {5, 1000}, {7, 2500}, {7, 9000}, {9, 9000}}, 5},
		"time may stand or go back":         {[]record{{2, 5000}, {5, 4000}, {7, 4000}, {9, 4999}}, 0},
		"and silence proves nothing itself": {[]record{{2, 0}}, 0},
		"the first after a silence":         {[]record{{2, 0}, {3, 60_000}}, 2},
		"a repeat alone proves nothing":     {[]record{{2, 0}, {3, 100}, {3, 60_000}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var n tail
			for _, r := range c.records {
				n.fold(r.seq, r.at, true)
			}
			if n.Proven != c.want {
				t.Errorf("got %d, want %d", n.Proven, c.want)
			}
			// Nor does a checkpoint after any record prove what is not so.
			for cut := range c.records {
				var n tail
				for i, r := range c.records {
					n.fold(r.seq, r.at, true)
					if i == cut {
						n.samples = nil
					}
				}
				if most := mostProven(c.records); n.Proven > most {
					t.Errorf("with a checkpoint after %d records: got %d, want at most %d", cut+1, n.Proven, most)
				}
			}
		})
	}
}

func TestWhatIsPastTheEndsProvesNothing(t *testing.T) {
	var n tail
	n.fold(2, 0, true)
	n.fold(5, 60_000, false)
	if n.Proven != 0 {
		t.Errorf("proven %d by a record past the ends", n.Proven)
	}
	n.fold(7, 120_000, true)
	if n.Proven != 5 {
		t.Errorf("proven %d, want 5", n.Proven)
	}
}

func event(offset int64, t schemas.Topic, node string, seq uint64, request string) *eventlog.Record {
	return &eventlog.Record{Topic: t, Partition: 1, Offset: offset, Node: node, Seq: seq, RequestID: request, Appended: time.UnixMilli(1_700_000_000_000 + offset)}
}

// A state that was stored and read back goes on as if it had never been away.
func TestStateSurvivesItsCheckpoint(t *testing.T) {
	straight, stored := newState(), newState()
	offsets := map[schemas.Topic]int64{}
	seq := uint64(0)
	for i := range 2000 {
		for _, topic := range ledger {
			seq++
			if i%97 == 0 && topic == schemas.TopicUsage {
				continue // a call without its usage
			}
			offset := offsets[topic]
			offsets[topic]++
			if i%500 == 3 {
				offset += clickhouse.SegmentOffsets // a gap, and segments that end
				offsets[topic] = offset + 1
			}
			for _, s := range []*state{straight, stored} {
				p := s.at(eventlog.PartitionID{Topic: topic, Partition: 1}, 0)
				s.fold(p, event(offset, topic, fmt.Sprintf("N%d", i%2), seq, fmt.Sprintf("req_%d", i)), true)
			}
		}
		if i%50 == 0 {
			text, err := stored.encode()
			if err != nil {
				t.Fatal(err)
			}
			back, ok, err := decodeState(text)
			if err != nil || !ok {
				t.Fatalf("read back: %v, %v", ok, err)
			}
			back.complete = stored.complete
			stored = back
		}
	}
	ignore := cmp.Options{cmp.AllowUnexported(state{}, partition{}, call{}), cmpopts.IgnoreUnexported(tail{}), cmpopts.EquateEmpty(),
		cmpopts.IgnoreFields(tail{}, "Proven"), cmpopts.EquateApproxTime(0)}
	if diff := cmp.Diff(straight, stored, ignore); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(straight, straight.clone(), ignore, cmpopts.IgnoreFields(state{}, "complete")); diff != "" {
		t.Error(diff)
	}
	if got, want := len(straight.calls), 21; got != want {
		t.Errorf("%d calls are open, want %d", got, want)
	}
	if len(straight.complete) < 6 {
		t.Errorf("%d complete segments, want some", len(straight.complete))
	}
	if _, ok, err := decodeState(`{"version": 99}`); ok || err != nil {
		t.Errorf("a checkpoint of another version: %v, %v", ok, err)
	}
}

func TestWithout(t *testing.T) {
	ranges := []clickhouse.SeqRange{{First: 1, Last: 5}, {First: 8, Last: 8}, {First: 10, Last: 20}}
	set := make(seqSet)
	for _, seq := range []uint64{1, 3, 8, 9, 20, 1 << 40} {
		set.add(seq)
	}
	got := without(ranges, set.has)
	want := []clickhouse.SeqRange{{First: 2, Last: 2}, {First: 4, Last: 5}, {First: 10, Last: 19}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
