package eventlog

import (
	"github.com/prometheus/client_golang/prometheus"

	"weir/schemas"
)

// consumerMetrics are exported under weir_consumer_.
type consumerMetrics struct {
	rows, repeats, dead                          *prometheus.CounterVec
	batches, restarts, repeatedInserts, lostRows prometheus.Counter
	insertSeconds                                prometheus.Histogram
	partitions                                   prometheus.Gauge
}

func newConsumerMetrics(reg prometheus.Registerer, topics []schemas.Topic) *consumerMetrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		reg.MustRegister(c)
		return c
	}
	byTopic := func(name, help string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"topic"})
		reg.MustRegister(c)
		for _, t := range topics { // a counter that begins at its first event hides it from increase()
			c.WithLabelValues(string(t))
		}
		return c
	}
	m := &consumerMetrics{
		rows:            byTopic("weir_consumer_rows_total", "Rows inserted, repeated inserts included."),
		repeats:         byTopic("weir_consumer_repeats_total", "Records dropped because their seq was seen before."),
		dead:            byTopic("weir_consumer_dead_total", "Records that could not be decoded."),
		batches:         counter("weir_consumer_batches_total", "Batches delivered and committed."),
		restarts:        counter("weir_consumer_restarts_total", "Times that memory was discarded for what is committed."),
		repeatedInserts: counter("weir_consumer_repeated_inserts_total", "Inserts that were tried again or repeat an announced batch."),
		lostRows:        counter("weir_consumer_lost_rows_total", "Rows whose token the server held without them, inserted again."),
		insertSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "weir_consumer_insert_seconds", Help: "Time of one INSERT.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
		}),
		partitions: prometheus.NewGauge(prometheus.GaugeOpts{Name: "weir_consumer_partitions", Help: "Partitions that this consumer owns."}),
	}
	reg.MustRegister(m.insertSeconds, m.partitions)
	return m
}
