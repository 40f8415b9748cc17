package audit

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/clickhouse"
	"weir/schemas"
)

func gapAt(topic schemas.Topic, partition int32, first, last int64) Finding {
	return Finding{Kind: LogGap, Topic: topic, Partition: &partition, FirstOffset: &first, LastOffset: &last, Count: uint64(last - first + 1), Detail: "lost"}
}

func seqsOf(kind Kind, node string, first, last uint64) Finding {
	return Finding{Kind: kind, Node: node, FirstSeq: first, LastSeq: last, Count: last - first + 1, Detail: "gone"}
}

func unknownCalls(node string, count uint64, ids ...string) Finding {
	return Finding{Kind: CallUnknown, Node: node, Count: count, RequestIDs: ids}
}

// acknowledged is a finding as an acknowledgement stores it.
func acknowledged(t *testing.T, reason string, f Finding) clickhouse.Acknowledgement {
	t.Helper()
	k, ok := f.identity()
	if !ok {
		t.Fatalf("%+v cannot be acknowledged", f)
	}
	k.Reason, k.At = reason, time.Unix(1_800_000_000, 0)
	return k
}

// Nothing is hidden that was not acknowledged, to the last offset, seq and id.
func TestPartOfFindingsThatIsKnown(t *testing.T) {
	ack := func(reason string, f Finding) clickhouse.Acknowledgement { return acknowledged(t, reason, f) }
	type known struct {
		Reason string
		Finding
	}
	const usage, requests = schemas.TopicUsage, schemas.TopicRequests
	for name, c := range map[string]struct {
		found []Finding
		acks  []clickhouse.Acknowledgement
		left  []Finding
		known []known
	}{
		"nothing acknowledged": {found: []Finding{gapAt(usage, 1, 0, 4)}, left: []Finding{gapAt(usage, 1, 0, 4)}},
		"exactly it": {
			[]Finding{gapAt(usage, 1, 0, 4)}, []clickhouse.Acknowledgement{ack("a", gapAt(usage, 1, 0, 4))},
			nil, []known{{"a", gapAt(usage, 1, 0, 4)}},
		},
		"more than is found": {
			[]Finding{seqsOf(Hole, "N", 5, 6)}, []clickhouse.Acknowledgement{ack("a", seqsOf(Hole, "N", 1, 9))},
			nil, []known{{"a", seqsOf(Hole, "N", 5, 6)}},
		},
		"grown at both ends": {
			[]Finding{gapAt(usage, 1, 2, 9)}, []clickhouse.Acknowledgement{ack("a", gapAt(usage, 1, 3, 8))},
			[]Finding{gapAt(usage, 1, 2, 2), gapAt(usage, 1, 9, 9)}, []known{{"a", gapAt(usage, 1, 3, 8)}},
		},
		"grown at its end": {
			[]Finding{seqsOf(AfterRetirement, "N", 6, 9)}, []clickhouse.Acknowledgement{ack("a", seqsOf(AfterRetirement, "N", 6, 7))},
			[]Finding{seqsOf(AfterRetirement, "N", 8, 9)}, []known{{"a", seqsOf(AfterRetirement, "N", 6, 7)}},
		},
		"two that were one": {
			[]Finding{seqsOf(Hole, "N", 1, 2), seqsOf(Hole, "N", 4, 5)}, []clickhouse.Acknowledgement{ack("a", seqsOf(Hole, "N", 1, 5))},
			nil, []known{{"a", seqsOf(Hole, "N", 1, 2)}, {"a", seqsOf(Hole, "N", 4, 5)}},
		},
		"one that was two, with something between": {
			[]Finding{gapAt(usage, 0, 10, 19)}, []clickhouse.Acknowledgement{ack("a", gapAt(usage, 0, 10, 12)), ack("b", gapAt(usage, 0, 14, 19))},
			[]Finding{gapAt(usage, 0, 13, 13)}, []known{{"a", gapAt(usage, 0, 10, 12)}, {"b", gapAt(usage, 0, 14, 19)}},
		},
		"the older reason stays": {
			[]Finding{gapAt(usage, 0, 10, 19)}, []clickhouse.Acknowledgement{ack("a", gapAt(usage, 0, 12, 14)), ack("b", gapAt(usage, 0, 10, 19))},
			nil, []known{{"a", gapAt(usage, 0, 12, 14)}, {"b", gapAt(usage, 0, 10, 11)}, {"b", gapAt(usage, 0, 15, 19)}},
		},
		"neighbours": {
			[]Finding{gapAt(usage, 0, 10, 19)}, []clickhouse.Acknowledgement{ack("a", gapAt(usage, 0, 5, 9)), ack("b", gapAt(usage, 0, 20, 30))},
			[]Finding{gapAt(usage, 0, 10, 19)}, nil,
		},
		"another place": {
			[]Finding{gapAt(usage, 1, 0, 4), seqsOf(Hole, "N", 1, 2)},
			[]clickhouse.Acknowledgement{
				ack("a", gapAt(usage, 2, 0, 4)), ack("b", gapAt(requests, 1, 0, 4)), ack("c", seqsOf(Hole, "M", 1, 2)),
				ack("d", seqsOf(AfterRetirement, "N", 1, 2)), ack("e", unknownCalls("N", 1, "req_1")),
			},
			[]Finding{gapAt(usage, 1, 0, 4), seqsOf(Hole, "N", 1, 2)}, nil,
		},
		"calls by their ids, whatever their node": {
			[]Finding{unknownCalls("N", 3, "req_1", "req_3", "req_4"), unknownCalls("", 1, "req_2")},
			[]clickhouse.Acknowledgement{ack("a", unknownCalls("M", 2, "req_1", "req_2")), ack("b", unknownCalls("N", 2, "req_4", "req_1"))},
			[]Finding{unknownCalls("N", 1, "req_3")},
			[]known{{"a", unknownCalls("N", 1, "req_1")}, {"b", unknownCalls("N", 1, "req_4")}, {"a", unknownCalls("", 1, "req_2")}},
		},
		"calls that are counted and not named": {
			[]Finding{unknownCalls("N", 9, "req_1", "req_2")}, []clickhouse.Acknowledgement{ack("a", unknownCalls("N", 2, "req_1", "req_2"))},
			[]Finding{unknownCalls("N", 7)}, []known{{"a", unknownCalls("N", 2, "req_1", "req_2")}},
		},
		"a kind that something mends, whatever the table says": {
			[]Finding{{Kind: RowMissing, Node: "N", FirstSeq: 1, LastSeq: 2, Count: 2}, {Kind: OpenCall, Count: 1, RequestIDs: []string{"req_1"}}},
			[]clickhouse.Acknowledgement{
				{Kind: string(RowMissing), Node: "N", Seqs: clickhouse.SeqRange{First: 1, Last: 9}},
				{Kind: string(OpenCall), RequestIDs: []string{"req_1"}},
			},
			[]Finding{{Kind: RowMissing, Node: "N", FirstSeq: 1, LastSeq: 2, Count: 2}, {Kind: OpenCall, Count: 1, RequestIDs: []string{"req_1"}}}, nil,
		},
		"no place at all": {
			[]Finding{{Kind: Hole, Node: "N", Count: 3}, {Kind: LogGap, Topic: usage, Count: 3}},
			[]clickhouse.Acknowledgement{{Kind: string(Hole), Node: "N"}, {Kind: string(LogGap), Topic: usage}},
			[]Finding{{Kind: Hole, Node: "N", Count: 3}, {Kind: LogGap, Topic: usage, Count: 3}}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			before, err := json.Marshal(c.found)
			if err != nil {
				t.Fatal(err)
			}
			left, told := part(c.found, c.acks)
			var got []known
			for _, k := range told {
				got = append(got, known{k.Reason, k.Finding})
			}
			if diff := cmp.Diff(slices.Concat(c.left), slices.Concat(left)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.known, got); diff != "" {
				t.Errorf("acknowledged (-want +got):\n%s", diff)
			}
			if after, err := json.Marshal(c.found); err != nil || string(after) != string(before) {
				t.Errorf("the findings themselves became %s, %v", after, err)
			}
		})
	}
}

