package live

import (
	"maps"
	"math"
	"reflect"
	"time"
)

// Deltas are changes of live sums, by scope. The zero value is empty and takes
// everything.
type Deltas struct {
	spend        map[string]map[budget]int64 // by organisation
	reservations map[string]*reservations    // likewise
	latency      map[latencyKey]LatencySums
	size         int

	openAt time.Time // only what is open then is taken; everything when zero

	// The windows of the newest moment: most calls are of the same day.
	epochDay         int64
	day, week, month Window
}

// OpenAt returns empty deltas that take only what is open at a moment or later:
// days and months that end after it, and minutes that live latency still shows.
func OpenAt(now time.Time) *Deltas { return &Deltas{openAt: now} }

type latencyKey struct {
	provider, model string
	minute          int64 // start, seconds since the epoch
	stream          bool
}

// LatencySums are what live latency adds up, in microseconds. TTFTs counts the
// calls that had a first content byte.
type LatencySums struct {
	Calls, LatencyUS int64
	TTFTs, TTFTUS    int64
}

// Add adds o.
func (s *LatencySums) Add(o LatencySums) {
	s.Calls += o.Calls
	s.LatencyUS += o.LatencyUS
	s.TTFTs += o.TTFTs
	s.TTFTUS += o.TTFTUS
}

// AddSpend adds pico-dollars spent at a moment to the day, the week and the month
// that hold it, and to the lifetime.
func (d *Deltas) AddSpend(at time.Time, org string, dimension Dimension, id string, pico int64) {
	if epochDay := at.Unix() / 86_400; d.epochDay != epochDay || d.day == (Window{}) {
		d.epochDay, d.day, d.week, d.month = epochDay, DayOf(at), WeekOf(at), MonthOf(at)
	}
	for _, w := range [...]Window{d.day, d.week, d.month, Lifetime()} {
		d.addSpendIn(org, budget{dimension, id, w}, pico)
	}
}

// addSpendIn adds pico-dollars to one window. Nothing is kept of zero, so that
// calls without a cost cost no memory either. A sum stops at the ends of int64.
func (d *Deltas) addSpendIn(org string, of budget, pico int64) {
	if pico == 0 || !d.takes(of.window.end) {
		return
	}
	if d.spend == nil {
		d.spend = make(map[string]map[budget]int64)
	}
	sums := d.spend[org]
	if sums == nil {
		sums = make(map[budget]int64)
		d.spend[org] = sums
	}
	before, known := sums[of]
	switch sum := addSaturated(before, pico); {
	case sum == 0:
		delete(sums, of)
		d.size--
	case known:
		sums[of] = sum
	default:
		sums[of] = sum
		d.size++
	}
}

func addSaturated(a, b int64) int64 {
	switch sum := a + b; {
	case a > 0 && b > 0 && sum < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && sum >= 0:
		return math.MinInt64
	default:
		return sum
	}
}

// AddLatency adds what one or several calls at a moment took.
func (d *Deltas) AddLatency(at time.Time, provider, model string, stream bool, sums LatencySums) {
	if d.latency == nil {
		d.latency = make(map[latencyKey]LatencySums)
	}
	minute := at.Unix() - at.Unix()%60
	if !d.takes(latencyExpires(minute).Unix()) {
		return
	}
	key := latencyKey{provider, model, minute, stream}
	sum, known := d.latency[key]
	if !known {
		d.size++
	}
	sum.Add(sums)
	d.latency[key] = sum
}

// Merge adds all of o, which stays as it is.
func (d *Deltas) Merge(o *Deltas) {
	for org, sums := range o.spend {
		for of, pico := range sums {
			d.addSpendIn(org, of, pico)
		}
	}
	for org, r := range o.reservations {
		d.mergeReservations(org, r)
	}
	for key, sums := range o.latency {
		d.AddLatency(time.Unix(key.minute, 0), key.provider, key.model, key.stream, sums)
	}
}

// Len is the number of sums that are changed, and of reservations.
func (d *Deltas) Len() int { return d.size }

// takes tells whether something that ends at these seconds is still open.
func (d *Deltas) takes(end int64) bool { return d.openAt.IsZero() || end > d.openAt.Unix() }

// Equal tells whether both change the same by the same amounts.
func (d *Deltas) Equal(o *Deltas) bool {
	full := func(sums map[budget]int64) bool { return len(sums) > 0 }
	return maps.Equal(d.latency, o.latency) && reflect.DeepEqual(d.reservations, o.reservations) &&
		maps.EqualFunc(only(d.spend, full), only(o.spend, full), maps.Equal)
}

func only[K comparable, V any](m map[K]V, keep func(V) bool) map[K]V {
	kept := maps.Clone(m)
	maps.DeleteFunc(kept, func(_ K, v V) bool { return !keep(v) })
	return kept
}
