package follow

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	applied, restores, failures, refused prometheus.Counter
}

func newMetrics(r prometheus.Registerer, f *Follower) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		r.MustRegister(c)
		return c
	}
	gauge := func(name, help string, value func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("weir_live_redis_usable", "1 when live sums can be written to Redis.", func() float64 {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.trouble != nil {
			return 0
		}
		return 1
	})
	gauge("weir_live_partitions_incomplete", "Assigned partitions whose live sums lack something.", func() float64 {
		n := 0
		f.each(func(e *entry) {
			if e.phase != following {
				n++
			}
		})
		return float64(n)
	})
	gauge("weir_live_waiting_sums", "Live sums that wait in memory for Redis.", func() float64 {
		n := 0
		f.each(func(e *entry) {
			for _, s := range []*span{e.flight, e.pending} {
				if s != nil {
					n += s.deltas.Len()
				}
			}
		})
		return float64(n)
	})
	return &metrics{
		applied:  counter("weir_live_applied_batches_total", "Batches that Redis holds."),
		restores: counter("weir_live_restores_total", "Partitions restored from the log."),
		failures: counter("weir_live_restore_failures_total", "Restores that could not read the log."),
		refused:  counter("weir_live_refused_sums_total", "Changes of a live sum that would have passed 64 bits."),
	}
}
