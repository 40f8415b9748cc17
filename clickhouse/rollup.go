package clickhouse

import (
	"context"
	"time"
)

// Dimension is what a rollup row is grouped by, beside model and provider.
type Dimension int8

// The dimensions, as the table's Enum8 numbers them.
const (
	ByKey Dimension = iota + 1
	ByUser
	ByTag
)

// Resolution is the length of a rollup's bucket of time.
type Resolution int8

// The resolutions, as the table's Enum8 numbers them.
const (
	Minute Resolution = iota + 1
	Hour
	Day
)

// Start returns the beginning of the bucket that holds the time.
func (r Resolution) Start(t time.Time) time.Time {
	switch r {
	case Minute:
		return t.UTC().Truncate(time.Minute)
	case Hour:
		return t.UTC().Truncate(time.Hour)
	default:
		return t.UTC().Truncate(24 * time.Hour)
	}
}

// RollupRow is a partial sum over the events of one batch: rows of the same key
// add up, whichever batch or Kafka partition they come from.
type RollupRow struct {
	Dimension  Dimension
	Resolution Resolution
	Bucket     time.Time // Resolution.Start of the events' time
	OrgID      string
	Value      string // key id, user id or tag
	Model      string
	Provider   string

	// Of key rollups only, empty in the others.
	Project, GroupID, Endpoint, Policy string
	BYOK                               bool
	OriginTitle, ErrorKind             string

	// LastOffset is the greatest offset of the events in the row.
	LastOffset int64

	Requests, Errors, CacheHits uint64

	InputTokens, CachedInputTokens, CacheWriteTokens, OutputTokens, ReasoningTokens int64

	Cost, Saved Pico

	// Latency and TTFT are histograms over schemas.BucketIndex, ascending by
	// bucket.
	Latency, TTFT []BucketCount
}

// BucketCount is one bucket of a histogram.
type BucketCount struct {
	Bucket uint16
	Count  uint64
}

// RollupBlock is the rollup rows of one batch of one Kafka partition.
type RollupBlock struct {
	block
	generation int
	partition  int32

	dimension, resolution  numbers[int8]
	bucket                 numbers[uint32]
	orgID                  names
	value                  text
	model, provider        names
	project, groupID       names
	endpoint, policy       names
	byok                   flags
	originTitle, errorKind names
	kafkaPartition         numbers[int32]
	lastOffset             numbers[int64]
	requests, errors, hits numbers[uint64]
	tokens                 [5]numbers[int64]
	cost, saved            money
	latency, ttft          histogram
}

type histogram = mapping[*numbers[uint16], *numbers[uint64]]

func newHistogram() histogram {
	return histogram{keys: new(numbers[uint16]), values: new(numbers[uint64])}
}

// NewRollupBlock returns an empty block for the tables of a generation (1, or a
// rebuild's) and one Kafka partition of weir.usage.
func NewRollupBlock(generation int, partition int32) *RollupBlock {
	b := &RollupBlock{generation: generation, partition: partition, latency: newHistogram(), ttft: newHistogram()}
	const (
		low  = "LowCardinality(String)"
		sumU = "SimpleAggregateFunction(sum, UInt64)"
		sumI = "SimpleAggregateFunction(sum, Int64)"
		sumD = "SimpleAggregateFunction(sum, Decimal(38, 12))"
		hist = "SimpleAggregateFunction(sumMap, Map(UInt16, UInt64))"
	)
	b.block = block{table: rollupsTable(generation), columns: []field{
		{"dimension", "Enum8('key' = 1, 'user' = 2, 'tag' = 3)", &b.dimension},
		{"resolution", "Enum8('1m' = 1, '1h' = 2, '1d' = 3)", &b.resolution},
		{"bucket", "DateTime('UTC')", &b.bucket},
		{"org_id", low, &b.orgID},
		{"value", "String", &b.value},
		{"model", low, &b.model},
		{"provider", low, &b.provider},
		{"project", low, &b.project},
		{"group_id", low, &b.groupID},
		{"endpoint", low, &b.endpoint},
		{"policy", low, &b.policy},
		{"byok", "Bool", &b.byok},
		{"origin_title", low, &b.originTitle},
		{"error_kind", low, &b.errorKind},
		{"kafka_partition", "Int32", &b.kafkaPartition},
		{"last_offset", "SimpleAggregateFunction(max, Int64)", &b.lastOffset},
		{"requests", sumU, &b.requests},
		{"errors", sumU, &b.errors},
		{"cache_hits", sumU, &b.hits},
		{"input_tokens", sumI, &b.tokens[0]},
		{"cached_input_tokens", sumI, &b.tokens[1]},
		{"cache_write_tokens", sumI, &b.tokens[2]},
		{"output_tokens", sumI, &b.tokens[3]},
		{"reasoning_tokens", sumI, &b.tokens[4]},
		{"cost_usd", sumD, &b.cost},
		{"saved_usd", sumD, &b.saved},
		{"latency", hist, &b.latency},
		{"ttft", hist, &b.ttft},
	}}
	return b
}

// GrowHistograms makes room for so many more buckets of the histograms of latency
// and time to first token. It is only about speed.
func (b *RollupBlock) GrowHistograms(latency, ttft int) {
	b.latency.keys.grow(latency)
	b.latency.values.grow(latency)
	b.ttft.keys.grow(ttft)
	b.ttft.values.grow(ttft)
}

// Append adds a row. The row may be used again afterwards.
func (b *RollupBlock) Append(r *RollupRow) {
	b.dimension.add(int8(r.Dimension))
	b.resolution.add(int8(r.Resolution))
	b.bucket.add(uint32(r.Bucket.Unix()))
	b.orgID.add(r.OrgID)
	b.value.add(r.Value)
	b.model.add(r.Model)
	b.provider.add(r.Provider)
	b.project.add(r.Project)
	b.groupID.add(r.GroupID)
	b.endpoint.add(r.Endpoint)
	b.policy.add(r.Policy)
	b.byok.add(r.BYOK)
	b.originTitle.add(r.OriginTitle)
	b.errorKind.add(r.ErrorKind)
	b.kafkaPartition.add(b.partition)
	b.lastOffset.add(r.LastOffset)
	b.requests.add(r.Requests)
	b.errors.add(r.Errors)
	b.hits.add(r.CacheHits)
	for i, n := range [...]int64{r.InputTokens, r.CachedInputTokens, r.CacheWriteTokens, r.OutputTokens, r.ReasoningTokens} {
		b.tokens[i].add(n)
	}
	b.cost.values = append(b.cost.values, r.Cost)
	b.saved.values = append(b.saved.values, r.Saved)
	addHistogram(&b.latency, r.Latency)
	addHistogram(&b.ttft, r.TTFT)
}

func addHistogram(h *histogram, counts []BucketCount) {
	for _, c := range counts {
		h.keys.add(c.Bucket)
		h.values.add(c.Count)
	}
	h.end()
}

// Rows is the number of rows in the block.
func (b *RollupBlock) Rows() int { return b.rows() }

// InsertRollups writes the block under the deduplication token and leaves it as
// it was.
func (db *DB) InsertRollups(ctx context.Context, token string, b *RollupBlock) error {
	return db.insert(ctx, token, &b.block)
}
