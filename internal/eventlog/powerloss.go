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
func (j *Journal) completeFromKafka(h *history, later func(*history, func(*Record) error) error) error {
	if h.meta.BootID != "" && h.meta.BootID == spool.BootID() {
		return nil
	}
	known := h.seq
	if err := later(h, func(r *Record) error { return h.completeWith(r, known) }); err != nil {
		return fmt.Errorf("complete spool of node %s: %w", h.node, err)
	}
	if h.seq > known {
		j.logger.Warn("kafka has events that the spool lost", "node", h.node, "spool_seq", known, "kafka_seq", h.seq)
	}
	return nil
}

// sinceLastWrite reads what Kafka got of the ledger since shortly before a
// spool's last write: requests before outcomes, since an outcome closes whatever
// request it belongs to.
func sinceLastWrite(ctx context.Context, o JournalOptions, h *history, each func(*Record) error) error {
	log, err := OpenLog(o.Kafka, o.Logger)
	if err != nil {
		return err
	}
	defer log.Close()
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
			if err := log.Range(ctx, t, n, from, end, each); err != nil {
				return err
			}
		}
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
		h.open[r.RequestID] = &unclosed{request: req}
	case schemas.TopicResponses, schemas.TopicUsage:
		call := h.open[r.RequestID]
		if call == nil {
			break
		}
		call.responded = call.responded || r.Topic == schemas.TopicResponses
		call.recorded = call.recorded || r.Topic == schemas.TopicUsage
		if call.responded && call.recorded {
			delete(h.open, r.RequestID)
		}
	}
	return nil
}
