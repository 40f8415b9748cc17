package rollup

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"weir/clickhouse"
	"weir/schemas"
)

// bucket is one row to be: a series, a resolution and the sums of one bucket of
// time.
type bucket struct {
	*series
	resolution clickhouse.Resolution
	*sums
}

// seal returns the buckets of all resolutions in an order that depends on the
// events alone: by group, then its days, hours and minutes, each by time.
func (r *rollup) seal() []bucket {
	ordered := make([]*series, 0, len(r.series))
	for _, s := range r.series {
		ordered = append(ordered, s)
	}
	slices.SortFunc(ordered, func(a, b *series) int { return strings.Compare(a.key, b.key) })

	counts := &counter{rollup: r}
	buckets := make([]bucket, 0, r.rows)
	for _, s := range ordered {
		slices.SortFunc(s.minutes, func(a, b *sums) int { return cmp.Compare(a.start, b.start) })
		for _, m := range s.minutes {
			m.latency, m.ttft = counts.samples(m.latencies), counts.samples(m.ttfts)
			m.latencies, m.ttfts = nil, nil
		}
		hours := counts.coarser(s.minutes, hour)
		for _, b := range counts.coarser(hours, day) {
			buckets = append(buckets, bucket{s, clickhouse.Day, b})
		}
		for _, b := range hours {
			buckets = append(buckets, bucket{s, clickhouse.Hour, b})
		}
		for _, b := range s.minutes {
			buckets = append(buckets, bucket{s, clickhouse.Minute, b})
		}
	}
	return buckets
}

// row is the bucket as ClickHouse takes it.
func (b *bucket) row() clickhouse.RollupRow {
	g := &b.group
	return clickhouse.RollupRow{
		Dimension: g.dimension, Resolution: b.resolution, Bucket: time.Unix(b.start, 0).UTC(),
		OrgID: g.org, Value: g.value, Model: g.model, Provider: g.provider,
		Project: g.project, GroupID: g.groupID, Endpoint: g.endpoint, Policy: g.policy,
		BYOK: g.byok, OriginTitle: g.originTitle, ErrorKind: g.errorKind,
		LastOffset: b.lastOffset,
		Requests:   b.requests, Errors: b.errors, CacheHits: b.hits,
		InputTokens: b.tokens[0], CachedInputTokens: b.tokens[1], CacheWriteTokens: b.tokens[2],
		OutputTokens: b.tokens[3], ReasoningTokens: b.tokens[4],
		Cost: b.cost, Saved: b.saved,
		Latency: b.latency, TTFT: b.ttft,
	}
}

// counter counts by bucket.
type counter struct {
	*rollup                          // gives sums
	counts  [schemas.Buckets]uint64  // scratch: all zero between calls
	spare   []clickhouse.BucketCount // made many at a time
}

// histogram returns an empty one with room for n buckets and no more.
func (c *counter) histogram(n int) []clickhouse.BucketCount {
	if n > len(c.spare) {
		c.spare = make([]clickhouse.BucketCount, max(n, 1024))
	}
	h := c.spare[:0:n]
	c.spare = c.spare[n:]
	return h
}

// fewSamples is up to where sorting is cheaper than a walk over all buckets.
const fewSamples = 64

// samples counts bucket numbers. It may reorder them.
func (c *counter) samples(numbers []uint16) []clickhouse.BucketCount {
	if len(numbers) > fewSamples {
		for _, b := range numbers {
			c.counts[b]++
		}
		return c.take()
	}
	if len(numbers) == 0 {
		return nil
	}
	slices.Sort(numbers)
	h := c.histogram(len(numbers))
	for i, b := range numbers {
		if i == 0 || b != numbers[i-1] {
			h = append(h, clickhouse.BucketCount{Bucket: b})
		}
		h[len(h)-1].Count++
	}
	return h
}

// take returns what was counted and clears it.
func (c *counter) take() []clickhouse.BucketCount {
	distinct := 0
	for _, n := range c.counts {
		if n > 0 {
			distinct++
		}
	}
	if distinct == 0 {
		return nil
	}
	h := c.histogram(distinct)
	for b, n := range c.counts {
		if n > 0 {
			h = append(h, clickhouse.BucketCount{Bucket: uint16(b), Count: n})
			c.counts[b] = 0
		}
	}
	return h
}

// coarser adds up buckets of one series, which are in order of time, into longer
// ones of so many seconds. A longer one that holds a single shorter one shares
// its histograms, which nothing changes any more.
func (c *counter) coarser(fine []*sums, length int64) []*sums {
	var coarse []*sums
	for len(fine) > 0 {
		sum, n := c.sums(), 1
		*sum = *fine[0]
		sum.start -= sum.start % length
		for n < len(fine) && fine[n].start-fine[n].start%length == sum.start {
			sum.add(fine[n])
			n++
		}
		if n > 1 {
			sum.latency = c.sum(fine[:n], func(s *sums) []clickhouse.BucketCount { return s.latency })
			sum.ttft = c.sum(fine[:n], func(s *sums) []clickhouse.BucketCount { return s.ttft })
		}
		coarse = append(coarse, sum)
		fine = fine[n:]
	}
	return coarse
}

// sum adds up one histogram of several buckets of time.
func (c *counter) sum(fine []*sums, of func(*sums) []clickhouse.BucketCount) []clickhouse.BucketCount {
	n := 0
	for _, f := range fine {
		n += len(of(f))
	}
	if n == 0 {
		return nil
	}
	if n > fewSamples {
		for _, f := range fine {
			for _, b := range of(f) {
				c.counts[b.Bucket] += b.Count
			}
		}
		return c.take()
	}
	all := c.histogram(n)
	for _, f := range fine {
		all = append(all, of(f)...)
	}
	slices.SortFunc(all, func(a, b clickhouse.BucketCount) int { return cmp.Compare(a.Bucket, b.Bucket) })
	distinct := all[:0]
	for _, b := range all {
		if last := len(distinct) - 1; last >= 0 && distinct[last].Bucket == b.Bucket {
			distinct[last].Count += b.Count
			continue
		}
		distinct = append(distinct, b)
	}
	return distinct
}
