package eventlog

import (
	"context"
	"fmt"
	"time"

	"weir/internal/eventlog/spool"
	"weir/schemas"
)

// unsyncedWindow is how far before a spool's last write its loss may reach:
// far beyond what a kernel keeps unwritten.
const unsyncedWindow = 10 * time.Minute

// completeFromKafka adds to a history what a loss of power took from the spool
// and Kafka has: later seqs, requests that the spool no longer knows, and the
// outcomes of calls that it believes open. Under the same boot id the page
// cache has kept every write, and the spool is complete.
func (j *Journal) completeFromKafka(ctx context.Context, o JournalOptions, h *history) error {
	if h.meta.BootID != "" && h.meta.BootID == spool.BootID() {
		return nil
	}
	log, err := OpenLog(o.Kafka, o.Logger)
	if err != nil {
		return err
	}
	defer log.Close()
	known := h.seq
	// Requests before outcomes: an outcome closes whatever request it belongs to.
	for _, t := range []schemas.Topic{schemas.TopicRequests, schemas.TopicUsage, schemas.TopicResponses} {
		for n := range o.Partitions {
			from, err := log.OffsetAt(ctx, t, n, h.lastWrite.Add(-unsyncedWindow))
			if err != nil {
				return err
			}
			_, end, err := log.Bounds(ctx, t, n)
			if err != nil {
				return err
			}
			err = log.Range(ctx, t, n, from, end, func(r *Record) error { return h.completeWith(r, known) })
			if err != nil {
				return fmt.Errorf("complete spool of node %s: %w", h.node, err)
			}
		}
	}
	if h.seq > known {
		o.Logger.Warn("kafka has events that the spool lost", "node", h.node, "spool_seq", known, "kafka_seq", h.seq)
	}
	return nil
}

// completeWith folds one record of Kafka; the spool knew everything up to known.
func (h *history) completeWith(r *Record, known uint64) error {
	if r.Node != h.node || r.Seq <= known {
		return nil
	}
	h.seq = max(h.seq, r.Seq)
	switch r.Topic {
	case schemas.TopicRequests:
		req := &schemas.RequestReceived{}
		if err := req.UnmarshalVT(r.Value); err != nil {
			return fmt.Errorf("decode request %s: %w", r.RequestID, err)
		}
		h.open[r.RequestID] = req
	case schemas.TopicResponses:
		delete(h.open, r.RequestID)
	}
	return nil
}
