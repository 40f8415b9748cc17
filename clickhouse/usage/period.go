package usage

import "time"

// Resolution is the length of a period, in UTC.
type Resolution string

// The resolutions.
const (
	Hour  Resolution = "hour"
	Day   Resolution = "day"
	Month Resolution = "month"
)

func resolutions() []Resolution { return []Resolution{Hour, Day, Month} }

// Floor is the beginning of the period that holds the time.
func (r Resolution) Floor(t time.Time) time.Time {
	t = t.UTC()
	switch r {
	case Hour:
		return t.Truncate(time.Hour)
	case Month:
		return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	return t.Truncate(24 * time.Hour)
}

// Next is the beginning of the period after the one that begins at a time.
func (r Resolution) Next(start time.Time) time.Time {
	switch r {
	case Hour:
		return start.Add(time.Hour)
	case Month:
		return start.AddDate(0, 1, 0)
	}
	return start.Add(24 * time.Hour)
}

// periods calls yield with the beginning of each period of the query, in order.
func (q *Query) periods(yield func(time.Time) bool) {
	for t := q.Resolution.Floor(q.Start); t.Before(q.End); t = q.Resolution.Next(t) {
		if !yield(t) {
			return
		}
	}
}