// Every kind is either acknowledged or mended in exactly one way, which is named.
func TestEveryKindIsAcknowledgedOrMended(t *testing.T) {
	got := make(map[Kind]string)
	for _, kind := range Kinds() {
		n := 0
		for _, w := range ways {
			if slices.Contains(w.kinds, kind) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s: %d ways to be gone, want 1", kind, n)
		}
		if err := CheckAcknowledgeable(kind); err != nil {
			got[kind] = err.Error()
		}
	}
	want := map[Kind]string{
		LogBehind:     "log_behind is not acknowledged but mended: this is an older log under newer tables: see docs/operations.md, Kafka is lost",
		OpenCall:      "open_call is not acknowledged but mended: start the gateway of the open calls on its spool, or run `ingest retire NODE` when it will not return",
		RollupDiffers: "rollup_differs is not acknowledged but mended: run `aggregator rebuild`: it makes the rollups anew from the log",
	}
	for _, kind := range []Kind{RowMissing, RowRepeated, RowStray} {
		want[kind] = string(kind) + " is not acknowledged but mended: run `ingest repair`: it puts the tables right from the log"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	if err := CheckAcknowledgeable("holes"); err == nil || err.Error() != `"holes" is no kind of finding that can be acknowledged; those are log_gap, hole, call_unknown, after_retirement` {
		t.Errorf("an unknown kind: %v", err)
	}
}
