package eventlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"weir/internal/service"
	"weir/schemas"
)

// ConsumerOptions say what a consumer reads and where it delivers.
type ConsumerOptions struct {
	Kafka Config
	// Group is the consumer's name in Kafka, in tokens and in progress.
	Group string
	// Prepare makes the log ready (its topics, their settings) and waits for a
	// Kafka that is away. Run begins with it. Nil for nothing.
	Prepare func(ctx context.Context) error
	// Command of the binary that sets the group's offsets, for errors that need it.
	Command string
	// Generation of a rebuild, from 1.
	Generation int
	Topics     []schemas.Topic
	Sink       Sink
	Progress   Progress
	// FlushInterval and FlushRows: a batch is sent at once when it has that many
	// rows, and so is what has come when the last batches were sent that long ago.
	// So a record waits for the interval at most, and not at all when it comes alone.
	FlushInterval time.Duration
	FlushRows     int
	// DeadLetters writes what cannot be decoded to weir.dead; without it such
	// records are only counted.
	DeadLetters bool
	Follower    Follower // nil for none
	Registerer  prometheus.Registerer
	Logger      *slog.Logger
}

// Follower keeps a second projection of the log that may be lost. Its own
// trouble is its own: it never fails a batch. It is called from one goroutine.
type Follower interface {
	// Assigned: the partition is ours, and records before offset are in the table.
	Assigned(ctx context.Context, t schemas.Topic, partition int32, offset int64)
	// Applied: the table holds the batch [first, last], whose end is not yet
	// committed. After a crash the same batch comes again.
	Applied(ctx context.Context, b Batch, t schemas.Topic, partition int32, first, last int64)
	// Revoked: the partition is no longer ours.
	Revoked(t schemas.Topic, partition int32)
}

const (
	maxBlockBytes = 64 << 20
	// heldBatches is how many full batches' rows may wait in batches that fill.
	heldBatches = 2
	// pollRecords bounds one turn of the loop, and so how long a rebalance waits.
	pollRecords = 20_000
	// turnLimit bounds how long one turn tries to deliver: half the time that a
	// rebalance may take.
	turnLimit = 15 * time.Second
	// checkpointRecords is how many records a new owner has to fold at most, about.
	checkpointRecords = 50_000
	stopLimit         = 10 * time.Second
)

// Consumer delivers each event of its topics to the sink exactly once. One
// goroutine, Run's, owns all state; only the rows of several partitions are
// inserted at the same time.
//
// A fault of ClickHouse or Kafka is waited out. What cannot be waited out (the
// log lost records that were not delivered, a committed offset is gone) ends Run
// with an error that names the range and the way on.
type Consumer struct {
	o        ConsumerOptions
	limits   limits
	patience time.Duration // of one turn: turnLimit
	client   *kgo.Client
	sent     time.Time     // when the last turn had sent what was due; owned by Run
	opened   chan struct{} // closed when client is set: the client joins its group at once
	metrics  *consumerMetrics
	lag      *lag

	turns sync.Mutex // held by a turn after its poll, and by a rebalance: one of them works on the partitions

	mu         sync.Mutex // owns partitions and fatal: the client's goroutine assigns, Run's goroutine works
	partitions map[partitionID]*partition
	fatal      error
	health     consumerHealth
}

type partitionID struct {
	topic schemas.Topic
	n     int32
}

// partition is one partition that the consumer owns.
type partition struct {
	partitionID
	membership // under which it was assigned
	topicID    string
	delivery   *delivery
	batch      Batch
	backlog    []*kgo.Record         // fetched and not read: the batch before them is still being sent
	dead       []*schemas.DeadRecord // of the batch, not in weir.dead yet
	oldest     time.Time             // append time of the first record of the batch; zero while it is empty
	since      time.Time             // when that record was read
	end        int64                 // offset after the log's last record, as the newest fetch saw it
	sending    *sending              // not nil while the batch is cut and not committed
	paused     bool
	forgotten  bool // owned by the turn: a fetch may still hold records of it
}

// NewConsumer makes a consumer; nothing is connected before Run.
func NewConsumer(o ConsumerOptions) *Consumer {
	c := &Consumer{
		o: o, limits: limits{o.FlushRows, maxBlockBytes}, patience: turnLimit,
		partitions: make(map[partitionID]*partition), opened: make(chan struct{}),
		metrics: newConsumerMetrics(o.Registerer, o.Topics),
	}
	c.lag = newLag(c)
	return c
}

// open connects and joins the group.
func (c *Consumer) open() error {
	topics := make([]string, len(c.o.Topics))
	for i, t := range c.o.Topics {
		topics[i] = string(t)
	}
	a := &assigner{consumer: c}
	opts := append(c.o.Kafka.consumerOptions(c.o.Group, topics), producerOptions()...)
	cl, err := c.o.Kafka.client(c.o.Logger, append(opts,
		kgo.OnOffsetsFetched(a.fetched),
		kgo.AdjustFetchOffsetsFn(a.assign),
		kgo.OnPartitionsRevoked(c.revoked),
		kgo.OnPartitionsLost(c.lost),
	)...)
	if err != nil {
		return err
	}
	c.client = cl
	close(c.opened)
	return nil
}

