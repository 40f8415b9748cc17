package eventlog

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"weir/schemas"
)

// OpenCall is a call that its node will not complete.
type OpenCall struct {
	Request *schemas.RequestReceived
	// Responded and Recorded say which half of the outcome is in the log already.
	Responded, Recorded bool
}

// CloseCalls writes the outcomes of calls that a retired node left open, as
// abandoned, straight into Kafka under the node id closer, with seqs from 1 in
// the order of the request ids, and returns the last. Doing it again with the
// same calls is harmless: readers drop what they have seen, since each
// partition gets the same events in the same order.
func CloseCalls(ctx context.Context, c Config, partitions int32, closer string, calls []OpenCall, logger *slog.Logger) (last uint64, err error) {
	calls = slices.SortedFunc(slices.Values(calls), func(a, b OpenCall) int {
		return strings.Compare(a.Request.RequestId, b.Request.RequestId)
	})
	j := &Journal{node: closer, partitions: partitions}
	now := time.Now()
	var records []*kgo.Record
	for _, call := range calls {
		resp, u := abandoned(call.Request, now)
		entries, err := j.encodeOutcome(resp, u, nil)
		if err != nil {
			return 0, err
		}
		for _, e := range entries {
			if e.topic == schemas.TopicResponses && call.Responded || e.topic == schemas.TopicUsage && call.Recorded {
				continue
			}
			last++
			e.seq = last
			e.value = binary.AppendUvarint(append(e.value, seqTag), e.seq)
			records = append(records, toKafka(closer, e))
		}
	}
	cl, err := c.client(logger, producerOptions()...)
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	// What is in flight of a partition is one batch, and the next goes when all of
	// it is there, as from a spool: a run that is cut off leaves no disorder.
	for _, part := range parts(records, chunkBytes) {
		if err := produce(ctx, cl, part); err != nil {
			return 0, fmt.Errorf("write the outcomes of open calls; run it again: %w", err)
		}
	}
	return last, nil
}
