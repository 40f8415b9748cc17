package audit

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"weir/schemas"
)

// Kind is what a finding says is wrong.
type Kind string

// The kinds. Their names stand in the metric's label, the JSON and the table.
const (
	// LogGap: the log does not hold offsets between its bounds, or below them.
	LogGap Kind = "log_gap"
	// LogBehind: the log ends before what an earlier audit has read of it.
	LogBehind Kind = "log_behind"
	// Hole: a node's seq that Kafka has acknowledged is nowhere.
	Hole Kind = "hole"
	// RowMissing: the log has an event and the table no row of it.
	RowMissing Kind = "row_missing"
	// RowRepeated: an event has more than one row.
	RowRepeated Kind = "row_repeated"
	// RowStray: a row is not what the log has at its offset.
	RowStray Kind = "row_stray"
	// OpenCall: a call has no outcome or no usage, and nobody will write them.
	OpenCall Kind = "open_call"
	// CallUnknown: an outcome or a usage without a request, or a second one.
	CallUnknown Kind = "call_unknown"
	// AfterRetirement: a node has written after its end.
	AfterRetirement Kind = "after_retirement"
	// RollupDiffers: a rollup is not the sum of the rows of usage.
	RollupDiffers Kind = "rollup_differs"
)

// Kinds are all kinds, in the order in which they are reported.
func Kinds() []Kind {
	return []Kind{LogGap, LogBehind, Hole, RowMissing, RowRepeated, RowStray, OpenCall, CallUnknown, AfterRetirement, RollupDiffers}
}

// Finding is one thing that is off: which, where, and how many.
type Finding struct {
	Kind Kind `json:"kind"`
	// Count of events, rows, calls or rollup rows.
	Count uint64 `json:"count"`

	Node        string        `json:"node,omitempty"`
	FirstSeq    uint64        `json:"first_seq,omitempty"`
	LastSeq     uint64        `json:"last_seq,omitempty"`
	Topic       schemas.Topic `json:"topic,omitempty"`
	Partition   *int32        `json:"partition,omitempty"`
	FirstOffset *int64        `json:"first_offset,omitempty"`
	LastOffset  *int64        `json:"last_offset,omitempty"`
	Rollup      string        `json:"rollup,omitempty"`
	Bucket      *time.Time    `json:"bucket,omitempty"`
	RequestIDs  []string      `json:"request_ids,omitempty"`
	// Detail says the rest in words, with what can be done.
	Detail string `json:"detail,omitempty"`
}

// where is the place of the finding in a few words.
func (f *Finding) where() string {
	var parts []string
	switch {
	case f.Rollup != "":
		parts = append(parts, f.Rollup)
		if f.Bucket != nil {
			parts = append(parts, f.Bucket.UTC().Format("2006-01-02T15:04Z"))
		}
		if f.Partition != nil {
			parts = append(parts, fmt.Sprintf("partition %d", *f.Partition))
		}
	case f.Partition != nil:
		parts = append(parts, fmt.Sprintf("%s/%d", f.Topic, *f.Partition))
	}
	if f.FirstOffset != nil {
		parts = append(parts, "offset "+span(*f.FirstOffset, *f.LastOffset))
	}
	if f.Node != "" {
		parts = append(parts, "node "+f.Node)
	}
	if f.FirstSeq > 0 {
		parts = append(parts, "seq "+span(f.FirstSeq, f.LastSeq))
	}
	return strings.Join(parts, " ")
}

func span[T int64 | uint64](first, last T) string {
	if first == last {
		return fmt.Sprint(first)
	}
	return fmt.Sprintf("%d-%d", first, last)
}

// Node is what an audit found of one node.
type Node struct {
	Node string `json:"node"`
	// Events in the tables, different ones, the dead not among them.
	Events uint64 `json:"events"`
	// Last is the greatest seq in the log, Proven up to where every seq must be
	// there: what Kafka has provably acknowledged and ingest has delivered.
	Last   uint64 `json:"last_seq"`
	Proven uint64 `json:"proven_seq"`
	// Retired is where the control log ended the node, 0 for not.
	Retired uint64 `json:"retired_at_seq,omitempty"`
	// Missing is how many seq up to Proven no table has: rows to be put back, or holes.
	Missing uint64 `json:"missing"`
	Repeats uint64 `json:"repeats"`
	Dead    uint64 `json:"dead"`
	Open    uint64 `json:"open"`
}

// Report is the result of an audit.
type Report struct {
	Started  time.Time `json:"started_at"`
	Finished time.Time `json:"finished_at"`
	Full     bool      `json:"full"`
	// LogRecords is how many records of the log were read.
	LogRecords uint64 `json:"log_records_read"`
	// Undelivered is how many records ingest has not delivered yet; they are not
	// judged.
	Undelivered int64     `json:"undelivered"`
	Nodes       []Node    `json:"nodes"`
	Findings    []Finding `json:"findings"`
	// Acknowledged is what was found and is known; it is not among the findings.
	Acknowledged Acknowledgements `json:"acknowledged"`
	// Mended is what a repair did before this audit; with Dry, what it would do
	// after it.
	Mended []Mended `json:"mended,omitempty"`
	Dry    bool     `json:"dry_run,omitempty"`
	// Notes say what could not be judged, and why.
	Notes []string `json:"notes,omitempty"`
	Clean bool     `json:"clean"`

	mends []mend
}

