package usage

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	at := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return at.UTC()
	}
	for _, c := range []struct {
		name, query string
		want        Query
	}{
		{"the least", "start=2026-11-22T10:00:00Z", Query{Start: at("2026-11-22T10:00:00Z"), End: at("2026-11-23T10:00:00Z"), Resolution: Day}},
		{"everything", "start=2026-08-14T10:00:00.5Z&end=2026-11-22T10:00:00.5Z&resolution=month&group_by=tag&group_by=extra.a%27b",
			Query{Start: at("2026-08-14T10:00:00.5Z"), End: at("2026-11-22T10:00:00.5Z"), Resolution: Month, GroupBy: []string{"tag", "extra.a'b"}}},
		{"a zone", "start=2026-11-22T10:00:00%2B02:00&resolution=hour", Query{Start: at("2026-11-22T08:00:00Z"), End: at("2026-11-23T08:00:00Z"), Resolution: Hour}},
		{"a plus sign that nobody escaped", "start=2026-11-22T10:00:00+02:00", Query{Start: at("2026-11-22T08:00:00Z"), End: at("2026-11-23T08:00:00Z"), Resolution: Day}},
		{"nanoseconds", "start=2026-11-22T10:00:00.123456789Z", Query{Start: at("2026-11-22T10:00:00.123456Z"), End: at("2026-11-23T10:00:00.123456Z"), Resolution: Day}},
		{"a name twice", "start=2026-11-22T10:00:00Z&group_by=tag&group_by=tag", Query{Start: at("2026-11-22T10:00:00Z"), End: at("2026-11-23T10:00:00Z"), Resolution: Day, GroupBy: []string{"tag"}}},
	} {
		values, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(values)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	const start = "start=2026-11-22T10:00:00Z"
	for query, want := range map[string]string{
		"":                                                   "start is missing; give a time",
		"start=":                                             `start is ""; give a time in RFC 3339`,
		"start=yesterday":                                    `start is "yesterday"; give a time in RFC 3339`,
		"start=2026-11-22":                                   `start is "2026-11-22"; give a time in RFC 3339 with its zone`,
		"start=1969-12-31T23:59:59Z":                         "start is 1969-12-31T23:59:59Z; give a time from 1970",
		start + "&" + start:                                  "start is given 2 times; give it once",
		start + "&end=soon":                                  `end is "soon"; give a time`,
		start + "&end=2026-11-22T10:00:00Z":                  "end is not after start; give a later end",
		start + "&end=2026-11-22T09:00:00Z":                  "end is not after start",
		start + "&end=2027-03-02T10:00:00.001Z":              "end is more than 100 days after start",
		start + "&end=9999-01-01T00:00:00Z":                  "end is 9999-01-01T00:00:00Z; give a time from 1970",
		start + "&resolution=minute":                         `resolution is "minute"; give hour, day or month`,
		start + "&resolution=":                               `resolution is ""; give hour, day or month`,
		start + "&group_by=model":                            `group_by is "model"; give one or more of model_requested, `,
		start + "&group_by=tag,user_id":                      `group_by is "tag,user_id"; give one or more of model_requested, `,
		start + "&group_by=":                                 `group_by is ""; give`,
		start + "&group_by=extra.":                           `group_by is "extra."; the name of an extra entry has 1 to 64 bytes`,
		start + "&group_by=extra.%ff":                        `group_by is "extra.\xff"; the name of an extra entry`,
		start + "&group_by=extra." + strings.Repeat("n", 65): "group_by is ",
		start + "&group_by=extra.1&group_by=extra.2&group_by=extra.3&group_by=extra.4&group_by=extra.5&group_by=extra.6&group_by=extra.7&group_by=extra.8&group_by=extra.9": "group_by names 9 groupings; give at most 8",
		start + "&org_id=other":                        "org_id is not a parameter of this call",
		start + "&" + strings.Repeat("x", 1000) + "=1": strings.Repeat("x", 100) + "… is not a parameter",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse(values)
		var field *FieldError
		if !errors.As(err, &field) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s…", query, err, want)
		}
	}
}

