package eventlog

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"

	"weir/internal/service"
	"weir/schemas"
)

// endsInterval is how often Kafka is asked where the partitions end.
const endsInterval = 5 * time.Second

// lag is how far a consumer is behind the log. Fetches would tell it too, but
// not of a partition that is paused, which is when it matters.
type lag struct {
	records *prometheus.GaugeVec // by topic
	every   time.Duration        // between two questions: endsInterval

	mu     sync.Mutex            // owns the rest
	ends   map[partitionID]int64 // the offset after the last record, as Kafka said last
	oldest time.Time             // append time of the oldest record that was read and is not delivered; zero for none
}

// newLag registers the metrics of a consumer's lag and health.
func newLag(c *Consumer) *lag {
	l := &lag{
		every: endsInterval,
		records: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "weir_consumer_lag_records", Help: "Records of the owned partitions that are not delivered yet.",
		}, []string{"topic"}),
	}
	for _, t := range c.o.Topics {
		l.records.WithLabelValues(string(t)).Set(0)
	}
	c.o.Registerer.MustRegister(l.records,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "weir_consumer_undelivered_seconds", Help: "Age of the oldest record that was read and is not delivered yet, since Kafka has it; 0 for none.",
		}, l.age),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "weir_consumer_delivering", Help: "1 while nothing keeps batches from being delivered, 0 while ClickHouse or Kafka does.",
		}, func() float64 {
			if state, _ := c.health.check(); state != service.OK {
				return 0
			}
			return 1
		}))
	return l
}

func (l *lag) age() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.oldest.IsZero() {
		return 0
	}
	return max(0, time.Since(l.oldest).Seconds())
}

// watch asks for the ends until ctx is done. A Kafka that does not answer leaves
// the last ones.
func (l *lag) watch(ctx context.Context, adm *kadm.Client, topics []schemas.Topic) {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = string(t)
	}
	tick := time.NewTicker(l.every)
	defer tick.Stop()
	for {
		attempt, cancel := context.WithTimeout(ctx, endsInterval)
		listed, err := adm.ListEndOffsets(attempt, names...)
		cancel()
		if err == nil {
			ends := make(map[partitionID]int64)
			listed.Each(func(o kadm.ListedOffset) {
				if o.Err == nil {
					ends[partitionID{schemas.Topic(o.Topic), o.Partition}] = o.Offset
				}
			})
			l.mu.Lock()
			l.ends = ends
			l.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// observe is called by the turn that owns the partitions.
func (l *lag) observe(topics []schemas.Topic, parts []*partition) {
	behind := make(map[schemas.Topic]int64, len(topics))
	var oldest time.Time
	l.mu.Lock()
	for _, p := range parts {
		behind[p.topic] += max(0, l.ends[p.partitionID]-p.delivery.committed)
		if !p.oldest.IsZero() && (oldest.IsZero() || p.oldest.Before(oldest)) {
			oldest = p.oldest
		}
	}
	l.oldest = oldest
	l.mu.Unlock()
	for _, t := range topics {
		l.records.WithLabelValues(string(t)).Set(float64(behind[t]))
	}
}
