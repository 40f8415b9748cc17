package eventlog

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"

	"weir/schemas"
)

// OffsetCommand is the command that a consumer's errors name as the way on; its
// fields are read by kong.
type OffsetCommand struct {
	Topic     schemas.Topic `required:"" help:"The topic."`
	Partition int32         `required:"" help:"The partition."`
	To        string        `required:"" help:"An offset, or earliest for the oldest record that the log still holds."`
}

// Set sets the offset of the group, which reads the topics, and says so.
func (o OffsetCommand) Set(ctx context.Context, c Config, group string, topics []schemas.Topic, logger *slog.Logger) error {
	if !slices.Contains(topics, o.Topic) {
		return fmt.Errorf("group %s does not read topic %s; it reads %v", group, o.Topic, topics)
	}
	offset, err := SetOffset(ctx, c, group, o.Topic, o.Partition, o.To, logger)
	if err != nil {
		return err
	}
	logger.Info("offset set", "group", group, "topic", o.Topic, "partition", o.Partition, "offset", offset)
	return nil
}

// SetOffset commits where a group goes on in one partition: an offset, or
// "earliest" for the oldest record that the log still holds. It is the way on
// after records expired before they were delivered, and is refused while the
// group has members, and to somewhere before what it has delivered, which would
// be delivered twice. It returns the offset.
func SetOffset(ctx context.Context, c Config, group string, t schemas.Topic, partition int32, to string, logger *slog.Logger) (int64, error) {
	log, err := OpenLog(c, logger)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	start, end, err := log.Bounds(ctx, t, partition)
	if err != nil {
		return 0, err
	}
	offset := start
	if to != "earliest" {
		if offset, err = strconv.ParseInt(to, 10, 64); err != nil {
			return 0, fmt.Errorf("offset %q is neither a number nor earliest", to)
		}
	}
	if offset < start || offset > end {
		return 0, fmt.Errorf("offset %d is outside of %s/%d, which holds %d to %d", offset, t, partition, start, end-1)
	}
	adm := kadm.NewClient(log.client)
	groups, err := adm.DescribeGroups(ctx, group)
	if err != nil {
		return 0, fmt.Errorf("describe group %s: %w", group, err)
	}
	if n := len(groups[group].Members); n > 0 {
		return 0, fmt.Errorf("group %s has %d members; stop them first", group, n)
	}
	committed, err := log.Committed(ctx, group)
	if err != nil {
		return 0, err
	}
	// One behind the end of the log is of another log, and says nothing of this one.
	at, ok := committed[PartitionID{Topic: t, Partition: partition}]
	switch {
	case ok && offset == at: // a commit would take away the announced batch
		return offset, nil
	case ok && offset < at && at <= end:
		return 0, fmt.Errorf("group %s has delivered %s/%d up to offset %d; from %d on its records would be counted twice; `ingest repair` puts back rows, `aggregator rebuild` makes rollups anew", group, t, partition, at-1, offset)
	}
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: string(t), Partition: partition, At: offset, LeaderEpoch: -1})
	if err := adm.CommitAllOffsets(ctx, group, offsets); err != nil {
		return 0, fmt.Errorf("commit offset: %w", err)
	}
	return offset, nil
}
