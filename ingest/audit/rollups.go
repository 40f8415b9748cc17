package audit

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"weir/clickhouse"
	"weir/internal/eventlog"
	"weir/schemas"
)

const (
	// minutesKept is how long rollups of a minute are sure to be there.
	minutesKept = 7*24*time.Hour - time.Hour
	// settleFor is how long an audit looks for a moment at which a bucket that
	// still grows can be compared, settleEvery how often it looks.
	settleFor   = 30 * time.Second
	settleEvery = 100 * time.Millisecond
	// maxDetails is how many buckets are looked into group by group.
	maxDetails = 20
)

// compareRollups compares each rollup with usage, by bucket of time and Kafka
// partition.
//
// Below what ingest and the aggregator have both committed, usage and rollups
// hold the same events. A bucket holds more when a batch is inserted and not
// yet committed; its greatest offset tells. So what differs is looked at again
// until its greatest offset lies below what is committed.
func (a *run) compareRollups(ctx context.Context) error {
	c := rollupComparison{run: a, minutes: a.now.Add(-minutesKept).UTC().Truncate(time.Hour).Add(time.Hour)}
	if expire := a.db.RetentionStart(a.now); !expire.IsZero() {
		// A day that has partly expired cannot be compared.
		c.since = expire.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	}
	var err error
	if c.generation, err = a.db.ActiveGeneration(ctx); err != nil {
		return err
	}
	if c.extraTags, c.tagsKnown, err = a.db.ExtraTags(ctx, c.generation); err != nil {
		return err
	}
	if c.upto, err = c.common(ctx); err != nil {
		return err
	}
	c.usage, err = a.db.UsageSums(ctx, clickhouse.UsageSpan{Upto: c.upto, Since: c.since, Minutes: c.minutes, ExtraTags: c.extraTags})
	if err != nil {
		return err
	}
	rollups, err := a.db.RollupSums(ctx, c.generation, c.minutes, c.since, nil)
	if err != nil {
		return err
	}
	differ := make(map[clickhouse.RollupBucket]bool)
	for b, sum := range c.usage {
		if !sum.Same(rollups[b]) {
			differ[b] = true
		}
	}
	for b, sum := range rollups {
		if !sum.Same(c.usage[b]) {
			differ[b] = true
		}
	}
	if !c.tagsKnown {
		if n := len(differ); n > 0 {
			maps.DeleteFunc(differ, func(b clickhouse.RollupBucket, _ bool) bool { return b.Dimension == clickhouse.ByTag })
			if len(differ) < n {
				a.report.note("rollups by tag were not compared: the aggregator has not noted its extra_tags at the table; start it once")
			}
		}
	}
	off, err := c.settle(ctx, slices.SortedFunc(maps.Keys(differ), compareBuckets))
	if err != nil {
		return err
	}
	return c.tell(ctx, off)
}

// rollupComparison is what the rollups are compared with.
type rollupComparison struct {
	*run
	generation int // that the views read
	extraTags  []string
	tagsKnown  bool
	minutes    time.Time // minutes are compared from here on
	since      time.Time // all are
	upto       map[int32]int64
	usage      map[clickhouse.RollupBucket]clickhouse.RollupSum // of the offsets below upto
}

// offBucket is a bucket that differs.
type offBucket struct {
	clickhouse.RollupBucket
	found, expected clickhouse.RollupSum
	upto            int64 // the offset below which both were summed
}

// common returns up to where each partition of usage is both in the facts and
// in the rollups.
func (c *rollupComparison) common(ctx context.Context) (map[int32]int64, error) {
	facts, err := c.kafka.Committed(ctx, schemas.GroupIngest)
	if err != nil {
		return nil, err
	}
	rollups, err := c.kafka.Committed(ctx, schemas.GroupAggregator(c.generation))
	if err != nil {
		return nil, err
	}
	upto := make(map[int32]int64)
	for p := range c.run.upto.of(schemas.TopicUsage) {
		id := eventlog.PartitionID{Topic: schemas.TopicUsage, Partition: p}
		upto[p] = min(facts[id], rollups[id])
	}
	return upto, nil
}

