package rollup

import (
	"math"
	"math/big"
	"time"

	"weir/clickhouse"
	"weir/internal/live"
	"weir/schemas"
)

// AddLive adds one event, which happened at a moment, to live sums. It comes to
// the same as building a batch and asking for its Deltas; restoring from the log
// uses it, since it needs no rows.
func AddLive(to *live.Deltas, u *schemas.UsageRecorded, at time.Time, extraTags []string) {
	d := u.GetDimensions()
	to.AddSpend(at, d.GetOrgId(), live.Org, "", u.CostPico)
	to.AddSpend(at, d.GetOrgId(), live.Key, d.GetKeyId(), u.CostPico)
	to.AddSpend(at, d.GetOrgId(), live.User, d.GetUserId(), u.CostPico)
	for _, tag := range appendDistinctTags(nil, d, extraTags) {
		to.AddSpend(at, d.GetOrgId(), live.Tag, tag, u.CostPico)
	}
	if counts, sample := liveLatency(u); counts {
		to.AddLatency(at, u.Provider, u.Model, d.GetStream(), sample)
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

// liveDeltas returns what sealed buckets change in the live sums.
func liveDeltas(buckets []bucket) *live.Deltas {
	deltas := new(live.Deltas)
	for _, b := range buckets {
		g, at := &b.group, time.Unix(b.start, 0)
		switch {
		case b.resolution == clickhouse.Day:
			pico := saturated(b.cost.Big())
			switch g.dimension {
			case clickhouse.ByKey:
				deltas.AddSpend(at, g.org, live.Key, g.value, pico)
				deltas.AddSpend(at, g.org, live.Org, "", pico)
			case clickhouse.ByUser:
				deltas.AddSpend(at, g.org, live.User, g.value, pico)
			case clickhouse.ByTag:
				deltas.AddSpend(at, g.org, live.Tag, g.value, pico)
			}
		case b.live != nil && b.resolution == clickhouse.Minute:
			for i, sample := range b.live {
				if sample.Calls > 0 {
					deltas.AddLatency(at, g.provider, g.model, i == 1, sample)
				}
			}
		}
	}
	return deltas
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