// Run consumes until ctx is done, then delivers what it has read and commits,
// for at most ten seconds, and leaves the group.
func (c *Consumer) Run(ctx context.Context) error {
	if c.o.Prepare != nil {
		if err := c.o.Prepare(ctx); err != nil {
			if ctx.Err() != nil {
				return nil // stopped before it began
			}
			return err
		}
	}
	if err := c.open(); err != nil {
		return err
	}
	c.health.started()
	defer c.client.CloseAllowingRebalance()
	go c.lag.watch(ctx, kadm.NewClient(c.client), c.o.Topics) // ends with ctx
	for ctx.Err() == nil {
		if err := c.turn(ctx); err != nil {
			return err
		}
		if ctx.Err() == nil { // the last flush must not meet a rebalance
			c.client.AllowRebalance()
		}
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	c.turns.Lock()
	c.flush(stop, c.all(), true)
	c.turns.Unlock()
	c.leave(stop)
	return c.fatalError()
}

// turn polls once, folds what came and delivers what is due.
func (c *Consumer) turn(ctx context.Context) error {
	poll, cancel := context.WithTimeout(ctx, c.wait())
	fetches := c.client.PollRecords(poll, pollRecords)
	cancel()
	if fetches.IsClientClosed() {
		return kgo.ErrClientClosed
	}
	c.turns.Lock()
	defer c.turns.Unlock()
	if err := c.fetchErrors(fetches); err != nil {
		return err
	}
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		// A partition that was given up since the fetch is read again by its owner.
		if p := c.partition(partitionID{schemas.Topic(f.Topic), f.Partition}); p != nil {
			p.backlog = append(p.backlog, f.Records...)
			p.end = f.HighWatermark
		}
	})
	turn, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	for _, p := range c.all() {
		if err := c.work(turn, p); err != nil {
			return c.stop(err)
		}
	}
	due, err := c.due(time.Now())
	if err != nil {
		return c.stop(err)
	}
	if len(due) > 0 {
		c.deliver(turn, due)
		c.sent = time.Now() // from its end on: a server that is slow gets larger batches, not more of them
		c.checkpoint(ctx, due, checkpointRecords)
	}
	owned := c.all()
	c.metrics.partitions.Set(float64(len(owned)))
	c.lag.observe(c.o.Topics, owned)
	return c.fatalError()
}

// work reads what was fetched of a partition, sending each batch that is full.
// It stops where a batch cannot be sent: the client will not give the records
// behind it a second time, so they wait in the backlog.
func (c *Consumer) work(ctx context.Context, p *partition) error {
	for len(p.backlog) > 0 && p.sending == nil && !p.forgotten {
		k := p.backlog[0]
		p.backlog[0], p.backlog = nil, p.backlog[1:]
		if err := c.read(ctx, p, k); err != nil {
			return err
		}
	}
	return nil
}

// read folds one record into its partition and sends the batch when it is full.
func (c *Consumer) read(ctx context.Context, p *partition, k *kgo.Record) error {
	r := toRecord(k)
	v, err := p.delivery.read(&r)
	if err != nil {
		return fmt.Errorf("%s/%d: %w", p.topic, p.n, err)
	}
	if v != fold && p.oldest.IsZero() {
		p.oldest, p.since = r.Appended, time.Now()
	}
	switch v {
	case fold:
		return nil
	case drop:
		c.metrics.repeats.WithLabelValues(string(p.topic)).Inc()
	case take:
		if err := p.batch.Add(&r); err != nil {
			c.undecodable(p, &r, err)
		}
	}
	full, err := p.delivery.cut(p.batch.Rows(), p.batch.Bytes(), c.limits)
	if err != nil {
		return fmt.Errorf("%s/%d: %w", p.topic, p.n, err)
	}
	if full {
		c.deliver(ctx, []*partition{p})
		c.checkpoint(ctx, []*partition{p}, checkpointRecords)
	}
	return nil
}

// undecodable keeps a record that cannot be decoded for weir.dead.
func (c *Consumer) undecodable(p *partition, r *Record, reason error) {
	c.metrics.dead.WithLabelValues(string(p.topic)).Inc()
	c.o.Logger.Error("record cannot be decoded", "topic", p.topic, "partition", p.n, "offset", r.Offset, "request_id", r.RequestID, "error", reason)
	if !c.o.DeadLetters {
		return
	}
	p.dead = append(p.dead, DeadRecord(r, reason))
}

// DeadRecord is what goes to weir.dead in a record's place. It shares nothing
// with the record.
func DeadRecord(r *Record, reason error) *schemas.DeadRecord {
	return &schemas.DeadRecord{
		Topic: string(r.Topic), Partition: r.Partition, Offset: r.Offset, Reason: reason.Error(),
		Key: append([]byte(nil), r.Key...), Value: append([]byte(nil), r.Value...),
		RequestId: r.RequestID, Node: r.Node, Seq: r.Seq, OccurredAt: time.Now().UnixMicro(),
	}
}

