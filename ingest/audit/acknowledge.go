package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"weir/clickhouse"
)

// Acknowledged is a finding, or the part of one, that an operator has said is
// known.
type Acknowledged struct {
	Finding
	Reason string    `json:"reason"`
	At     time.Time `json:"acknowledged_at"`
}

// Acknowledgements are what is known, the oldest first.
type Acknowledgements []Acknowledged

// CheckAcknowledgeable refuses a kind that something mends, and names what does.
func CheckAcknowledgeable(kind Kind) error {
	for _, w := range ways {
		switch {
		case !slices.Contains(w.kinds, kind):
		case w.lasts:
			return nil
		default:
			return fmt.Errorf("%s is not acknowledged but mended: %s", kind, w.text)
		}
	}
	return fmt.Errorf("%q is no kind of finding that can be acknowledged; those are %s", kind, strings.Join(names(Acknowledgeable()), ", "))
}

// Acknowledgeable are the kinds that nothing mends.
func Acknowledgeable() []Kind {
	return slices.DeleteFunc(Kinds(), func(k Kind) bool { return !acknowledgeable(k) })
}

func acknowledgeable(kind Kind) bool { return CheckAcknowledgeable(kind) == nil }

func names(kinds []Kind) []string {
	list := make([]string, len(kinds))
	for i, k := range kinds {
		list[i] = string(k)
	}
	return list
}

// Acknowledge stores that what the last stored audit found of these kinds is
// known, and why. What was acknowledged before keeps its reason. Errors: there is
// no audit, or nothing of it is left to acknowledge.
func Acknowledge(ctx context.Context, db *clickhouse.DB, kinds []Kind, reason string) (Acknowledgements, error) {
	text, err := db.LastReport(ctx)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, errors.New("no audit is stored: run `ingest audit`, and read what it finds, before you acknowledge it")
	}
	var last Report
	if err := json.Unmarshal([]byte(text), &last); err != nil {
		return nil, fmt.Errorf("read the last audit's report: %w", err)
	}
	known, err := db.Acknowledgements(ctx)
	if err != nil {
		return nil, err
	}
	found := last.Findings
	for _, k := range last.Acknowledged { // it may have been withdrawn since
		found = append(found, k.Finding)
	}
	left, _ := part(found, known)
	at := time.Now().UTC().Truncate(time.Microsecond)
	var list Acknowledgements
	var rows []clickhouse.Acknowledgement
	for _, f := range left {
		if row, ok := f.identity(); ok && slices.Contains(kinds, f.Kind) {
			row.At, row.Reason = at, reason
			rows = append(rows, row)
			list = append(list, acknowledgedAs(row))
		}
	}
	if len(rows) == 0 {
		return nil, nothingLeft(&last, kinds)
	}
	return list, db.SaveAcknowledgements(ctx, rows)
}

// nothingLeft says that an audit leaves nothing to acknowledge, and what there is
// to do about the rest of it.
func nothingLeft(last *Report, kinds []Kind) error {
	text := fmt.Sprintf("nothing to acknowledge: the audit of %s found no %s that is not acknowledged",
		last.Started.UTC().Format(time.RFC3339), strings.Join(names(kinds), ", "))
	for _, w := range ways {
		if !w.lasts && slices.ContainsFunc(last.Findings, func(f Finding) bool { return slices.Contains(w.kinds, f.Kind) }) {
			text += "; of what it found, " + w.text
		}
	}
	return errors.New(text)
}

// ListAcknowledged returns what is acknowledged of these kinds.
func ListAcknowledged(ctx context.Context, db *clickhouse.DB, kinds []Kind) (Acknowledgements, error) {
	known, err := db.Acknowledgements(ctx)
	if err != nil {
		return nil, err
	}
	list := Acknowledgements{}
	for _, k := range known {
		if slices.Contains(kinds, Kind(k.Kind)) {
			list = append(list, acknowledgedAs(k))
		}
	}
	return list, nil
}

// Withdraw takes back what is acknowledged of these kinds, so that it is found
// again, and returns it.
func Withdraw(ctx context.Context, db *clickhouse.DB, kinds []Kind) (Acknowledgements, error) {
	list, err := ListAcknowledged(ctx, db, kinds)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("nothing is acknowledged of " + strings.Join(names(kinds), ", "))
	}
	return list, db.DeleteAcknowledgements(ctx, names(kinds))
}

// part takes out of findings what is known, never more than the very offsets,
// seqs or request ids that an acknowledgement of the same kind and place names.
func part(findings []Finding, known []clickhouse.Acknowledgement) (left []Finding, acknowledged Acknowledgements) {
	left, acknowledged = []Finding{}, Acknowledgements{}
	for _, f := range findings {
		rest := []Finding{f}
		for i := range known {
			k := &known[i]
			if Kind(k.Kind) != f.Kind {
				continue
			}
			var outside []Finding
			for _, r := range rest {
				in, out := r.cut(k)
				for _, c := range in {
					acknowledged = append(acknowledged, Acknowledged{c, k.Reason, k.At})
				}
				outside = append(outside, out...)
			}
			rest = outside
		}
		left = append(left, rest...)
	}
	return left, acknowledged
}

