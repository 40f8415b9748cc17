package live

import (
	"strconv"
	"strings"
	"time"
)

// Dimension says whose spend a sum is.
type Dimension string

// The dimensions. The one of an organisation itself has no id.
const (
	Org  Dimension = "org"
	Key  Dimension = "key"
	User Dimension = "user"
	Tag  Dimension = "tag"
)

// Window is a UTC day or month that spend is summed over. The zero value is no
// window.
type Window struct {
	kind       byte  // 'd' or 'm'
	start, end int64 // seconds since the epoch; the end is not part of it
}

// DayOf returns the day that holds the moment.
func DayOf(at time.Time) Window {
	y, m, d := at.UTC().Date()
	start := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	return Window{'d', start.Unix(), start.AddDate(0, 0, 1).Unix()}
}

// MonthOf returns the month that holds the moment.
func MonthOf(at time.Time) Window {
	y, m, _ := at.UTC().Date()
	start := time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
	return Window{'m', start.Unix(), start.AddDate(0, 1, 0).Unix()}
}

// Start is the first moment of the window, UTC.
func (w Window) Start() time.Time { return time.Unix(w.start, 0).UTC() }

// End is the first moment after the window, UTC.
func (w Window) End() time.Time { return time.Unix(w.end, 0).UTC() }

// String is "d:2026-11-22" or "m:2026-11", as it stands in key names.
func (w Window) String() string {
	if w.kind == 'm' {
		return "m:" + w.Start().Format("2006-01")
	}
	return "d:" + w.Start().Format("2006-01-02")
}

// How long Redis keeps what is no longer open, counted from its end, so that a
// late reader still finds it. The offsets of an organisation outlive every sum
// that they guard.
const (
	keepDay     = 3 * 24 * time.Hour
	keepMonth   = 40 * 24 * time.Hour
	keepOffsets = 80 * 24 * time.Hour
	// LatencyKept is how far back live latency goes.
	LatencyKept = time.Hour
)

// expires is when Redis may forget the window.
func (w Window) expires() time.Time {
	if w.kind == 'm' {
		return w.End().Add(keepMonth)
	}
	return w.End().Add(keepDay)
}

// names builds the key names of one rebuild generation. What is in braces is
// the hash tag: one organisation is one slot of a Redis Cluster.
type names struct{ prefix string }

func namesOf(generation int) names { return names{"weir:" + strconv.Itoa(generation) + ":"} }

// positions is the one key that says what Redis holds: a hash of Kafka
// partition → next offset. It is missing when Redis was lost.
func (n names) positions() string { return n.prefix + "positions" }

// orgScope is an organisation as it stands in the braces of its keys: what would
// end the hash tag or part the name is percent-encoded.
func orgScope(org string) string {
	if org == "" {
		return "%" // an empty hash tag would be none
	}
	return strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D", ":", "%3A").Replace(org)
}

// latencyScope stands in the braces of all live latency. No organisation's name
// encodes to it.
const latencyScope = "%latency"

func (n names) offsets(scope string) string { return n.prefix + "{" + scope + "}:offsets" }

func (n names) spend(scope string, d Dimension, id string, w Window) string {
	return n.prefix + "{" + scope + "}:spend:" + string(d) + ":" + id + ":" + w.String()
}

func (n names) latency(provider, model string, minute int64) string {
	return n.prefix + "{" + latencyScope + "}:" + strconv.FormatInt(minute, 10) + ":" + provider + "/" + model
}
