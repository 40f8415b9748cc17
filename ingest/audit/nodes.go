package audit

import (
	"context"
	"maps"
	"slices"
	"time"

	"weir/clickhouse"
	"weir/internal/eventlog"
)

// retiredGrace is how long after a node's end the outcomes of its open calls,
// which another node writes, may still be on their way.
const retiredGrace = time.Minute

// maxSeqRanges bounds how many ranges of holes are told of one node, those that
// are acknowledged aside.
const maxSeqRanges = 1000

// nodeFacts is what the log says of a node.
type nodeFacts struct {
	last, proven uint64
	undelivered  uint64 // the least seq that is in the log and not delivered; 0 for none
}

// compareNodes shows that the numbers of every node are there, once.
func (a *run) compareNodes(ctx context.Context) error {
	nodes := a.nodeFacts()
	ranges := make(map[string]clickhouse.SeqRange)
	for node, n := range nodes {
		if r, retired := a.retired[node]; retired {
			n.proven = r.LastSeq
			if n.last > r.LastSeq {
				a.report.add(Finding{
					Kind: AfterRetirement, Node: node, FirstSeq: r.LastSeq + 1, LastSeq: n.last, Count: n.last - r.LastSeq,
					Detail: "the node was ended in the control log and has written since; stop the gateway that runs under its id",
				})
			}
		}
		if n.undelivered > 0 {
			n.proven = min(n.proven, n.undelivered-1)
		}
		if first := a.floors[node] + 1; n.proven >= first {
			ranges[node] = clickhouse.SeqRange{First: first, Last: n.proven}
		}
	}
	found, err := a.db.NodeSeqs(ctx, ranges)
	if err != nil {
		return err
	}
	for node := range found {
		if nodes[node] == nil {
			nodes[node] = new(nodeFacts)
		}
	}
	dead := make(map[string]map[uint64]bool)
	for id, d := range a.dead {
		if d.Seq > 0 && id.offset < a.upto[eventlog.PartitionID{Topic: id.topic, Partition: id.partition}] {
			if dead[d.Node] == nil {
				dead[d.Node] = make(map[uint64]bool)
			}
			dead[d.Node][d.Seq] = true
		}
	}
	open := make(map[string]uint64)
	for _, c := range a.tail.calls {
		open[c.Node]++
	}
	for _, node := range slices.Sorted(maps.Keys(nodes)) {
		n, f := nodes[node], found[node]
		line := Node{
			Node: node, Events: f.Distinct, Last: max(n.last, f.Last), Proven: n.proven, Retired: a.retired[node].LastSeq,
			Repeats: f.Rows - f.Distinct, Dead: uint64(len(dead[node])), Open: open[node],
		}
		if r, ok := ranges[node]; ok {
			present := f.Within
			for seq := range dead[node] {
				if seq >= r.First && seq <= r.Last {
					present++
				}
			}
			if all := r.Last - r.First + 1; present < all {
				line.Missing = all - present
				if err := a.holes(ctx, node, r, dead[node]); err != nil {
					return err
				}
			}
		}
		a.repeats(node, line.Repeats)
		a.report.Nodes = append(a.report.Nodes, line)
	}
	return nil
}

// nodeFacts gathers the nodes of the log, what is not delivered yet included.
func (a *run) nodeFacts() map[string]*nodeFacts {
	nodes := make(map[string]*nodeFacts)
	for _, p := range a.tail.partitions {
		for node, t := range p.Nodes {
			n := nodes[node]
			if n == nil {
				n = &nodeFacts{undelivered: a.undelivered[node]}
				nodes[node] = n
			}
			n.last, n.proven = max(n.last, t.Seen), max(n.proven, t.Proven)
		}
	}
	for node, r := range a.retired {
		if nodes[node] == nil && r.LastSeq > 0 {
			nodes[node] = new(nodeFacts)
		}
	}
	return nodes
}

