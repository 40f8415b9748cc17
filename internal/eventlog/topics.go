package eventlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"weir/schemas"
)

// topicConfig is what a topic is created with and checked for at every start.
func (c Config) topicConfig(t schemas.Topic) map[string]string {
	m := map[string]string{
		"cleanup.policy":         "delete",
		"message.timestamp.type": "LogAppendTime",
		"retention.ms":           "-1",
	}
	if t == schemas.TopicPayloads {
		m["retention.ms"] = strconv.FormatInt(c.PayloadRetention.Milliseconds(), 10)
	} else {
		m["retention.bytes"] = "-1"
	}
	if c.ReplicationFactor >= 3 {
		m["min.insync.replicas"] = "2"
		m["unclean.leader.election.enable"] = "false"
	}
	return m
}

// checked are the configurations whose wrong value loses events or disorders time.
var checked = []string{"cleanup.policy", "retention.ms", "retention.bytes", "message.timestamp.type", "min.insync.replicas", "unclean.leader.election.enable"}

// EnsureControlTopic creates weir.control where it is missing and checks it.
func EnsureControlTopic(ctx context.Context, c Config, log *slog.Logger) error {
	return ensure(ctx, c, log, map[schemas.Topic]int32{schemas.TopicControl: 1})
}

// EnsureTopics creates the event topics that are missing, with the given number
// of partitions, and checks those that exist: a topic that expires, is
// compacted or has fewer partitions than the control log says is an error that
// names the remedy.
func EnsureTopics(ctx context.Context, c Config, partitions int32, log *slog.Logger) error {
	want := map[schemas.Topic]int32{schemas.TopicDead: 1}
	for _, t := range schemas.EventTopics() {
		want[t] = partitions
	}
	return ensure(ctx, c, log, want)
}

func ensure(ctx context.Context, c Config, log *slog.Logger, want map[schemas.Topic]int32) error {
	cl, err := c.client(log)
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	have, err := adm.ListTopics(ctx)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	for t, n := range want {
		d, ok := have[string(t)]
		if ok && d.Err == nil {
			if len(d.Partitions) < int(n) {
				return fmt.Errorf("topic %s has %d partitions and the control log says %d; add partitions to the topic", t, len(d.Partitions), n)
			}
			continue
		}
		if err := create(ctx, adm, c, t, n); err != nil {
			return err
		}
	}
	// What was just created is on its way to the brokers.
	settle, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	for {
		err := checkAll(ctx, adm, c, want)
		if !kerr.IsRetriable(err) {
			return err
		}
		select {
		case <-settle.Done():
			return err
		case <-time.After(retryFirst):
		}
	}
}

// settleLimit is how long brokers may take until they know of a new topic and its leaders.
const settleLimit = 15 * time.Second

// checkAll sees that every partition has its leader and every topic its settings.
func checkAll(ctx context.Context, adm *kadm.Client, c Config, want map[schemas.Topic]int32) error {
	names := make([]string, 0, len(want))
	for t := range want {
		names = append(names, string(t))
	}
	have, err := adm.ListTopics(ctx, names...)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	for t := range want {
		d := have[string(t)]
		if d.Err != nil {
			return fmt.Errorf("list topic %s: %w", t, d.Err)
		}
		for n, p := range d.Partitions {
			if p.Err != nil {
				return fmt.Errorf("list partition %s/%d: %w", t, n, p.Err)
			}
		}
		if err := check(ctx, adm, t, c.topicConfig(t)); err != nil {
			return err
		}
	}
	return nil
}

func create(ctx context.Context, adm *kadm.Client, c Config, t schemas.Topic, partitions int32) error {
	configs := make(map[string]*string)
	for k, v := range c.topicConfig(t) {
		configs[k] = &v
	}
	_, err := adm.CreateTopic(ctx, partitions, c.ReplicationFactor, configs, string(t))
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create topic %s: %w", t, err)
	}
	return nil
}

func check(ctx context.Context, adm *kadm.Client, t schemas.Topic, want map[string]string) error {
	found, err := adm.DescribeTopicConfigs(ctx, string(t))
	if err != nil {
		return fmt.Errorf("describe topic %s: %w", t, err)
	}
	for _, rc := range found {
		if rc.Err != nil {
			return fmt.Errorf("describe topic %s: %w", t, rc.Err)
		}
		for _, name := range checked {
			expected, ok := want[name]
			if !ok {
				continue
			}
			for _, kv := range rc.Configs {
				if kv.Key != name || kv.Value == nil || strings.EqualFold(*kv.Value, expected) {
					continue
				}
				return fmt.Errorf("topic %s has %s=%s and must have %s; set it with kafka-configs --alter --topic %s --add-config %s=%s", t, name, *kv.Value, expected, t, name, expected)
			}
		}
	}
	return nil
}
