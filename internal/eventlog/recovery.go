package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/client_golang/prometheus"

	"weir/internal/eventlog/spool"
	"weir/schemas"
)

// Marks in a node's spool folder.
const (
	markMeta    = "meta.json" // how the spool is written
	markClosed  = "closings"  // its open calls are closed in a later node's spool
	markRetired = "retired"   // drained, and its end stands in the control log
)

const (
	segmentBytes = 64 << 20
	keepSegments = 24 * time.Hour
)

// JournalOptions say how a journal is opened.
type JournalOptions struct {
	Kafka Config
	Spool SpoolConfig
	// Partitions that events are spread over, from the control log.
	Partitions int32
	// Retire writes NodeRetired to the control log: nothing above lastSeq will
	// come from the node.
	Retire func(ctx context.Context, node string, lastSeq uint64) error
	// Retired tells whether the control log has ended a node.
	Retired    func(node string) bool
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// nodeMeta is the content of markMeta.
type nodeMeta struct {
	Fsync spool.Fsync `json:"fsync"`
	// BootID of the kernel under which the spool was last opened.
	BootID string `json:"boot_id"`
}

// history is what a scan of a node's spool found.
type history struct {
	node      string
	log       *spool.Log
	meta      nodeMeta
	lastWrite time.Time
	seq       uint64
	open      map[string]*unclosed
	closes    []string
}

// unclosed is a request and what is known of its outcome. The spool has both
// events of it or neither, Kafka may have got one of them.
type unclosed struct {
	request             *schemas.RequestReceived
	responded, recorded bool
}

// OpenJournal takes the spool folder, recovers what earlier processes left in
// it and begins to carry events into Kafka. A spool that was closed cleanly, or
// is fsynced always, is written on under its node id. Any other may have lost
// its end with the power, so its node is drained, ended in the control log and
// followed by a new one; calls that it left open are closed as abandoned.
// After a loss of power it also asks Kafka for what the spool lost.
func OpenJournal(ctx context.Context, o JournalOptions) (*Journal, error) {
	j, old, err := recoverJournal(o, func(h *history, each func(*Record) error) error {
		return sinceLastWrite(ctx, o, h, each)
	})
	if err != nil {
		return nil, err
	}
	j.ship(o, old)
	j.done.Go(func() { j.retryStuck(o.Retired) })
	return j, nil
}

// recoverJournal does all of that but the carrying, and returns the histories
// whose spools are still to be drained. later gives what Kafka may have of a
// node beyond its spool.
func recoverJournal(o JournalOptions, later func(h *history, each func(*Record) error) error) (_ *Journal, old []*history, err error) {
	folder, err := spool.OpenFolder(o.Spool.Dir)
	if err != nil {
		return nil, nil, err
	}
	j := &Journal{
		partitions: o.Partitions, fsync: o.Spool.Fsync, folder: folder, logger: o.Logger,
		open: make(map[*Call]struct{}), stop: make(chan struct{}),
	}
	var current *history
	defer func() {
		if err != nil {
			for _, h := range old {
				err = errors.Join(err, h.log.Close(false))
			}
			if j.log != nil {
				err = errors.Join(err, j.log.Close(false))
			}
			err = errors.Join(err, folder.Close())
		}
	}()
	nodes, err := folder.Nodes()
	if err != nil {
		return nil, nil, err
	}
	for i, node := range nodes {
		if _, ok := folder.Marked(node, markRetired); ok {
			j.forget(node)
			continue
		}
		h, continues, err := j.reopen(o, node, i == len(nodes)-1)
		if err != nil {
			return nil, old, err
		}
		if continues {
			j.node, j.log, j.seq, current = node, h.log, h.seq, h
			continue
		}
		old = append(old, h)
		if err := j.completeFromKafka(h, later); err != nil {
			return nil, old, err
		}
	}
	if current == nil {
		if err := j.beginNode(o); err != nil {
			return nil, old, err
		}
		current = &history{node: j.node}
	}
	j.metrics = newJournalMetrics(o.Registerer, j)
	if err := j.closeOpen(current); err != nil {
		return nil, old, err
	}
	if err := j.closeOld(old, current.closes); err != nil {
		return nil, old, err
	}
	return j, old, nil
}

// spoolOptions of a node's log; draining logs are only read.
func (j *Journal) spoolOptions(o JournalOptions, drain bool) spool.Options {
	return spool.Options{
		MaxBytes:     int64(o.Spool.MaxBytes),
		SegmentBytes: min(segmentBytes, int64(o.Spool.MaxBytes)/8),
		Fsync:        o.Spool.Fsync, FsyncInterval: o.Spool.FsyncInterval,
		Keep: keepSegments, Snapshot: j.snapshot, Drain: drain,
	}
}

// reopen scans a node's spool. It continues when nothing can be missing at its end.
func (j *Journal) reopen(o JournalOptions, node string, newest bool) (*history, bool, error) {
	h := &history{node: node, open: make(map[string]*unclosed)}
	if b, ok := j.folder.Marked(node, markMeta); ok {
		if err := json.Unmarshal(b, &h.meta); err != nil {
			return nil, false, fmt.Errorf("read %s of node %s: %w", markMeta, node, err)
		}
	}
	durable := h.meta.Fsync == spool.FsyncAlways && o.Spool.Fsync == spool.FsyncAlways
	clean := newest && (durable || j.folder.Clean(node))
	log, wasClean, err := spool.Open(j.folder.Path(node), j.spoolOptions(o, !clean), h.visit)
	if err != nil {
		return nil, false, err
	}
	h.log, h.lastWrite = log, log.Stats().LastWrite
	drained := !log.Acked().Before(log.End())
	// A node ends itself when its open calls are closed; one that was ended
	// before that was ended by `ingest retire`, which has closed them.
	if _, closed := j.folder.Marked(node, markClosed); o.Retired(node) && !closed {
		return nil, false, errors.Join(fmt.Errorf("node %s was retired by `ingest retire`, which closed its open calls; its spool %s must not be used again: move the folder away, and a new node begins", node, j.folder.Path(node)), log.Close(false))
	}
	if o.Retired(node) && !drained {
		return nil, false, errors.Join(fmt.Errorf("node %s is retired in the control log, and its spool %s still holds events that Kafka does not have; they would be dropped as unknown: move the folder away to start without them", node, j.folder.Path(node)), log.Close(false))
	}
	continues := newest && (wasClean || durable) && !o.Retired(node)
	if continues {
		if err := j.mark(node, o); err != nil {
			return nil, false, errors.Join(err, log.Close(false))
		}
	}
	return h, continues, nil
}

// visit folds one frame of a node's spool.
func (h *history) visit(payload []byte) error {
	f, err := decodeFrame(payload, func(_ frame, e entry) error {
		h.seq = max(h.seq, e.seq)
		switch e.topic {
		case schemas.TopicRequests:
			r := &schemas.RequestReceived{}
			if err := r.UnmarshalVT(e.value); err != nil {
				return fmt.Errorf("decode request %s: %w", e.requestID, err)
			}
			h.open[e.requestID] = &unclosed{request: r}
		case schemas.TopicResponses:
			delete(h.open, e.requestID)
		}
		return nil
	})
	h.seq = max(h.seq, f.lastSeq)
	// A spool that goes on under its id closes its own calls too; later ones may be open again.
	if f.kind == frameClosings && f.closes != h.node {
		h.closes = append(h.closes, f.closes)
	}
	return err
}

// beginNode makes a new identity with an empty spool.
func (j *Journal) beginNode(o JournalOptions) error {
	j.node = ulid.Make().String()
	if err := os.MkdirAll(j.folder.Path(j.node), 0o700); err != nil {
		return fmt.Errorf("create spool folder: %w", err)
	}
	if err := j.mark(j.node, o); err != nil {
		return err
	}
	log, _, err := spool.Open(j.folder.Path(j.node), j.spoolOptions(o, false), nil)
	if err != nil {
		return err
	}
	j.log = log
	return nil
}

func (j *Journal) mark(node string, o JournalOptions) error {
	b, err := json.Marshal(nodeMeta{Fsync: o.Spool.Fsync, BootID: spool.BootID()})
	if err != nil {
		return err
	}
	return j.folder.Mark(node, markMeta, b)
}

// closeOld closes, in the current node's spool, the calls that earlier nodes
// left open: once, also when this start is killed and another one follows.
func (j *Journal) closeOld(old []*history, closed []string) error {
	for _, h := range old {
		closed = append(closed, h.closes...)
	}
	for _, h := range old {
		if _, ok := j.folder.Marked(h.node, markClosed); ok {
			continue
		}
		if !slices.Contains(closed, h.node) {
			if err := j.closeOpen(h); err != nil {
				return err
			}
		}
		if err := j.folder.Mark(h.node, markClosed, nil); err != nil {
			return err
		}
	}
	return nil
}

// closeOpen writes the outcomes of one node's open calls as one frame, on the
// disk before it returns.
func (j *Journal) closeOpen(h *history) error {
	if len(h.open) == 0 {
		return nil
	}
	ids := make([]string, 0, len(h.open))
	for id := range h.open {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	now := time.Now()
	var entries []entry
	for _, id := range ids {
		call := h.open[id]
		resp, u := abandoned(call.request, now)
		e, err := j.encodeOutcome(resp, u, nil)
		if err != nil {
			return err
		}
		for _, e := range e {
			if e.topic == schemas.TopicResponses && !call.responded || e.topic == schemas.TopicUsage && !call.recorded {
				entries = append(entries, e)
			}
		}
	}
	j.mu.Lock()
	end, err := j.append(frameClosings, h.node, entries, 0, 0)
	j.mu.Unlock()
	if err != nil {
		return fmt.Errorf("close open calls of node %s: %w", h.node, err)
	}
	j.logger.Warn("closed calls that a killed gateway left open", "node", h.node, "calls", len(ids), "request_ids", strings.Join(ids[:min(len(ids), 20)], " "))
	return j.log.Sync(end)
}

// forget deletes the spool of a node that was retired a day ago.
func (j *Journal) forget(node string) {
	if info, err := os.Stat(j.folder.Path(node)); err == nil && time.Since(info.ModTime()) > keepSegments {
		if err := os.RemoveAll(j.folder.Path(node)); err != nil {
			j.logger.Warn("delete retired spool", "node", node, "error", err)
		}
	}
}
