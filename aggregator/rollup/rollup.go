package rollup

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"weir/clickhouse"
	"weir/internal/live"
	"weir/schemas"
)

// rollup collects events as minutes; hours and days are added up from them when
// it is sealed.
type rollup struct {
	extraTags []string

	series map[string]*series
	spare  []sums       // zero ones, made many at a time
	deltas *live.Deltas // what the days of the series do not say of live state
	lookup []byte       // scratch: the key that is looked up
	tags   []string     // scratch: the distinct tags of an event

	rows    int // of all three resolutions, as they will be inserted
	samples int // durations that the minutes hold
	texts   int // bytes of the groups
}

// series is one group with its minutes.
type series struct {
	key     string // the group, encoded: what series are sorted by
	group   group
	member  string  // of a key series: whose key it is, by its first event
	minutes []*sums // in the order of their first event
	hours   []int64 // those that have a row, likewise days
	days    []int64
}

// group is what a row is grouped by beside its time. The fields after provider
// are those of key rows alone and zero in the others.
type group struct {
	dimension                          clickhouse.Dimension
	org, value, model, provider        string
	project, groupID, endpoint, policy string
	originTitle, errorKind             string
	byok                               bool
}

// sums are the measures of one bucket of time. Token counts wrap as ClickHouse's
// own sums of 64 bits do; Weir's events hold at most 1e9 tokens of a kind.
type sums struct {
	start      int64 // of the bucket, seconds since the epoch
	lastOffset int64

	requests, errors, hits uint64
	tokens                 [5]int64 // input, cached input, cache write, output, reasoning
	cost, saved            clickhouse.Pico

	// Durations by bucket number. In a minute they are kept as they came, two
	// bytes each, and counted only once, at the end.
	latencies, ttfts []uint16
	few              [2][2]uint16 // where latencies and ttfts begin: most minutes of a user have one or two
	latency, ttft    []clickhouse.BucketCount

	// Of the minutes of key series only: live latency of plain calls and of
	// streams.
	live *[2]live.LatencySums
}

func (s *sums) add(o *sums) {
	s.lastOffset = max(s.lastOffset, o.lastOffset)
	s.requests += o.requests
	s.errors += o.errors
	s.hits += o.hits
	for i := range s.tokens {
		s.tokens[i] += o.tokens[i]
	}
	s.cost.AddPico(o.cost)
	s.saved.AddPico(o.saved)
}

func newRollup(extraTags []string) *rollup {
	return &rollup{extraTags: extraTags, series: make(map[string]*series), deltas: new(live.Deltas)}
}

// add counts the event of a record, which falls into the minute that holds the
// moment at; live spend counts it in the windows that its call was received in.
func (r *rollup) add(u *schemas.UsageRecorded, at, received time.Time, offset int64) {
	d, seconds := u.GetDimensions(), at.Unix()
	event := eventSums(u, offset)
	latency, ttft := schemas.BucketIndex(u.LatencyUs), schemas.BucketIndex(u.TtftUs)
	count := func(s *series) *sums {
		m := r.minute(s, seconds-seconds%60)
		m.add(&event)
		m.latencies = append(m.latencies, latency)
		r.samples++
		if u.TtftUs > 0 {
			m.ttfts = append(m.ttfts, ttft)
			r.samples++
		}
		return m
	}
	series := r.keySeries(u, d)
	m := count(series)
	if counts, sample := liveLatency(u); counts {
		if m.live == nil {
			m.live = new([2]live.LatencySums)
		}
		m.live[streamIndex(d.GetStream())].Add(sample)
	}
	count(r.valueSeries(clickhouse.ByUser, d.GetUserId(), u, d))
	r.tags = appendDistinctTags(r.tags[:0], d, r.extraTags)
	for _, tag := range r.tags {
		count(r.valueSeries(clickhouse.ByTag, tag, u, d))
	}
	r.correct(u, series, at, received)
}

// correct notes what the event changes in live spend that its day and its series do
// not say: a call that began before midnight, and a key that had another member.
// Both are rare, so that the series need not be finer for them.
func (r *rollup) correct(u *schemas.UsageRecorded, of *series, at, received time.Time) {
	r.deltas.AddUsage(u, false)
	member := u.GetDimensions().GetMemberId()
	if u.CostPico == 0 || at.Unix()/day == received.Unix()/day && member == of.member {
		return
	}
	// The event's texts, its tags among them, are windows into its record.
	owned := &schemas.UsageRecorded{Byok: u.Byok, Dimensions: &schemas.Dimensions{
		OrgId: strings.Clone(u.Dimensions.GetOrgId()), KeyId: strings.Clone(u.Dimensions.GetKeyId()),
		Project: strings.Clone(u.Dimensions.GetProject()), GroupId: strings.Clone(u.Dimensions.GetGroupId()),
		UserId: strings.Clone(u.Dimensions.GetUserId()),
	}}
	tags := make([]string, len(r.tags))
	for i, tag := range r.tags {
		tags[i] = strings.Clone(tag)
	}
	addSpend(r.deltas, owned, at, of.member, tags, -u.CostPico)
	addSpend(r.deltas, owned, received, strings.Clone(member), tags, u.CostPico)
}

