package live

import (
	"math"
	"time"
)

// Window is a UTC day, week (from Monday) or month, or all time, that spend is
// summed over. The zero value is no window.
type Window struct {
	kind       byte  // 'd', 'w', 'm' or 'l'
	start, end int64 // seconds since the epoch; the end is not part of it
}

// DayOf returns the day that holds the moment.
func DayOf(at time.Time) Window {
	start := midnight(at)
	return Window{'d', start.Unix(), start.AddDate(0, 0, 1).Unix()}
}

// WeekOf returns the week that holds the moment.
func WeekOf(at time.Time) Window {
	start := midnight(at)
	start = start.AddDate(0, 0, -(int(start.Weekday())+6)%7)
	return Window{'w', start.Unix(), start.AddDate(0, 0, 7).Unix()}
}

// MonthOf returns the month that holds the moment.
func MonthOf(at time.Time) Window {
	y, m, _ := at.UTC().Date()
	start := time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
	return Window{'m', start.Unix(), start.AddDate(0, 1, 0).Unix()}
}

// Lifetime is the window that never ends.
func Lifetime() Window { return Window{'l', 0, math.MaxInt64} }

func midnight(at time.Time) time.Time {
	y, m, d := at.UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// WindowAt returns the window of a kind (day, week, month, lifetime) that holds
// the moment.
func WindowAt(kind string, at time.Time) (w Window, ok bool) {
	switch kind {
	case "day":
		return DayOf(at), true
	case "week":
		return WeekOf(at), true
	case "month":
		return MonthOf(at), true
	case "lifetime":
		return Lifetime(), true
	}
	return Window{}, false
}

// Kind is the window's kind as WindowAt takes it, "" of no window.
func (w Window) Kind() string {
	return map[byte]string{'d': "day", 'w': "week", 'm': "month", 'l': "lifetime"}[w.kind]
}

// Start is the first moment of the window, UTC; 1970 of the lifetime.
func (w Window) Start() time.Time { return time.Unix(w.start, 0).UTC() }

// End is the first moment after the window, UTC; the zero time of the lifetime.
func (w Window) End() time.Time {
	if w.kind == 'l' {
		return time.Time{}
	}
	return time.Unix(w.end, 0).UTC()
}

// String is "d:2026-11-22", "w:2026-11-16", "m:2026-11" or "l", as it stands in
// key names.
func (w Window) String() string {
	switch w.kind {
	case 'l':
		return "l"
	case 'm':
		return "m:" + w.Start().Format("2006-01")
	}
	return string(rune(w.kind)) + ":" + w.Start().Format("2006-01-02")
}

// How long Redis keeps what is no longer open, counted from its end, so that a
// late reader still finds it. The offsets of an organisation outlive every sum
// that they guard.
const (
	keepDay     = 3 * 24 * time.Hour
	keepWeek    = 10 * 24 * time.Hour
	keepMonth   = 40 * 24 * time.Hour
	keepOffsets = 80 * 24 * time.Hour
	// LatencyKept is how far back live latency goes.
	LatencyKept = time.Hour
)

// expires is when Redis may forget the window, in seconds since the epoch; 0 is
// never.
func (w Window) expires() int64 {
	switch w.kind {
	case 'l':
		return 0
	case 'm':
		return w.end + int64(keepMonth.Seconds())
	case 'w':
		return w.end + int64(keepWeek.Seconds())
	}
	return w.end + int64(keepDay.Seconds())
}
