package eventlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"weir/schemas"
)

// Log is a client for reading single partitions and for appending to the control log. Its
// methods may be used concurrently; every error of Kafka is returned.
type Log struct {
	config Config
	logger *slog.Logger
	client *kgo.Client
}

// OpenLog connects lazily: a Kafka that is away shows in the methods.
func OpenLog(c Config, logger *slog.Logger) (*Log, error) {
	cl, err := c.client(logger, producerOptions()...)
	if err != nil {
		return nil, err
	}
	return &Log{config: c, logger: logger, client: cl}, nil
}

// Reach returns when Kafka answers, or ctx is done.
func (l *Log) Reach(ctx context.Context) error {
	for pause := retryFirst; ; pause = min(2*pause, retryMax) {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := l.client.Ping(attempt)
		cancel()
		if err == nil {
			return nil
		}
		if pause == retryMax { // long enough to say so
			l.logger.Warn("waiting for kafka", "brokers", l.config.Brokers, "error", err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("reach kafka at %v: %w", l.config.Brokers, err), ctx.Err())
		case <-time.After(pause):
		}
	}
}

// ReachWithin is Reach for a command that somebody waits for: after the limit it
// is an error.
func (l *Log) ReachWithin(ctx context.Context, limit time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := l.Reach(limited)
	if limited.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("kafka at %v does not answer within %v", l.config.Brokers, limit)
	}
	return err
}

// Close releases the connections.
func (l *Log) Close() { l.client.Close() }

// Append writes one record and returns its offset once all replicas have it.
func (l *Log) Append(ctx context.Context, t schemas.Topic, partition int32, key, value []byte) (int64, error) {
	r := &kgo.Record{Topic: string(t), Partition: partition, Key: key, Value: value}
	done := make(chan error, 1)
	l.client.Produce(ctx, r, func(_ *kgo.Record, err error) { done <- err })
	if err := l.client.Flush(ctx); err != nil {
		return 0, fmt.Errorf("append to %s: %w", t, err)
	}
	if err := <-done; err != nil {
		return 0, fmt.Errorf("append to %s: %w", t, err)
	}
	return r.Offset, nil
}

// Bounds returns the first offset that the partition still holds and the one after its last.
func (l *Log) Bounds(ctx context.Context, t schemas.Topic, partition int32) (start, end int64, err error) {
	adm := kadm.NewClient(l.client)
	starts, err := adm.ListStartOffsets(ctx, string(t))
	if err != nil {
		return 0, 0, fmt.Errorf("list offsets of %s: %w", t, err)
	}
	ends, err := adm.ListEndOffsets(ctx, string(t))
	if err != nil {
		return 0, 0, fmt.Errorf("list offsets of %s: %w", t, err)
	}
	s, ok1 := starts.Lookup(string(t), partition)
	e, ok2 := ends.Lookup(string(t), partition)
	if !ok1 || !ok2 {
		return 0, 0, fmt.Errorf("list offsets of %s: no partition %d", t, partition)
	}
	return s.Offset, e.Offset, errors.Join(s.Err, e.Err)
}

// OffsetAt returns the first offset whose append time is at or after the time, the end
// of the partition when there is none.
func (l *Log) OffsetAt(ctx context.Context, t schemas.Topic, partition int32, at time.Time) (int64, error) {
	found, err := kadm.NewClient(l.client).ListOffsetsAfterMilli(ctx, at.UnixMilli(), string(t))
	if err != nil {
		return 0, fmt.Errorf("list offsets of %s: %w", t, err)
	}
	o, ok := found.Lookup(string(t), partition)
	if !ok {
		return 0, fmt.Errorf("list offsets of %s: no partition %d", t, partition)
	}
	return o.Offset, o.Err
}

// Range reads the records [from, to) of one partition in order, repeats
// included: within a node's records a seq at or below an earlier one is a
// repeat. It returns when fn fails, to is reached, or the log ends before it.
func (l *Log) Range(ctx context.Context, t schemas.Topic, partition int32, from, to int64, fn func(*Record) error) error {
	if from >= to {
		return nil
	}
	stop := errors.New("end of range")
	err := l.Tail(ctx, t, partition, from, func(r *Record) error {
		if r.Offset < to {
			if err := fn(r); err != nil {
				return err
			}
		}
		if r.Offset >= to-1 {
			return stop
		}
		return nil
	})
	if errors.Is(err, stop) {
		return nil
	}
	return err
}

// Tail reads one partition from an offset on and follows it until ctx is done
// or fn fails, and returns that error. An offset that the log no longer holds
// is an error.
func (l *Log) Tail(ctx context.Context, t schemas.Topic, partition int32, from int64, fn func(*Record) error) error {
	cl, err := l.config.client(l.logger,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{string(t): {partition: kgo.NewOffset().At(from)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMaxWait(500*time.Millisecond),
	)
	if err != nil {
		return err
	}
	defer cl.Close()
	for {
		fetches := cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("read %s/%d from offset %d: %w", t, partition, from, err)
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := toRecord(it.Next())
			if err := fn(&r); err != nil {
				return err
			}
			from = r.Offset + 1
		}
	}
}

// toRecord reads the headers; what is missing or malformed stays empty.
func toRecord(k *kgo.Record) Record {
	r := Record{
		Topic: schemas.Topic(k.Topic), Partition: k.Partition, Offset: k.Offset,
		Appended: k.Timestamp, Key: k.Key, Value: k.Value,
	}
	for _, h := range k.Headers {
		switch h.Key {
		case schemas.HeaderRequestID:
			r.RequestID = string(h.Value)
		case schemas.HeaderNode:
			r.Node = string(h.Value)
		case schemas.HeaderSeq:
			seq, err := strconv.ParseUint(string(h.Value), 10, 64)
			if err == nil {
				r.Seq = seq
			}
		}
	}
	return r
}

// toKafka is the record of an event. The headers repeat what a reader needs
// when it cannot decode the value.
func toKafka(node string, e entry) *kgo.Record {
	return &kgo.Record{
		Topic: string(e.topic), Partition: e.partition,
		Key: []byte(e.requestID), Value: e.value,
		Headers: []kgo.RecordHeader{
			{Key: schemas.HeaderRequestID, Value: []byte(e.requestID)},
			{Key: schemas.HeaderNode, Value: []byte(node)},
			{Key: schemas.HeaderSeq, Value: strconv.AppendUint(nil, e.seq, 10)},
		},
	}
}