// due returns the partitions whose batch is to be sent now. When one is due, all
// that have something go with it: one announcement and one commit for all, and
// no partition waits for a turn of its own. A partition that is behind the log's end
// fills its batch first: small ones cost ClickHouse a merge each and make it fall
// behind further. What all of them hold is bounded; beyond it the fullest goes.
func (c *Consumer) due(now time.Time) ([]*partition, error) {
	var due, young []*partition
	var fullest *partition // of those that fill first
	held := 0
	for _, p := range c.all() {
		ok := p.sending != nil
		if !ok {
			var err error
			if ok, err = p.delivery.cut(p.batch.Rows(), p.batch.Bytes(), c.limits); err != nil {
				return nil, fmt.Errorf("%s/%d: %w", p.topic, p.n, err)
			}
		}
		switch {
		case ok:
			due = append(due, p)
		case p.delivery.ripe(p.end, now.Sub(p.since)):
			young = append(young, p)
		case p.delivery.begun():
			held += p.batch.Rows()
			if fullest == nil || p.batch.Rows() > fullest.batch.Rows() {
				fullest = p
			}
		}
	}
	if held >= heldBatches*c.limits.rows {
		due = append(due, fullest)
	}
	if len(due) == 0 && now.Sub(c.sent) < c.o.FlushInterval {
		return nil, nil
	}
	return append(due, young...), nil
}

// wait is how long a poll may take before a batch is due.
func (c *Consumer) wait() time.Duration {
	wait, now := c.o.FlushInterval, time.Now()
	for _, p := range c.all() {
		switch {
		case p.sending != nil:
			return 100 * time.Millisecond // between two attempts
		case p.delivery.ripe(p.end, now.Sub(p.since)):
			wait = max(c.o.FlushInterval-time.Since(c.sent), time.Millisecond)
		}
	}
	return wait
}

// fetchErrors returns what cannot be waited out.
func (c *Consumer) fetchErrors(fetches kgo.Fetches) error {
	for _, e := range fetches.Errors() {
		switch {
		case errors.Is(e.Err, context.DeadlineExceeded), errors.Is(e.Err, context.Canceled), errors.Is(e.Err, kgo.ErrClientClosed):
		case errors.Is(e.Err, kerr.OffsetOutOfRange):
			return c.stop(c.gone(schemas.Topic(e.Topic), e.Partition))
		default:
			c.o.Logger.Warn("fetch", "topic", e.Topic, "partition", e.Partition, "error", e.Err)
		}
	}
	return nil
}

// gone says which records were never delivered and can no longer be read.
func (c *Consumer) gone(t schemas.Topic, n int32) error {
	from := int64(-1)
	if p := c.partition(partitionID{t, n}); p != nil {
		from = p.delivery.next
	}
	return fmt.Errorf("%s/%d: the log no longer holds offset %d, which was not delivered yet; to go on without what is gone: %s", t, n, from, c.wayOn(t, n, "earliest"))
}

// wayOn is the command that sets where the group goes on.
func (c *Consumer) wayOn(t schemas.Topic, n int32, to string) string {
	return fmt.Sprintf("%s --topic %s --partition %d --to %s", c.o.Command, t, n, to)
}

// stop makes err the end of Run.
func (c *Consumer) stop(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fatal == nil {
		c.fatal = err
	}
	return c.fatal
}

func (c *Consumer) fatalError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fatal
}

func (c *Consumer) partition(id partitionID) *partition {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.partitions[id]
}

func (c *Consumer) all() []*partition {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*partition, 0, len(c.partitions))
	for _, p := range c.partitions {
		all = append(all, p)
	}
	return all
}

// flush delivers what the partitions have, whatever its size, and saves their
// checkpoints. At a rebalance it is brief: what is not delivered is read again.
func (c *Consumer) flush(ctx context.Context, parts []*partition, stopping bool) {
	limit := 3 * time.Second
	if stopping {
		limit = stopLimit
	}
	var ready []*partition
	for _, p := range parts {
		ok, err := p.delivery.cut(p.batch.Rows(), p.batch.Bytes(), limits{})
		if err == nil && (ok || p.sending != nil) {
			ready = append(ready, p)
		}
	}
	if len(ready) > 0 {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		c.deliver(ctx, ready)
	}
	c.checkpoint(ctx, parts, 1)
}

// leave leaves the group, so that the others need not wait for the session to end.
func (c *Consumer) leave(ctx context.Context) {
	c.client.AllowRebalance()
	if err := c.client.LeaveGroupContext(ctx); err != nil {
		c.o.Logger.Warn("leave group", "group", c.o.Group, "error", err)
	}
}

// Check is the readiness of the consumer: down until the log is ready, degraded
// while batches cannot be delivered.
func (c *Consumer) Check(context.Context) (service.State, map[string]any) {
	return c.health.check()
}
