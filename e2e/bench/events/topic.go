package events

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const usageTopic = "weir.usage"

// chunkBytes is how much a gateway sends at once when it has that much: the partitions' parts of it are
// the batches that readers find.
const chunkBytes = 512 << 10

// topic writes into weir.usage: keys, headers, partitions, compression and batches as a gateway's.
type topic struct {
	client     *kgo.Client
	partitions uint32
}

func openTopic(ctx context.Context, broker string) (*topic, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(broker), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ManualFlushing(), kgo.MaxBufferedRecords(1<<20), kgo.ProducerBatchCompression(kgo.Lz4Compression()),
	)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	name := usageTopic
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{{Topic: &name}}
	answer, err := request.RequestWith(ctx, client)
	if err != nil {
		client.Close()
		return nil, fmt.Errorf("look for %s: %w", usageTopic, err)
	}
	if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) == 0 {
		client.Close()
		return nil, fmt.Errorf("look for %s: Kafka has no such topic", usageTopic)
	}
	return &topic{client, uint32(len(answer.Topics[0].Partitions))}, nil
}

// fill writes so many events and returns when Kafka has them.
func (t *topic) fill(ctx context.Context, g *generator, events int) error {
	failed := make(chan error, 1)
	size := 0
	for i := range events {
		e := g.next()
		t.client.Produce(ctx, &kgo.Record{
			Topic: usageTopic, Partition: int32(crc32.ChecksumIEEE([]byte(e.requestID)) % t.partitions),
			Key: []byte(e.requestID), Value: e.value,
			Headers: []kgo.RecordHeader{
				{Key: "request_id", Value: []byte(e.requestID)}, {Key: "node", Value: []byte(g.node)},
				{Key: "seq", Value: strconv.AppendUint(nil, e.seq, 10)},
			},
		}, func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
		if size += len(e.value); size < chunkBytes && i < events-1 {
			continue
		}
		size = 0
		if err := t.client.Flush(ctx); err != nil {
			return fmt.Errorf("write events: %w", err)
		}
		select {
		case err := <-failed:
			return fmt.Errorf("write events: %w", err)
		default:
		}
	}
	return nil
}

// behind is how many records of the topic a consumer group has not committed. It asks Kafka alone, so
// that asking costs the readers nothing.
func (t *topic) behind(ctx context.Context, group string) (int, error) {
	ends := kmsg.NewPtrListOffsetsRequest()
	end := kmsg.NewListOffsetsRequestTopic()
	end.Topic = usageTopic
	var partitions []int32
	for i := range int32(t.partitions) {
		partitions = append(partitions, i)
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = i, -1 // the latest
		end.Partitions = append(end.Partitions, p)
	}
	ends.Topics = append(ends.Topics, end)
	behind := 0
	for _, shard := range t.client.RequestSharded(ctx, ends) {
		if shard.Err != nil {
			return 0, fmt.Errorf("ask where %s ends: %w", usageTopic, shard.Err)
		}
		for _, topic := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range topic.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return 0, fmt.Errorf("ask where %s ends: %w", usageTopic, err)
				}
				behind += int(p.Offset)
			}
		}
	}
	fetch := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	g.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: usageTopic, Partitions: partitions}}
	fetch.Groups = append(fetch.Groups, g)
	for _, shard := range t.client.RequestSharded(ctx, fetch) {
		if shard.Err != nil {
			return 0, fmt.Errorf("ask for the offsets of %s: %w", group, shard.Err)
		}
		for _, g := range shard.Resp.(*kmsg.OffsetFetchResponse).Groups {
			// A group that has not begun is unknown to some brokers.
			if err := kerr.ErrorForCode(g.ErrorCode); err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
				return 0, fmt.Errorf("ask for the offsets of %s: %w", group, err)
			}
			for _, topic := range g.Topics {
				for _, p := range topic.Partitions {
					behind -= int(max(p.Offset, 0)) // -1 where nothing was committed
				}
			}
		}
	}
	return behind, nil
}
