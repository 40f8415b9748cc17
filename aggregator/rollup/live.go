package rollup

import (
	"math"
	"math/big"
	"time"

	"weir/clickhouse"
	"weir/internal/live"
	"weir/schemas"
)

// ReceivedAt is when an event's call was received: the windows of live spend go by
// it. At is when it happened, for events that do not say and for clocks that are
// wrong.
func ReceivedAt(u *schemas.UsageRecorded, at, appended time.Time) time.Time {
	if u.ReceivedAt == 0 {
		return at
	}
	received, skewed := schemas.OccurredAt(u.ReceivedAt, appended)
	if skewed {
		return at
	}
	return received
}

// AddLive adds one event, which happened at a moment and whose call was received
// at another, to live sums. It comes to the same as building a batch and asking for
// its Deltas, but for the reservations that end; restoring from the log uses it,
// since it needs no rows.
func AddLive(to *live.Deltas, u *schemas.UsageRecorded, at, received time.Time, extraTags []string) {
	d := u.GetDimensions()
	addSpend(to, u, received, d.GetMemberId(), appendDistinctTags(nil, d, extraTags), u.CostPico)
	if counts, sample := liveLatency(u); counts {
		to.AddLatency(at, u.Provider, u.Model, d.GetStream(), sample)
	}
}

// addSpend adds an event's cost, or takes it away, in all its dimensions.
func addSpend(to *live.Deltas, u *schemas.UsageRecorded, at time.Time, member string, tags []string, pico int64) {
	d := u.GetDimensions()
	addKeySpend(to, at, keyGroup{d.GetOrgId(), d.GetKeyId(), d.GetProject(), d.GetGroupId(), member, u.Byok}, pico)
	to.AddSpend(at, d.GetOrgId(), live.User, d.GetUserId(), pico)
	for _, tag := range tags {
		to.AddSpend(at, d.GetOrgId(), live.Tag, tag, pico)
	}
}

// keyGroup is what a key series says of whose spend it is; of other series, key is
// the value.
type keyGroup struct {
	org, key, project, group, member string
	byok                             bool
}

func addKeySpend(to *live.Deltas, at time.Time, g keyGroup, pico int64) {
	to.AddSpend(at, g.org, live.Org, "", pico)
	if !g.byok {
		to.AddSpend(at, g.org, live.Balance, "", pico)
	}
	to.AddSpend(at, g.org, live.Key, g.key, pico)
	for _, of := range [...]struct {
		dimension live.Dimension
		id        string
	}{{live.Project, g.project}, {live.Group, g.group}, {live.Member, g.member}} {
		if of.id != "" {
			to.AddSpend(at, g.org, of.dimension, of.id, pico)
		}
	}
}

// liveLatency returns what an event says about the speed of its model. Errors
// say nothing, since a model that fails fast is not a fast one, and neither do
// answers from the response cache.
func liveLatency(u *schemas.UsageRecorded) (counts bool, sample live.LatencySums) {
	if u.ErrorKind != "" || u.Cache == "HIT" || u.LatencyUs <= 0 {
		return false, sample
	}
	sample = live.LatencySums{Calls: 1, LatencyUS: u.LatencyUs}
	if u.TtftUs > 0 {
		sample.TTFTs, sample.TTFTUS = 1, u.TtftUs
	}
	return true, sample
}

func streamIndex(stream bool) int {
	if stream {
		return 1
	}
	return 0
}

// addLive adds what sealed buckets change in the live sums: the days have it all,
// but for the corrections that were noted event by event.
func addLive(deltas *live.Deltas, buckets []bucket) {
	var days run
	for _, b := range buckets {
		g := &b.group
		switch {
		case b.resolution == clickhouse.Day:
			next := run{by: g.dimension, start: b.start, keyGroup: keyGroup{g.org, g.value, g.project, g.groupID, b.member, g.byok}}
			if days.by != next.by || days.start != next.start || days.keyGroup != next.keyGroup {
				days.add(deltas)
				days = next
			}
			days.cost.AddPico(b.cost)
		case b.live != nil && b.resolution == clickhouse.Minute:
			for i, sample := range b.live {
				if sample.Calls > 0 {
					deltas.AddLatency(time.Unix(b.start, 0), g.provider, g.model, i == 1, sample)
				}
			}
		}
	}
	days.add(deltas)
}

// run is days that live spend does not tell apart, as those of one user with
// different models, which come one after the other.
type run struct {
	by    clickhouse.Dimension
	start int64
	keyGroup
	cost clickhouse.Pico
}

func (r *run) add(to *live.Deltas) {
	at, pico := time.Unix(r.start, 0), saturated(r.cost.Big())
	switch r.by {
	case clickhouse.ByKey:
		addKeySpend(to, at, r.keyGroup, pico)
	case clickhouse.ByUser:
		to.AddSpend(at, r.org, live.User, r.key, pico)
	case clickhouse.ByTag:
		to.AddSpend(at, r.org, live.Tag, r.key, pico)
	}
}

// saturated is the amount, or the end of int64 that it is beyond.
func saturated(pico *big.Int) int64 {
	switch {
	case pico.IsInt64():
		return pico.Int64()
	case pico.Sign() < 0:
		return math.MinInt64
	default:
		return math.MaxInt64
	}
}
