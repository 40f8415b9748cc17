package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"weir/internal/eventlog/spool"
)

const (
	// chunkBytes bounds what is in flight: small enough that each partition's
	// part of a chunk is one batch, whatever the partitions.
	chunkBytes = 512 << 10
	// recordOverhead is what a record has beside its value: key, headers, framing.
	recordOverhead = 200
	// maxBatchBytes is Kafka's default bound on a batch (message.max.bytes).
	maxBatchBytes = 1_000_000
	// linger is the least time between two chunks that are not full, so that a
	// busy gateway sends many events at once and an idle one sends each at once:
	// a batch costs the gateway, Kafka and every reader about as much as ten events.
	linger = 50 * time.Millisecond
	// restartPause is how long a shipper waits after an error.
	restartPause = 200 * time.Millisecond
)

// shipper carries one node's spool into Kafka, in order. One chunk is in flight
// at a time, and a partition's part of a chunk is one batch, which Kafka has
// whole or not at all: after an error the client is thrown away and all is sent
// again from the lowest unacknowledged position, so no event is ever skipped and
// what Kafka has twice are repeats, never disorder.
type shipper struct {
	node    string
	log     *spool.Log
	connect func() (*kgo.Client, error)
	logger  *slog.Logger
	metrics *journalMetrics

	mu  sync.Mutex // owns err
	err error      // of the last chunk
}

// run ships until ctx is done; with drain, until everything is acknowledged.
func (s *shipper) run(ctx context.Context, drain bool) error {
	for {
		err := s.session(ctx, drain)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		s.setErr(err)
		s.metrics.produceErrors.Inc()
		s.logger.Warn("send events to kafka; beginning again from the lowest unacknowledged one", "node", s.node, "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(restartPause):
		}
	}
}

// session ships with one client until an error.
func (s *shipper) session(ctx context.Context, drain bool) error {
	cl, err := s.connect()
	if err != nil {
		return err
	}
	defer cl.Close()
	r := s.log.NewReader(s.log.Acked())
	defer r.Close()
	var pause <-chan time.Time
	for {
		if pause != nil {
			<-pause
			pause = nil
		}
		records, end, full, err := s.chunk(r)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			if err := s.log.Ack(end); err != nil {
				return err
			}
			if drain {
				return nil
			}
			if err := r.Wait(ctx); err != nil {
				return err
			}
			continue
		}
		if !full {
			pause = time.After(linger)
		}
		way := shipment{parts: parts(records, chunkBytes)}
		for next := sendPart; next == sendPart; {
			err := produce(ctx, cl, way.part())
			if next = way.answered(err != nil); next == beginAgain {
				return err
			}
		}
		if err := s.log.Ack(end); err != nil {
			return err
		}
		s.setErr(nil)
		s.metrics.produced.Add(float64(len(records)))
	}
}

// chunk reads frames until chunkBytes and tells whether it got that far. Only
// frameEvents and frameClosings hold what is sent; the copies of open calls were
// sent before.
func (s *shipper) chunk(r *spool.Reader) (records []*kgo.Record, end spool.Position, full bool, err error) {
	size := 0
	for size < chunkBytes {
		payload, next, err := r.Next()
		if errors.Is(err, io.EOF) {
			return records, next, false, nil
		}
		if err != nil {
			return nil, end, false, err
		}
		block := append([]byte(nil), payload...) // the records keep pointing into it
		if _, err := decodeFrame(block, func(f frame, e entry) error {
			if f.kind != frameOpen {
				records = append(records, toKafka(s.node, e))
				size += len(e.value)
			}
			return nil
		}); err != nil {
			return nil, end, false, err
		}
		end = next
	}
	return records, end, true, nil
}

// parts cuts a chunk where its last frame made it larger than limit, the bound
// of a chunk: what is in flight at once fits into one batch for each partition.
// They go one after the other, and are acknowledged together.
func parts(records []*kgo.Record, limit int) [][]*kgo.Record {
	var all [][]*kgo.Record
	first, size := 0, 0
	for i, r := range records {
		n := len(r.Value) + recordOverhead
		if size > 0 && size+n > limit {
			all = append(all, records[first:i])
			first, size = i, 0
		}
		size += n
	}
	return append(all, records[first:])
}

// passage is what to do after Kafka has answered for a part of a chunk.
type passage int

const (
	sendPart    passage = iota // the next one
	acknowledge                // the spool's position after the chunk
	beginAgain                 // with a new client, from the lowest position that is not acknowledged
)

// shipment is a chunk on its way into Kafka.
type shipment struct {
	parts [][]*kgo.Record // not yet in Kafka
}

// part is what is to be sent.
func (s *shipment) part() []*kgo.Record { return s.parts[0] }

// answered gives what follows the answer for the part. Nothing is sent behind a
// part that failed: its records would look like repeats when they come later.
func (s *shipment) answered(failed bool) passage {
	if failed {
		return beginAgain
	}
	if s.parts = s.parts[1:]; len(s.parts) == 0 {
		return acknowledge
	}
	return sendPart
}

// produce sends the records and returns when Kafka has them all. The first
// error ends the client's session.
func produce(ctx context.Context, cl *kgo.Client, records []*kgo.Record) error {
	var first error
	var mu sync.Mutex // owns first
	for _, r := range records {
		cl.Produce(ctx, r, func(r *kgo.Record, err error) {
			if err == nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if first == nil {
				first = fmt.Errorf("produce to %s/%d: %w", r.Topic, r.Partition, err)
			}
		})
	}
	err := cl.Flush(ctx)
	mu.Lock()
	defer mu.Unlock()
	if first != nil {
		return first
	}
	return err
}

func (s *shipper) setErr(err error) {
	s.mu.Lock()
	s.err = err
	s.mu.Unlock()
}

func (s *shipper) lastErr() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
