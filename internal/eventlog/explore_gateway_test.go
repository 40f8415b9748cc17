package eventlog

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"weir/internal/eventlog/spool"
	"weir/schemas"
)

// gateway is a process of the world: a Journal on a spool in files, whose
// events the walk carries into the broker.
type gateway struct {
	world   *world
	dir     string
	journal *Journal
	old     []*history
	lanes   []*lane
	open    []*openCall
	made    int
	always  bool           // fsync: always
	synced  spool.Position // of the journal's spool: what a loss of power leaves
	dirty   []*promise     // what it may take
}

type openCall struct {
	*promise
	call *Call
}

// lane is one spool on its way into Kafka.
type lane struct {
	node string
	seq  func() uint64
	shipper
	reader *spool.Reader
	end    spool.Position
	way    *shipment
	old    bool
}

func newGateway(w *world, dir string) *gateway {
	return &gateway{world: w, dir: dir, always: w.rand.IntN(3) == 0}
}

func (g *gateway) options() JournalOptions {
	fsync := spool.FsyncNever
	if g.always {
		fsync = spool.FsyncAlways
	}
	return JournalOptions{
		Spool:      SpoolConfig{Dir: g.dir, MaxBytes: 256 << 10, Fsync: fsync},
		Partitions: worldPartitions,
		Retired:    func(node string) bool { _, ok := g.world.broker.retired[node]; return ok },
		Registerer: prometheus.NewRegistry(),
		Logger:     quiet(),
	}
}

// step lets the gateway do one thing, or something be done to it.
func (g *gateway) step() {
	w := g.world
	switch {
	case g.journal == nil:
		g.start()
	case w.maybe(60):
		g.kill(w.rand.IntN(2) == 0)
	case w.maybe(120):
		g.stop()
	case w.rand.IntN(6) == 0 && g.made < worldCalls:
		g.begin()
	case w.rand.IntN(4) == 0 && len(g.open) > 0:
		g.complete(w.rand.IntN(len(g.open)))
	case w.rand.IntN(12) == 0:
		g.sync()
	default:
		g.ship(g.lanes[w.rand.IntN(len(g.lanes))])
	}
}

func (g *gateway) start() {
	w := g.world
	marked, err := filepath.Glob(filepath.Join(g.dir, "*", markClosed))
	if err != nil {
		w.t.Fatal(err)
	}
	j, old, err := recoverJournal(g.options(), func(h *history, each func(*Record) error) error {
		if w.maybe(4) {
			return fmt.Errorf("kafka is away") // the start ends, and another follows
		}
		return g.later(each)
	})
	if err != nil {
		if !strings.Contains(err.Error(), "kafka is away") {
			w.fail("gateway %s does not start: %v", filepath.Base(g.dir), err)
		}
		return
	}
	g.journal, g.old, g.open = j, old, nil
	g.synced, g.dirty = j.log.End(), nil
	lane := func(node string, log *spool.Log) *lane {
		return &lane{node: node, shipper: shipper{node: node, log: log}, reader: log.NewReader(log.Acked())}
	}
	g.lanes = g.lanes[:0]
	own := lane(j.node, j.log)
	g.lanes = append(g.lanes, own)
	for _, h := range old {
		l := lane(h.node, h.log)
		l.old, l.seq = true, func() uint64 { return h.seq }
		g.lanes = append(g.lanes, l)
	}
	w.tell("gateway %s starts as %s with %d old spools", filepath.Base(g.dir), j.node, len(old))
	if w.maybe(5) { // killed after it closed the calls of earlier nodes and before it marked that
		for _, h := range old {
			if mark := filepath.Join(g.dir, h.node, markClosed); !slices.Contains(marked, mark) {
				g.remove(mark)
			}
		}
		g.kill(false)
	}
}