// holes reports the numbers of a node that neither a table nor the log holds,
// all that are acknowledged and maxSeqRanges of the others: those that are known
// must not stand before one that is not.
func (a *run) holes(ctx context.Context, node string, within clickhouse.SeqRange, dead map[uint64]bool) error {
	known, told := a.missingRows[node], 0
	for {
		missing, err := a.db.MissingSeqs(ctx, node, within, maxSeqRanges)
		if err != nil {
			return err
		}
		var found []Finding
		for _, r := range without(missing, func(seq uint64) bool { return dead[seq] || known.has(seq) }) {
			found = append(found, Finding{
				Kind: Hole, Node: node, FirstSeq: r.First, LastSeq: r.Last, Count: r.Last - r.First + 1,
				Detail: "neither the tables nor the log hold it, and Kafka had acknowledged it; it cannot be put back",
			})
		}
		a.report.Findings = append(a.report.Findings, found...)
		if len(missing) < maxSeqRanges {
			return nil
		}
		last := missing[maxSeqRanges-1].Last
		left, _ := part(found, a.known)
		if told += len(left); told >= maxSeqRanges {
			a.report.note("node %s has holes in more than %d places; those above seq %d were not looked up", node, maxSeqRanges, last)
			return nil
		}
		within.First = last + 1
	}
}

// repeats reports rows of one number that are not told of by their offsets.
func (a *run) repeats(node string, n uint64) {
	for _, f := range a.report.Findings {
		if (f.Kind == RowRepeated || f.Kind == RowStray) && (f.Node == node || f.Node == "") {
			return
		}
	}
	if n > 0 {
		a.report.add(Finding{Kind: RowRepeated, Node: node, Count: n, Detail: "rows of one seq at different offsets, or at offsets that are not delivered yet"})
	}
}

// without cuts numbers out of ranges.
func without(ranges []clickhouse.SeqRange, cut func(uint64) bool) []clickhouse.SeqRange {
	var left []clickhouse.SeqRange
	for _, r := range ranges {
		first := r.First
		for seq := r.First; seq <= r.Last; seq++ {
			if !cut(seq) {
				continue
			}
			if first < seq {
				left = append(left, clickhouse.SeqRange{First: first, Last: seq - 1})
			}
			first = seq + 1
		}
		if first <= r.Last {
			left = append(left, clickhouse.SeqRange{First: first, Last: r.Last})
		}
	}
	return left
}

// maxCalls bounds how many request ids a finding names that can be mended; one
// that can be acknowledged names all of them.
const maxCalls = 20

// compareCalls reports calls that will not be completed any more.
func (a *run) compareCalls() {
	type group struct {
		kind Kind
		node string
	}
	groups := make(map[group][]string)
	for _, c := range a.tail.calls {
		g := group{OpenCall, c.Node}
		if c.Has&hasRequest == 0 {
			g.kind = CallUnknown
		}
		over := age(c.At, a.now) >= a.o.OpenAfter
		if r, retired := a.retired[c.Node]; retired && a.now.Sub(r.At) >= retiredGrace {
			over = true
		}
		if over {
			groups[g] = append(groups[g], c.RequestID)
		}
	}
	for _, g := range slices.SortedFunc(maps.Keys(groups), func(x, y group) int {
		return slices.Compare([]string{string(x.kind), x.node}, []string{string(y.kind), y.node})
	}) {
		ids := slices.Sorted(slices.Values(groups[g]))
		f := Finding{Kind: g.kind, Node: g.node, Count: uint64(len(ids)), RequestIDs: ids}
		switch {
		case g.kind == CallUnknown:
			f.Detail = "an outcome or a usage without a request, or a second one of its call"
		default:
			f.RequestIDs = ids[:min(len(ids), maxCalls)]
			f.Detail = "no outcome: start the gateway on the node's spool again, or, when it will not return, `ingest retire " + g.node + "`"
		}
		a.report.add(f)
	}
}