func eventSums(u *schemas.UsageRecorded, offset int64) sums {
	t := u.GetTokens()
	s := sums{
		lastOffset: offset,
		requests:   1,
		tokens:     [...]int64{t.GetInput(), t.GetCachedInput(), t.GetCacheWrite(), t.GetOutput(), t.GetReasoning()},
		cost:       clickhouse.NewPico(u.CostPico),
		saved:      clickhouse.NewPico(u.SavedPico),
	}
	if u.ErrorKind != "" {
		s.errors = 1
	}
	if u.Cache == "HIT" {
		s.hits = 1
	}
	return s
}

// appendDistinctTags appends the event's tags and the extra entries that count
// as tags, each once.
func appendDistinctTags(tags []string, d *schemas.Dimensions, extraTags []string) []string {
	tags = append(tags, d.GetTags()...)
	for _, name := range extraTags {
		if value, ok := d.GetExtra()[name]; ok {
			tags = append(tags, name+"="+value)
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// minute returns the series' sums of the minute that starts at these seconds.
func (r *rollup) minute(s *series, start int64) *sums {
	// Events come nearly in order of time: the newest minute is tried first.
	for _, m := range slices.Backward(s.minutes) {
		if m.start == start {
			return m
		}
	}
	m := r.sums()
	m.start, m.latencies, m.ttfts = start, m.few[0][:0], m.few[1][:0]
	s.minutes = append(s.minutes, m)
	r.rows++
	s.hours = r.countBucket(s.hours, start-start%hour)
	s.days = r.countBucket(s.days, start-start%day)
	return m
}

// sums returns empty sums.
func (r *rollup) sums() *sums {
	if len(r.spare) == 0 {
		r.spare = make([]sums, 256)
	}
	s := &r.spare[0]
	r.spare = r.spare[1:]
	return s
}

// Lengths of buckets in seconds; a day is a UTC day.
const (
	hour = 3600
	day  = 24 * hour
)

func (r *rollup) countBucket(known []int64, start int64) []int64 {
	if slices.Contains(known, start) {
		return known
	}
	r.rows++
	return append(known, start)
}

func (r *rollup) keySeries(u *schemas.UsageRecorded, d *schemas.Dimensions) *series {
	b := append(r.lookup[:0], byte(clickhouse.ByKey))
	if u.Byok {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	r.lookup = appendTexts(b, d.GetOrgId(), d.GetKeyId(), u.Model, u.Provider, d.GetProject(),
		d.GetGroupId(), d.GetEndpoint(), d.GetPolicy(), d.GetOriginTitle(), u.ErrorKind)
	if s := r.series[string(r.lookup)]; s != nil {
		return s
	}
	s := r.newSeries(clickhouse.ByKey)
	s.member = strings.Clone(d.GetMemberId())
	g := &s.group
	g.byok = u.Byok
	readTexts(s.key[2:], &g.org, &g.value, &g.model, &g.provider, &g.project,
		&g.groupID, &g.endpoint, &g.policy, &g.originTitle, &g.errorKind)
	return s
}

func (r *rollup) valueSeries(by clickhouse.Dimension, value string, u *schemas.UsageRecorded, d *schemas.Dimensions) *series {
	r.lookup = appendTexts(append(r.lookup[:0], byte(by)), d.GetOrgId(), value, u.Model, u.Provider)
	if s := r.series[string(r.lookup)]; s != nil {
		return s
	}
	s := r.newSeries(by)
	g := &s.group
	readTexts(s.key[1:], &g.org, &g.value, &g.model, &g.provider)
	return s
}

// newSeries adds a series under the key that was just looked up. The texts of
// its group are windows into that key, not into the event, which does not
// outlive the record.
func (r *rollup) newSeries(by clickhouse.Dimension) *series {
	s := &series{key: string(r.lookup), group: group{dimension: by}}
	r.series[s.key] = s
	r.texts += len(s.key)
	return s
}

// appendTexts encodes texts so that no two lists of them encode alike.
func appendTexts(b []byte, texts ...string) []byte {
	for _, text := range texts {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	return b
}

// readTexts reads what appendTexts has encoded.
func readTexts(key string, texts ...*string) {
	for _, text := range texts {
		var prefix [binary.MaxVarintLen64]byte
		n, w := binary.Uvarint(prefix[:copy(prefix[:], key)])
		*text, key = key[w:w+int(n)], key[w+int(n):]
	}
}
