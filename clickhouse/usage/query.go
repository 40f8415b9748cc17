package usage

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of a query.
const (
	// MaxRange is the longest time that one query is for.
	MaxRange = 100 * 24 * time.Hour
	// DefaultRange is what a query without an end is for.
	DefaultRange = 24 * time.Hour
	// MaxGroupBy is the number of names that one query groups by at most.
	MaxGroupBy = 8
	// MaxExtraName is the length of the name of an extra entry, as calls are held to it.
	MaxExtraName = 64
)

// Query asks for the usage of an organisation, or of one of its keys, in the time
// [Start, End).
type Query struct {
	OrgID string
	KeyID string // "" for all keys
	Start time.Time
	End   time.Time
	// Resolution is the length of the periods.
	Resolution Resolution
	// GroupBy are names of Dimensions, or ExtraPrefix and the name of an extra entry.
	GroupBy []string
	// GroupNames are the names of groups by their ids, asked for by ByGroupName. A
	// group without a name here goes by its id.
	GroupNames map[string]string
}

// Names that calls can be grouped by.
const (
	ModelRequested = "model_requested" // as the client sent it
	ModelUsed      = "model_used"      // that served, as provider/model
	ProviderUsed   = "provider_used"
	APIKeyID       = "api_key_id"
	UserID         = "user_id" // the client's own end user
	GroupID        = "group_id"
	GroupName      = "group_name"
	Project        = "project"
	IsBYOK         = "is_byok" // true or false
	OriginTitle    = "origin_title"
	Tag            = "tag" // a call counts in full under each of its tags

	ExtraPrefix = "extra." // and the name of an entry
)

// Dimensions are the names that calls can be grouped by, beside extra entries.
func Dimensions() []string {
	return []string{ModelRequested, ModelUsed, ProviderUsed, APIKeyID, UserID, GroupID, GroupName, Project, IsBYOK, OriginTitle, Tag}
}

// FieldError is a parameter that cannot be, with what to do about it.
type FieldError struct {
	Field   string // as the caller named it
	Problem string
}

func (e *FieldError) Error() string { return e.Field + " " + e.Problem }

func wrong(field, format string, args ...any) error {
	return &FieldError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// Parse reads the query string of a usage call: start, end, resolution and
// group_by. Whose usage it is for is the caller's to fill in.
func Parse(values url.Values) (Query, error) {
	q := Query{Resolution: Day}
	var err error
	for _, field := range slices.Sorted(maps.Keys(values)) { // of several mistakes always the same is named
		switch field {
		case "start", "end", "resolution":
			if len(values[field]) > 1 {
				return Query{}, wrong(field, "is given %d times; give it once", len(values[field]))
			}
		case "group_by":
		default:
			return Query{}, wrong(short(field), "is not a parameter of this call; it takes start, end, resolution and group_by")
		}
	}
	if !values.Has("start") {
		return Query{}, wrong("start", "is missing; give a time such as 2026-11-22T00:00:00Z")
	}
	if q.Start, err = parseTime("start", values.Get("start")); err != nil {
		return Query{}, err
	}
	q.End = q.Start.Add(DefaultRange)
	if values.Has("end") {
		if q.End, err = parseTime("end", values.Get("end")); err != nil {
			return Query{}, err
		}
	}
	if values.Has("resolution") {
		q.Resolution = Resolution(values.Get("resolution"))
	}
	for _, name := range values["group_by"] {
		if !slices.Contains(q.GroupBy, name) {
			q.GroupBy = append(q.GroupBy, name)
		}
	}
	if err := q.Validate(); err != nil {
		return Query{}, err
	}
	return q, nil
}

func parseTime(field, text string) (time.Time, error) {
	// A plus sign that was not escaped comes as a space.
	t, err := time.Parse(time.RFC3339Nano, strings.Replace(text, " ", "+", 1))
	if err != nil {
		return time.Time{}, wrong(field, "is %q; give a time in RFC 3339 with its zone, such as 2026-11-22T00:00:00Z", short(text))
	}
	// The ledger counts in microseconds.
	return t.UTC().Truncate(time.Microsecond), nil
}

// earliest and latest bound what a table's times can hold.
var (
	earliest = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2106, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Validate names the parameter that cannot be and the remedy.
func (q *Query) Validate() error {
	for _, at := range []struct {
		field string
		t     time.Time
	}{{"start", q.Start}, {"end", q.End}} {
		if at.t.Before(earliest) || at.t.After(latest) {
			return wrong(at.field, "is %s; give a time from 1970 to 2105", at.t.Format(time.RFC3339))
		}
	}
	switch d := q.End.Sub(q.Start); {
	case d <= 0:
		return wrong("end", "is not after start; give a later end, or none for 24 hours")
	case d > MaxRange:
		return wrong("end", "is more than 100 days after start; ask for several ranges of at most 100 days")
	}
	if !slices.Contains(resolutions(), q.Resolution) {
		return wrong("resolution", "is %q; give hour, day or month", short(string(q.Resolution)))
	}
	if len(q.GroupBy) > MaxGroupBy {
		return wrong("group_by", "names %d groupings; give at most %d", len(q.GroupBy), MaxGroupBy)
	}
	for i, name := range q.GroupBy {
		if err := checkGroupBy(name); err != nil {
			return err
		}
		if slices.Contains(q.GroupBy[:i], name) {
			return wrong("group_by", "names %q twice; give it once", name)
		}
	}
	return nil
}

func checkGroupBy(name string) error {
	if slices.Contains(Dimensions(), name) {
		return nil
	}
	entry, isExtra := strings.CutPrefix(name, ExtraPrefix)
	switch {
	case !isExtra:
		return wrong("group_by", "is %q; give one or more of %s or extra.<name>, each as a parameter of its own", short(name), strings.Join(Dimensions(), ", "))
	case entry == "" || len(entry) > MaxExtraName || !utf8.ValidString(entry):
		return wrong("group_by", "is %q; the name of an extra entry has 1 to %d bytes of UTF-8", short(name), MaxExtraName)
	}
	return nil
}

// ByGroupName tells that the query wants GroupNames.
func (q *Query) ByGroupName() bool { return slices.Contains(q.GroupBy, GroupName) }

// short keeps what a caller wrote from filling an error's text.
func short(text string) string {
	if len(text) > 100 {
		return strings.ToValidUTF8(text[:100], "") + "…"
	}
	return text
}
