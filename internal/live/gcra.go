package live

import "time"

// minute is the time that a rate is for, in microseconds.
const minute = int64(time.Minute / time.Microsecond)

// maxPerMinute is the largest rate: what is above counts as it. Lua reckons with
// floats, in which a product with minute must stay near exact.
const maxPerMinute = 1_000_000_000

// gcra is the generic cell rate algorithm for a limit of so much a minute, all of
// which may come at once. Its whole state is a moment, in microseconds: when the
// limit is unused again (the "theoretical arrival time"). scripts/rates.lua does
// the same in Redis; a test holds the two together.
type gcra int64

// take returns the state after n were taken at a moment, and how long to wait
// until that is allowed; nothing may be taken before. More than a minute's worth
// is allowed when all of the limit is unused.
func (perMinute gcra) take(state, now, n int64) (next, wait int64) {
	n = min(n, int64(perMinute))
	next = max(state, now) + perMinute.time(n)
	return next, max(0, next-now-minute)
}

// adjust returns the state after n more were used than was taken, or less.
func (perMinute gcra) adjust(state, now, n int64) int64 {
	if n < 0 {
		return state - -n*minute/int64(perMinute)
	}
	return max(state, now) + perMinute.time(n)
}

// remaining is what may be taken at once.
func (perMinute gcra) remaining(state, now int64) int64 {
	return max(0, (minute-max(0, state-now))*int64(perMinute)/minute)
}

// time is how long it takes until n may be taken again.
func (perMinute gcra) time(n int64) int64 {
	return (n*minute + int64(perMinute) - 1) / int64(perMinute)
}