// mend says which offsets' rows are to be removed and which events' rows are then
// to be made from the log, ascending.
type mend struct {
	topic          schemas.Topic
	partition      int32
	remove, insert ranges
}

func (r *Report) add(f Finding) { r.Findings = append(r.Findings, f) }

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// Counts adds up the findings by kind; every kind is there.
func (r *Report) Counts() map[Kind]uint64 {
	counts := make(map[Kind]uint64)
	for _, k := range Kinds() {
		counts[k] = 0
	}
	for _, f := range r.Findings {
		counts[f.Kind] += f.Count
	}
	return counts
}

// WriteJSON writes the report as one JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// ways are what there is to do about findings, in the order in which they are to
// be gone. Findings that nothing mends last for good, and may be acknowledged.
var ways = []struct {
	text  string
	kinds []Kind
	lasts bool
}{
	{text: "run `ingest repair`: it puts the tables right from the log", kinds: []Kind{RowMissing, RowRepeated, RowStray}},
	{text: "run `aggregator rebuild`: it makes the rollups anew from the log", kinds: []Kind{RollupDiffers}},
	{text: "start the gateway of the open calls on its spool, or run `ingest retire NODE` when it will not return", kinds: []Kind{OpenCall}},
	{text: "this is an older log under newer tables: see docs/operations.md, Kafka is lost", kinds: []Kind{LogBehind}},
	{text: "find what writes to Weir's topics: a call that no gateway of Weir knows, or a node that was ended; then run `ingest acknowledge`", kinds: []Kind{CallUnknown, AfterRetirement}, lasts: true},
	{text: "nothing puts back what the log has lost, see docs/audit.md; when you know why, run `ingest acknowledge`", kinds: []Kind{LogGap, Hole}, lasts: true},
}

// advice says what to do about the findings, one line for each way.
func (r *Report) advice() []string {
	var lines []string
	for _, w := range ways {
		if slices.ContainsFunc(r.Findings, func(f Finding) bool { return slices.Contains(w.kinds, f.Kind) }) {
			lines = append(lines, w.text)
		}
	}
	return lines
}

// WriteTable writes the report for a person: the nodes, the findings, what
// mends them, a line that says how it ended.
func (r *Report) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tEVENTS\tLAST SEQ\tPROVEN\tRETIRED\tMISSING\tREPEATS\tDEAD\tOPEN")
	for _, n := range r.Nodes {
		retired := "-"
		if n.Retired > 0 {
			retired = fmt.Sprint(n.Retired)
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\t%d\t%d\t%d\t%d\n", n.Node, n.Events, n.Last, n.Proven, retired, n.Missing, n.Repeats, n.Dead, n.Open)
	}
	if len(r.Mended) > 0 {
		heading := "MENDED\tREMOVED\tINSERTED\tDEAD"
		if r.Dry {
			heading = "WOULD MEND\tREMOVE\tINSERT\tDEAD"
		}
		fmt.Fprintln(t, "\n"+heading)
		for _, m := range r.Mended {
			fmt.Fprintf(t, "%s/%d offset %s\t%d\t%d\t%d\n", m.Topic, m.Partition, span(m.FirstOffset, m.LastOffset), m.Removed, m.Inserted, m.Dead)
		}
	}
	if len(r.Findings) > 0 {
		fmt.Fprintln(t, "\nFINDING\tCOUNT\tWHERE\tDETAIL")
		for _, f := range r.Findings {
			fmt.Fprintf(t, "%s\t%d\t%s\t%s\n", f.Kind, f.Count, f.where(), f.Detail)
		}
	}
	if len(r.Acknowledged) > 0 {
		fmt.Fprintln(t)
		r.Acknowledged.tell(t)
	}
	fmt.Fprintln(t)
	for _, n := range r.Notes {
		fmt.Fprintln(t, "note: "+n)
	}
	for _, a := range r.advice() {
		fmt.Fprintln(t, a)
	}
	verdict := "clean"
	switch n := len(r.Findings); {
	case r.Clean:
	case n == 1:
		verdict = "1 finding"
	default:
		verdict = fmt.Sprintf("%d findings", n)
	}
	if n := len(r.Acknowledged); n > 0 {
		verdict += fmt.Sprintf(", %d acknowledged", n)
	}
	fmt.Fprintf(t, "%s; %d records of the log read in %s, %d not delivered yet\n", verdict, r.LogRecords, r.Finished.Sub(r.Started).Round(time.Millisecond), r.Undelivered)
	return t.Flush()
}