// cut parts one finding into what an acknowledgement of its kind covers and the
// rest.
func (f Finding) cut(k *clickhouse.Acknowledgement) (in, out []Finding) {
	self, ok := f.identity()
	switch {
	case !ok:
	case f.Kind == LogGap && self.Topic == k.Topic && self.Partition == k.Partition:
		return cutRange(f, self.FirstOffset, self.LastOffset, k.FirstOffset, k.LastOffset, func(f *Finding, first, last int64) {
			f.FirstOffset, f.LastOffset = &first, &last
		})
	case (f.Kind == Hole || f.Kind == AfterRetirement) && self.Node == k.Node:
		return cutRange(f, self.Seqs.First, self.Seqs.Last, k.Seqs.First, k.Seqs.Last, func(f *Finding, first, last uint64) {
			f.FirstSeq, f.LastSeq = first, last
		})
	case f.Kind == CallUnknown:
		return f.cutCalls(k.RequestIDs)
	}
	return nil, []Finding{f}
}

// cutRange parts the numbers [first, last] of a finding by those of [from, to].
func cutRange[T int64 | uint64](f Finding, first, last, from, to T, set func(f *Finding, first, last T)) (in, out []Finding) {
	from, to = max(first, from), min(last, to)
	if from > to {
		return nil, []Finding{f}
	}
	of := func(first, last T) Finding {
		c := f
		c.Count = uint64(last-first) + 1
		set(&c, first, last)
		return c
	}
	if first < from {
		out = append(out, of(first, from-1))
	}
	if to < last {
		out = append(out, of(to+1, last))
	}
	return []Finding{of(from, to)}, out
}

// cutCalls parts the calls of a finding by request ids in ascending order. A call
// is the same whichever of its events is told of first, so its node is not
// compared. A finding may count more calls than it names: these stay.
func (f Finding) cutCalls(ids []string) (in, out []Finding) {
	inside, outside := f, f
	inside.RequestIDs, outside.RequestIDs = nil, nil
	for _, id := range f.RequestIDs {
		if _, known := slices.BinarySearch(ids, id); known {
			inside.RequestIDs = append(inside.RequestIDs, id)
		} else {
			outside.RequestIDs = append(outside.RequestIDs, id)
		}
	}
	inside.Count = uint64(len(inside.RequestIDs))
	outside.Count = f.Count - inside.Count
	if inside.Count > 0 {
		in = append(in, inside)
	}
	if outside.Count > 0 {
		out = append(out, outside)
	}
	return in, out
}

// identity is what tells a finding from every other one; ok is false for one of a
// kind that something mends, and for one that does not say where it is.
func (f Finding) identity() (k clickhouse.Acknowledgement, ok bool) {
	k = clickhouse.Acknowledgement{Kind: string(f.Kind), Node: f.Node}
	switch f.Kind {
	case LogGap:
		if f.Partition == nil || f.FirstOffset == nil || f.LastOffset == nil {
			return k, false
		}
		k.Topic, k.Partition, k.FirstOffset, k.LastOffset = f.Topic, *f.Partition, *f.FirstOffset, *f.LastOffset
	case Hole, AfterRetirement:
		k.Seqs = clickhouse.SeqRange{First: f.FirstSeq, Last: f.LastSeq}
		return k, f.FirstSeq > 0
	case CallUnknown:
		k.RequestIDs = slices.Sorted(slices.Values(f.RequestIDs))
		return k, len(k.RequestIDs) > 0
	default:
		return k, false
	}
	return k, true
}

// acknowledgedAs is the finding that an acknowledgement covers.
func acknowledgedAs(k clickhouse.Acknowledgement) Acknowledged {
	f := Finding{Kind: Kind(k.Kind), Node: k.Node}
	switch f.Kind {
	case LogGap:
		f.Topic, f.Partition, f.FirstOffset, f.LastOffset = k.Topic, &k.Partition, &k.FirstOffset, &k.LastOffset
		f.Count = uint64(k.LastOffset-k.FirstOffset) + 1
	case CallUnknown:
		f.RequestIDs, f.Count = k.RequestIDs, uint64(len(k.RequestIDs))
	default:
		f.FirstSeq, f.LastSeq, f.Count = k.Seqs.First, k.Seqs.Last, k.Seqs.Last-k.Seqs.First+1
	}
	return Acknowledged{f, k.Reason, k.At}
}

// WriteJSON writes what is acknowledged as one JSON object.
func (l Acknowledgements) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(map[string]Acknowledgements{"acknowledged": l})
}

// WriteTable writes what is acknowledged for a person.
func (l Acknowledgements) WriteTable(w io.Writer) error {
	if len(l) == 0 {
		_, err := fmt.Fprintln(w, "nothing is acknowledged")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	l.tell(t)
	return t.Flush()
}

func (l Acknowledgements) tell(w io.Writer) {
	fmt.Fprintln(w, "ACKNOWLEDGED\tCOUNT\tWHERE\tON\tREASON")
	for _, a := range l {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", a.Kind, a.Count, a.where(), a.At.UTC().Format(time.DateOnly), a.Reason)
	}
}
