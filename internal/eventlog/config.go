package eventlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"weir/internal/eventlog/spool"
	"weir/internal/service"
)

// Config says where Kafka is. Section "kafka" of weir.yaml.
type Config struct {
	// Brokers to begin from, host:port. Default 127.0.0.1:9092.
	Brokers []string `koanf:"brokers"`
	// ReplicationFactor of the topics that Weir creates. Default 1; 3 on a
	// cluster, where two in-sync replicas are then asked for.
	ReplicationFactor int16 `koanf:"replication_factor"`
	// SessionTimeout after which a silent consumer loses its partitions. Default 10s.
	SessionTimeout time.Duration `koanf:"session_timeout"`
	// PayloadRetention of the topic weir.payloads. Default 168h.
	PayloadRetention time.Duration `koanf:"payload_retention"`
}

// DefaultConfig is a Kafka on this machine.
func DefaultConfig() Config {
	return Config{
		Brokers:           []string{"127.0.0.1:9092"},
		ReplicationFactor: 1,
		SessionTimeout:    10 * time.Second,
		PayloadRetention:  7 * 24 * time.Hour,
	}
}

// Validate names the field that cannot be and the remedy.
func (c Config) Validate() error {
	switch {
	case len(c.Brokers) == 0:
		return errors.New("kafka.brokers is empty; name at least one host:port")
	case c.ReplicationFactor < 1:
		return fmt.Errorf("kafka.replication_factor is %d; it must be at least 1", c.ReplicationFactor)
	case c.SessionTimeout < 6*time.Second:
		return fmt.Errorf("kafka.session_timeout is %s; Kafka's own minimum is 6s", c.SessionTimeout)
	}
	return nil
}

// SpoolConfig says where and how a gateway keeps its events until Kafka has them.
type SpoolConfig struct {
	// Dir is the folder of this gateway's spool, on a disk that outlives the
	// process. Default .weir/spool.
	Dir string `koanf:"dir"`
	// MaxBytes bounds what waits for Kafka; beyond it new calls get 503. Default 8GiB.
	MaxBytes service.Bytes `koanf:"max_bytes"`
	// Fsync is never, interval or always. Default interval.
	Fsync spool.Fsync `koanf:"fsync"`
	// FsyncInterval is the time between two fsyncs under interval. Default 100ms.
	FsyncInterval time.Duration `koanf:"fsync_interval"`
}

// DefaultSpoolConfig is a spool of 8 GiB under .weir.
func DefaultSpoolConfig() SpoolConfig {
	return SpoolConfig{Dir: ".weir/spool", MaxBytes: 8 << 30, Fsync: spool.FsyncInterval, FsyncInterval: 100 * time.Millisecond}
}

// minSpoolBytes holds the largest call with its payload, some times over.
const minSpoolBytes = 8 << 20

// Validate names the field that cannot be and the remedy.
func (c SpoolConfig) Validate() error {
	switch {
	case c.Dir == "":
		return errors.New("gateway.spool.dir is empty; name a folder on a local disk")
	case c.MaxBytes < minSpoolBytes:
		return fmt.Errorf("gateway.spool.max_bytes is %s; it must be at least 8MiB", c.MaxBytes)
	case c.Fsync != spool.FsyncNever && c.Fsync != spool.FsyncInterval && c.Fsync != spool.FsyncAlways:
		return fmt.Errorf("gateway.spool.fsync is %q; it is never, interval or always", c.Fsync)
	case c.Fsync == spool.FsyncInterval && c.FsyncInterval <= 0:
		return fmt.Errorf("gateway.spool.fsync_interval is %s; it must be above 0", c.FsyncInterval)
	}
	return nil
}

// client opens a Kafka client; all of Weir's client options are made here.
func (c Config) client(log *slog.Logger, extra ...kgo.Opt) (*kgo.Client, error) {
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID("weir"),
		kgo.WithLogger(kafkaLog{log}),
		kgo.DisableClientMetrics(),
		kgo.MetadataMinAge(250 * time.Millisecond),
		kgo.RetryBackoffFn(backoff),
	}
	cl, err := kgo.NewClient(append(opts, extra...)...)
	if err != nil {
		return nil, fmt.Errorf("open kafka client: %w", err)
	}
	return cl, nil
}

// backoff doubles from 50 ms to 1 s: a broker that is back is found within a second.
func backoff(tries int) time.Duration {
	return min(50*time.Millisecond<<min(tries, 5), time.Second)
}

// producerOptions make a client whose flushes send one batch per partition, so
// that a partition's part of a flush is in Kafka whole or not at all.
func producerOptions() []kgo.Opt {
	return []kgo.Opt{
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ManualFlushing(),
		kgo.MaxBufferedRecords(1 << 20),
		kgo.ProducerBatchMaxBytes(maxBatchBytes),
		kgo.ProducerBatchCompression(kgo.Lz4Compression(), kgo.NoCompression()),
		kgo.UnknownTopicRetries(-1),
		kgo.StopProducerOnDataLossDetected(),
	}
}

// consumerOptions make a member of a group that commits only when it is told to.
func (c Config) consumerOptions(group string, topics []string) []kgo.Opt {
	return []kgo.Opt{
		kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		// Eager: every generation begins from what is committed, so there is one
		// way in which a partition's state comes to be.
		kgo.Balancers(kgo.StickyBalancer()),
		kgo.SessionTimeout(c.SessionTimeout),
		kgo.HeartbeatInterval(c.SessionTimeout / 5),
		kgo.RebalanceTimeout(30 * time.Second),
		// What is fetched ahead takes about ten times as much memory as on the wire.
		kgo.FetchMaxBytes(8 << 20),
		kgo.FetchMaxPartitionBytes(1 << 20),
		kgo.FetchMaxWait(time.Second),
	}
}

// kafkaLog passes the client's warnings and errors on.
type kafkaLog struct{ log *slog.Logger }

func (k kafkaLog) Level() kgo.LogLevel { return kgo.LogLevelWarn }

func (k kafkaLog) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	at := slog.LevelWarn
	if level == kgo.LogLevelError {
		at = slog.LevelError
	}
	k.log.Log(context.Background(), at, "kafka client: "+msg, keyvals...)
}