// later is what Kafka has, requests before outcomes as sinceLastWrite reads them.
func (g *gateway) later(each func(*Record) error) error {
	b := g.world.broker
	for _, t := range []schemas.Topic{schemas.TopicRequests, schemas.TopicUsage, schemas.TopicResponses} {
		for n := range int32(worldPartitions) {
			for _, k := range b.logs[partitionID{t, n}] {
				r := toRecord(k)
				if err := each(&r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (g *gateway) begin() {
	w := g.world
	r := &promise{id: fmt.Sprintf("req_%s%d", filepath.Base(g.dir), g.made)}
	g.made++
	w.requests = append(w.requests, r)
	padding := strings.Repeat("x", w.rand.IntN(12<<10))
	received := &schemas.RequestReceived{RequestId: r.id, Dimensions: &schemas.Dimensions{UserId: padding}}
	if w.rand.IntN(4) == 0 {
		err := g.journal.Refuse(received, &schemas.ResponseCompleted{RequestId: r.id}, &schemas.UsageRecorded{RequestId: r.id})
		r.rejected = err != nil
		w.tell("%s is refused: %v", r.id, err)
	} else {
		call, err := g.journal.Begin(received, false)
		if r.rejected = err != nil; !r.rejected {
			g.open = append(g.open, &openCall{r, call})
		}
		w.tell("%s begins: %v", r.id, err)
	}
	if !g.always {
		g.dirty = append(g.dirty, r)
	}
}

func (g *gateway) complete(i int) {
	o := g.open[i]
	g.open = slices.Delete(g.open, i, i+1)
	err := o.call.Complete(&schemas.ResponseCompleted{RequestId: o.id}, &schemas.UsageRecorded{RequestId: o.id}, nil)
	if err != nil {
		g.world.fail("the outcome of %s cannot be written: %v", o.id, err)
	}
	g.world.tell("%s completes", o.id)
}

func (g *gateway) sync() {
	if err := g.journal.log.Sync(g.journal.log.End()); err != nil {
		g.world.t.Fatal(err)
	}
	g.synced, g.dirty = g.journal.log.End(), nil
}

// ship takes one spool a step further and tells whether there was anything to do.
func (g *gateway) ship(l *lane) bool {
	w := g.world
	if l.way == nil {
		records, end, _, err := l.chunk(l.reader)
		if err != nil {
			w.fail("node %s: %v", l.node, err)
			return false
		}
		if len(records) == 0 {
			if err := l.log.Ack(end); err != nil {
				w.t.Fatal(err)
			}
			if l.old {
				g.retire(l)
			}
			return l.old
		}
		l.end, l.way = end, &shipment{parts: parts(records, 8<<10)}
		return true
	}
	arrived := w.broker.produce(g, l.way.part())
	w.tell("node %s sends %d records: %v", l.node, len(l.way.part()), arrived)
	switch w.rules.answered(l.way, !arrived) {
	case acknowledge:
		if err := l.log.Ack(l.end); err != nil {
			w.t.Fatal(err)
		}
		l.way = nil
	case beginAgain:
		l.reader.Close()
		l.reader, l.way = l.log.NewReader(l.log.Acked()), nil
	}
	return true
}

// retire ends an earlier node whose spool is in Kafka.
func (g *gateway) retire(l *lane) {
	w := g.world
	w.broker.retired[l.node] = l.seq()
	w.tell("node %s is retired at %d", l.node, l.seq())
	l.reader.Close()
	if w.maybe(4) { // killed before it is marked
		g.kill(false)
		return
	}
	if err := g.journal.folder.Mark(l.node, markRetired, nil); err != nil {
		w.t.Fatal(err)
	}
	if err := l.log.Close(false); err != nil {
		w.t.Fatal(err)
	}
	g.lanes = slices.DeleteFunc(g.lanes, func(other *lane) bool { return other == l })
	g.old = slices.DeleteFunc(g.old, func(h *history) bool { return h.node == l.node })
}

// stop ends the process as Close does, without waiting for Kafka.
func (g *gateway) stop() {
	if g.journal == nil {
		return
	}
	g.world.tell("gateway %s stops, %d calls open", filepath.Base(g.dir), len(g.open))
	g.close(len(g.open) == 0)
	g.dirty = nil
}

func (g *gateway) close(clean bool) {
	for _, l := range g.lanes {
		l.reader.Close()
	}
	logs := []*spool.Log{g.journal.log}
	for _, h := range g.old {
		logs = append(logs, h.log)
	}
	for i, log := range logs {
		if err := log.Close(clean && i == 0); err != nil {
			g.world.t.Fatal(err)
		}
	}
	if err := g.journal.folder.Close(); err != nil {
		g.world.t.Fatal(err)
	}
	g.journal, g.old, g.lanes, g.open = nil, nil, nil, nil
}

// kill ends the process where it is; without power, what was not synced is gone
// from the spool's end on.
func (g *gateway) kill(power bool) {
	w, node := g.world, g.journal.node
	w.tell("gateway %s is killed, with the power: %v", filepath.Base(g.dir), power)
	folder := g.journal.folder.Path(node)
	// A kill saves nothing: put back what Close writes.
	acked, had := os.ReadFile(filepath.Join(folder, "acked.json"))
	var olds []string
	for _, h := range g.old {
		olds = append(olds, h.node)
	}
	g.close(false)
	g.restore(filepath.Join(folder, "acked.json"), acked, had)
	if !power {
		return
	}
	w.broker.settleFrom(g)
	g.loseTail(folder)
	g.otherBoot(folder)
	for _, n := range olds {
		g.otherBoot(filepath.Join(g.dir, n))
	}
	for _, r := range g.dirty {
		r.lost = true
	}
	g.dirty = nil
	if err := w.rules.afterLoss(folder); err != nil {
		w.t.Fatal(err)
	}
}

// loseTail cuts the last segment anywhere behind what was synced, in mid-frame too.
func (g *gateway) loseTail(folder string) {
	segments, err := filepath.Glob(filepath.Join(folder, "*.segment"))
	if err != nil || len(segments) == 0 {
		g.world.t.Fatal("no segments in ", folder, err)
	}
	last := slices.Max(segments)
	info, err := os.Stat(last)
	if err != nil {
		g.world.t.Fatal(err)
	}
	keep := int64(0)
	if filepath.Base(last) == fmt.Sprintf("%020d.segment", g.synced.Segment) {
		keep = g.synced.Offset
	}
	if g.always || info.Size() <= keep {
		return
	}
	if err := os.Truncate(last, keep+g.world.rand.Int64N(info.Size()-keep+1)); err != nil {
		g.world.t.Fatal(err)
	}
}

func (g *gateway) restore(path string, content []byte, had error) {
	if had != nil {
		g.remove(path)
		return
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		g.world.t.Fatal(err)
	}
}

func (g *gateway) remove(path string) {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		g.world.t.Fatal(err)
	}
}

// otherBoot makes the spool one of an earlier run of the kernel.
func (g *gateway) otherBoot(folder string) {
	path := filepath.Join(folder, markMeta)
	b, err := os.ReadFile(path)
	if err != nil {
		g.world.t.Fatal(err)
	}
	var meta nodeMeta
	if err := json.Unmarshal(b, &meta); err != nil {
		g.world.t.Fatal(err)
	}
	meta.BootID = "another"
	if b, err = json.Marshal(meta); err != nil {
		g.world.t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		g.world.t.Fatal(err)
	}
}

// finish goes on until nothing is left and tells whether there was something.
func (g *gateway) finish() (busy bool) {
	if g.journal == nil {
		g.start()
		return true
	}
	if len(g.open) > 0 {
		g.complete(0)
		busy = true
	}
	for _, l := range slices.Clone(g.lanes) {
		busy = g.ship(l) || busy
	}
	return busy
}