// settle looks at buckets again until each one is equal or surely differs.
func (c *rollupComparison) settle(ctx context.Context, differ []clickhouse.RollupBucket) ([]offBucket, error) {
	var off []offBucket
	deadline := time.Now().Add(settleFor)
	for first := true; len(differ) > 0; first = false {
		if !first {
			if time.Now().After(deadline) {
				c.report.note("%d buckets of rollups were not compared: they hold events that ingest or the aggregator has not committed; the first is %s", len(differ), differ[0])
				return off, nil
			}
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(settleEvery):
			}
		}
		upto, err := c.common(ctx)
		if err != nil {
			return nil, err
		}
		for p, offset := range c.upto {
			upto[p] = max(upto[p], offset)
		}
		rollups, err := c.db.RollupSums(ctx, c.generation, c.minutes, c.since, differ)
		if err != nil {
			return nil, err
		}
		// An offset that the log has not reached was made up.
		_, ends, err := c.kafka.AllBounds(ctx, schemas.TopicUsage)
		if err != nil {
			return nil, err
		}
		end := places(ends).of(schemas.TopicUsage)
		since, err := c.db.UsageSums(ctx, clickhouse.UsageSpan{From: c.upto, Upto: upto, Since: c.since, Minutes: c.minutes, ExtraTags: c.extraTags})
		if err != nil {
			return nil, err
		}
		var unsettled []clickhouse.RollupBucket
		for _, b := range differ {
			found := rollups[b]
			if _, there := rollups[b]; there && found.LastOffset >= upto[b.Partition] && found.LastOffset < end[b.Partition] {
				unsettled = append(unsettled, b)
				continue
			}
			expected := clickhouse.RollupSum{
				Requests: c.usage[b].Requests + since[b].Requests, Checksum: c.usage[b].Checksum + since[b].Checksum,
			}
			if !found.Same(expected) {
				off = append(off, offBucket{b, found, expected, upto[b.Partition]})
			}
		}
		differ = unsettled
	}
	return off, nil
}

// tell reports the buckets, the first ones group by group.
func (c *rollupComparison) tell(ctx context.Context, off []offBucket) error {
	usageOff := make(map[int32]bool)
	for _, f := range c.report.Findings {
		if f.Topic == schemas.TopicUsage && f.Kind != LogGap && f.Kind != LogBehind {
			usageOff[*f.Partition] = true
		}
	}
	for i, b := range off {
		bucket := time.Unix(b.Bucket, 0).UTC()
		f := Finding{Kind: RollupDiffers, Rollup: b.String(), Bucket: &bucket, Partition: &b.Partition, Count: 1}
		f.Detail = fmt.Sprintf("%d requests, expected %d", b.found.Requests, b.expected.Requests)
		if i < maxDetails {
			groups, n, err := c.db.RollupDifferences(ctx, c.generation, b.RollupBucket, b.upto, c.extraTags, 1)
			if err != nil {
				return err
			}
			if n > 0 {
				g := groups[0]
				f.Count = n
				f.Detail = fmt.Sprintf("org %q value %q model %q provider %q: %s is %s, expected %s", g.OrgID, g.Value, g.Model, g.Provider, g.Measure, g.Found, g.Expected)
			}
		}
		if usageOff[b.Partition] {
			f.Detail += "; usage has findings of its own here: `ingest repair` first"
		} else {
			f.Detail += "; `aggregator rebuild` makes the rollups anew"
		}
		c.report.add(f)
	}
	return nil
}

func compareBuckets(a, b clickhouse.RollupBucket) int {
	return cmp.Or(cmp.Compare(a.Dimension, b.Dimension), cmp.Compare(a.Resolution, b.Resolution), cmp.Compare(a.Bucket, b.Bucket), cmp.Compare(a.Partition, b.Partition))
}
