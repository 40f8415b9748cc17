package schemas

import "time"

// Bounds on how far an event's own clock may stand from Kafka's append time
// before the append time is taken instead.
const (
	MaxClockAhead  = 5 * time.Minute
	MaxClockBehind = 30 * 24 * time.Hour
)

// OccurredAt returns the time at which an event counts: its own occurredAt in
// microseconds since the epoch, or appended, Kafka's append time, when the two
// stand too far apart; skewed says that it was replaced. Every reader uses it,
// so that all of them put an event into the same minute, hour and day.
func OccurredAt(occurredAt int64, appended time.Time) (at time.Time, skewed bool) {
	at = time.UnixMicro(occurredAt).UTC()
	if at.After(appended.Add(MaxClockAhead)) || at.Before(appended.Add(-MaxClockBehind)) {
		return appended.UTC(), true
	}
	return at, false
}
