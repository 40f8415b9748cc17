package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"weir/internal/eventlog/spool"
	"weir/internal/service"
)

// shipping is the goroutines that carry spools into Kafka.
type shipping struct {
	current *shipper
	cancel  context.CancelFunc
	drained chan struct{} // closed when the spools of earlier nodes are done with
}

// ship starts a shipper for the journal's own spool and one after the other for
// those of earlier nodes.
func (j *Journal) ship(o JournalOptions, old []*history) {
	ctx, cancel := context.WithCancel(context.Background())
	connect := func() (*kgo.Client, error) { return o.Kafka.client(o.Logger, producerOptions()...) }
	shipper := func(node string, log *spool.Log) *shipper {
		return &shipper{node: node, log: log, connect: connect, logger: o.Logger, metrics: j.metrics}
	}
	j.shipping = &shipping{current: shipper(j.node, j.log), cancel: cancel, drained: make(chan struct{})}
	j.bound(o, old)
	j.done.Go(func() { _ = j.shipping.current.run(ctx, false) }) // ends with ctx only
	j.done.Go(func() {
		defer close(j.shipping.drained)
		for i, h := range old {
			if err := j.drain(ctx, o, h, shipper(h.node, h.log)); err != nil {
				o.Logger.Warn("drain spool of an earlier node; the next start goes on with it", "node", h.node, "error", err)
			} else {
				j.bound(o, old[i+1:])
			}
			if err := h.log.Close(false); err != nil {
				o.Logger.Warn("close spool of an earlier node", "node", h.node, "error", err)
			}
		}
	})
}

// bound leaves the journal what the spools of earlier nodes do not hold.
func (j *Journal) bound(o JournalOptions, old []*history) {
	limit := int64(o.Spool.MaxBytes)
	for _, h := range old {
		limit -= h.log.Stats().Unacked
	}
	j.log.SetMaxBytes(limit)
}

// drain ships what an earlier node left and ends the node in the control log.
func (j *Journal) drain(ctx context.Context, o JournalOptions, h *history, s *shipper) error {
	if err := s.run(ctx, true); err != nil {
		return err
	}
	for {
		err := o.Retire(ctx, h.node, h.seq)
		if err == nil {
			return j.folder.Mark(h.node, markRetired, nil)
		}
		o.Logger.Warn("retire node", "node", h.node, "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// closeWait is how long a stop waits for Kafka to have everything.
const closeWait = 3 * time.Second

// Close stops the journal. What Kafka does not have yet is sent as far as
// closeWait and ctx allow; the rest stays on the spool for the next start. There
// must be no open call: one that is left makes the spool count as not closed cleanly.
func (j *Journal) Close(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, closeWait)
	j.waitShipped(wait)
	cancel()
	j.shipping.cancel()
	close(j.stop)
	j.done.Wait()
	j.mu.Lock()
	clean := len(j.open) == 0 && len(j.stuck) == 0
	left := len(j.open) + len(j.stuck)
	j.mu.Unlock()
	err := errors.Join(j.log.Close(clean), j.folder.Close())
	if !clean {
		err = errors.Join(err, fmt.Errorf("%d calls were open when the journal was closed; the next start closes them as abandoned", left))
	}
	return err
}

// waitShipped returns when everything is acknowledged or ctx is done.
func (j *Journal) waitShipped(ctx context.Context) {
	t := time.NewTicker(5 * time.Millisecond)
	defer t.Stop()
	drained := j.shipping.drained
	for {
		if drained == nil && !j.log.Acked().Before(j.log.End()) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-drained:
			drained = nil
		case <-t.C:
		}
	}
}

// unshippedGrace is how long events may wait for Kafka before health says so.
const unshippedGrace = 5 * time.Second

// Check is the readiness of the journal: down when new calls are refused,
// degraded when events wait for Kafka.
func (j *Journal) Check(context.Context) (service.State, map[string]any) {
	s := j.log.Stats()
	j.mu.Lock()
	stuck, open, seq, ended := len(j.stuck), len(j.open), j.seq, j.ended
	j.mu.Unlock()
	detail := map[string]any{
		"node": j.node, "seq": seq, "open_calls": open,
		"bytes": s.Bytes, "unacknowledged_bytes": s.Unacked, "reserved_bytes": s.Reserved, "max_bytes": s.MaxBytes,
		"oldest_unacknowledged_seconds": age(s),
	}
	state := service.OK
	if err := j.shipping.current.lastErr(); err != nil {
		detail["kafka_error"] = err.Error()
		state = service.Degraded
	}
	if s.Unacked > 0 && age(s) > unshippedGrace.Seconds() {
		state = service.Degraded
	}
	if ended {
		detail["error"] = ErrNodeRetired.Error()
		state = service.Down
	}
	if stuck > 0 || s.Err != nil {
		detail["stuck_outcomes"] = stuck
		state = service.Down
		if s.Err != nil {
			detail["error"] = s.Err.Error()
		}
	}
	return state, detail
}

func age(s spool.Stats) float64 {
	if s.OldestUnacked.IsZero() {
		return 0
	}
	return time.Since(s.OldestUnacked).Seconds()
}

// journalMetrics are exported under weir_spool_ and weir_events_.
type journalMetrics struct {
	appended, produced, appendErrors, produceErrors prometheus.Counter
}

func newJournalMetrics(reg prometheus.Registerer, j *Journal) *journalMetrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		reg.MustRegister(c)
		return c
	}
	gauge := func(name, help string, fn func(spool.Stats) float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return fn(j.log.Stats()) }))
	}
	gauge("weir_spool_bytes", "Bytes of the spool's segments on disk.", func(s spool.Stats) float64 { return float64(s.Bytes) })
	gauge("weir_spool_unacknowledged_bytes", "Bytes of the spool that Kafka does not have yet.", func(s spool.Stats) float64 { return float64(s.Unacked) })
	gauge("weir_spool_reserved_bytes", "Bytes reserved for the outcomes of open calls.", func(s spool.Stats) float64 { return float64(s.Reserved) })
	gauge("weir_spool_max_bytes", "Bound of the spool; beyond it calls are refused.", func(s spool.Stats) float64 { return float64(s.MaxBytes) })
	gauge("weir_spool_oldest_unacknowledged_seconds", "Age of the oldest event that Kafka does not have yet, by its segment.", age)
	return &journalMetrics{
		appended:      counter("weir_events_spooled_total", "Events written to the spool."),
		produced:      counter("weir_events_produced_total", "Events that Kafka has acknowledged, repeats included."),
		appendErrors:  counter("weir_spool_append_errors_total", "Appends that the spool refused or failed."),
		produceErrors: counter("weir_produce_errors_total", "Chunks that had to be sent again."),
	}
}