func TestPeriodsCoverTheRange(t *testing.T) {
	start, end := time.Date(2026, 11, 29, 22, 30, 0, 0, time.UTC), time.Date(2026, 12, 1, 1, 0, 0, 0, time.UTC)
	for resolution, want := range map[Resolution][]string{
		Day:   {"2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"},
		Month: {"2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"},
	} {
		q := Query{Start: start, End: end, Resolution: resolution}
		var got []string
		for at := range q.periods {
			got = append(got, key(at))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("by %s (-want +got):\n%s", resolution, diff)
		}
	}
	q := Query{Start: start, End: end, Resolution: Hour}
	n := 0
	for at := range q.periods {
		if q.Resolution.Floor(at) != at || q.Resolution.Next(at).Sub(at) != time.Hour {
			t.Errorf("%s is no hour", at)
		}
		n++
	}
	if n != 27 { // the last hour begins at the end, and is not in it
		t.Errorf("got %d hours, want 27", n)
	}
}

// The body is what clients of the contract read: periods in the order of time,
// one without a call too, money with all its digits.
func TestTheBody(t *testing.T) {
	q := Query{Start: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), End: time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC), Resolution: Day, GroupBy: []string{UserID}}
	a := NewAnswer(&q)
	c := Counters{CompletionsRequests: 1, TotalRequests: 1, Spend: NewUSD("9223372.036854775807"), InputTokens: 4, OutputTokens: 2, TotalTokens: 6, CachedTokens: 1, P50: 892.927}
	a.SetTotal(q.Start, c)
	a.AddGroup(q.Start, Group{Values: map[string]string{UserID: "ann"}, Counters: c})
	const counters = `"completions_requests":1,"embedding_requests":0,"image_requests":0,"speech_requests":0,"transcription_requests":0,"total_requests":1,` +
		`"spend":9223372.036854775807,"input_tokens":4,"output_tokens":2,"total_tokens":6,"cached_tokens":1,"caching_tokens":0,"reasoning_tokens":0,"errors":0,` +
		`"p50_ms":892.927,"p95_ms":0,"p99_ms":0`
	zeros := strings.NewReplacer(":1,", ":0,", "9223372.036854775807", "0", ":4,", ":0,", ":2,", ":0,", ":6,", ":0,", "892.927", "0").Replace(counters)
	want := `{"usage":{"2026-11-22T00:00:00Z":{` + counters + `,"grouped_data":[{"group_by_values":{"user_id":"ann"},` + counters + `}]},` +
		`"2026-11-23T00:00:00Z":{` + zeros + `,"grouped_data":[]}}}`
	check := func(want string) {
		t.Helper()
		got, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
	}
	check(want)
	a.QuoteDecimals()
	check(strings.NewReplacer(`"spend":9223372.036854775807`, `"spend":"9223372.036854775807"`, `"spend":0`, `"spend":"0"`).Replace(want))
}

func FuzzParse(f *testing.F) {
	f.Add("start=2026-11-22T10:00:00Z&end=2026-11-23T10:00:00Z&resolution=hour&group_by=tag&group_by=extra.x")
	f.Add("start=2026-11-22T10:00:00+02:00&group_by=extra.%27%20OR%201")
	f.Add("start=9999-12-31T23:59:59Z&resolution=month")
	f.Add("end=%ff&=&start")
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		q, err := Parse(values)
		if err != nil {
			var field *FieldError
			if !errors.As(err, &field) || len(err.Error()) > 1000 {
				t.Fatalf("an error of no field, or a long one: %v", err)
			}
			return
		}
		if err := q.Validate(); err != nil {
			t.Fatalf("parsed and then refused: %v", err)
		}
		if d := q.End.Sub(q.Start); d <= 0 || d > MaxRange || q.OrgID != "" || q.KeyID != "" {
			t.Fatalf("what no query string may ask for: %+v", q)
		}
		if n := len(slices.Collect(q.periods)); n == 0 || n > 2401 {
			t.Fatalf("%d periods", n)
		}
	})
}
