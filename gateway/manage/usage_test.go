package manage_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/clickhouse/usage"
	"weir/gateway/manage"
	"weir/schemas"
)

// used answers as ClickHouse does, and keeps what it was asked.
type used struct {
	asked    []usage.Query
	deadline bool // every ask had one
	err      error
}

func (u *used) Usage(ctx context.Context, q usage.Query) (*usage.Answer, error) {
	_, u.deadline = ctx.Deadline()
	u.asked = append(u.asked, q)
	if u.err != nil {
		return nil, u.err
	}
	a := usage.NewAnswer(&q)
	c := usage.Counters{CompletionsRequests: 1, TotalRequests: 1, Spend: usage.NewUSD("12345678901.000000000001"), InputTokens: 3, P50: 1.5}
	a.SetTotal(q.Resolution.Floor(q.Start), c)
	a.AddGroup(q.Resolution.Floor(q.Start), usage.Group{Values: map[string]string{"tag": ""}, Counters: c})
	return a, nil
}

// usageAnswer is an answer as far as the tests read it.
type usageAnswer struct {
	Usage map[string]struct {
		TotalRequests int             `json:"total_requests"`
		Spend         json.RawMessage `json:"spend"`
		Grouped       []struct {
			Values map[string]string `json:"group_by_values"`
			Spend  json.RawMessage   `json:"spend"`
		} `json:"grouped_data"`
	} `json:"usage"`
}

const ranged = "start=2026-11-22T01:30:00Z&end=2026-11-24T00:00:00Z"

// Money is exact, a number of an organisation and a string of a key.
func TestUsageOfOrganisationAndKey(t *testing.T) {
	const digits = "12345678901.000000000001"
	w := start(t)
	company(w, "a")
	for path, want := range map[string]struct{ key, spend, none string }{
		"org/usage":            {"", digits, "0"},
		"apikey/a-owner/usage": {"a-owner", `"` + digits + `"`, `"0"`},
		"apikey/self/usage":    {"a-owner", `"` + digits + `"`, `"0"`},
	} {
		var got usageAnswer
		w.ok(&got, "a-owner", "GET", path+"?resolution=day&group_by=tag&group_by=extra.a%20b&org_id=a&"+ranged, "")
		first, second := got.Usage["2026-11-22T00:00:00Z"], got.Usage["2026-11-23T00:00:00Z"]
		if len(got.Usage) != 2 || first.TotalRequests != 1 || string(first.Spend) != want.spend || len(first.Grouped) != 1 ||
			string(first.Grouped[0].Spend) != want.spend || string(second.Spend) != want.none || second.Grouped == nil {
			t.Errorf("%s: got %+v", path, got)
		}
		asked := w.usage.asked[len(w.usage.asked)-1]
		expected := usage.Query{
			OrgID: "a", KeyID: want.key, Resolution: usage.Day, GroupBy: []string{"tag", "extra.a b"},
			Start: time.Date(2026, 11, 22, 1, 30, 0, 0, time.UTC), End: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC),
		}
		if diff := cmp.Diff(expected, asked); diff != "" || !w.usage.deadline {
			t.Errorf("%s: deadline %v, asked %s", path, w.usage.deadline, diff)
		}
	}
}

// A plus sign that was not escaped comes as a space.
func TestUsageTakesATimeAsItIsWritten(t *testing.T) {
	w := start(t)
	company(w, "a")
	w.ok(nil, "operator", "GET", "org/usage?org_id=a&start=2026-11-22T02:00:00+02:00", "")
	if asked := w.usage.asked[0]; asked.OrgID != "a" || asked.Start.Format(time.RFC3339) != "2026-11-22T00:00:00Z" || asked.End.Sub(asked.Start) != 24*time.Hour {
		t.Errorf("asked %+v", asked)
	}
}

// Groups have the names of today; another organisation's are not among them.
func TestUsageByGroupName(t *testing.T) {
	w := start(t)
	put(w, &schemas.Organization{OrgId: "a", Name: "a"})
	put(w, &schemas.Organization{OrgId: "b", Name: "b"})
	put(w, &schemas.Group{OrgId: "a", GroupId: "g1", Name: "Search"})
	put(w, &schemas.Group{OrgId: "a", GroupId: "g2", Name: "Ads"})
	put(w, &schemas.Group{OrgId: "b", GroupId: "g3", Name: "Secret"})
	w.key("a", "admin", func(*schemas.ApiKey) {})
	w.ok(nil, "admin", "GET", "org/usage?group_by=group_name&"+ranged, "")
	w.ok(nil, "admin", "GET", "org/usage?group_by=group_id&"+ranged, "")
	if diff := cmp.Diff(map[string]string{"g1": "Search", "g2": "Ads"}, w.usage.asked[0].GroupNames); diff != "" || w.usage.asked[1].GroupNames != nil {
		t.Errorf("names %s, unasked %v", diff, w.usage.asked[1].GroupNames)
	}
}

func TestUsageRefusesWhatItDoesNotKnow(t *testing.T) {
	w := start(t)
	company(w, "a")
	for query, param := range map[string]string{
		"":                                                "start",
		"start=":                                          "start",
		"start=yesterday":                                 "start",
		"start=2026-11-22T00:00:00":                       "start",
		"start=2026-11-22":                                "start",
		ranged + "&start=" + "x":                          "start",
		"end=2026-11-22T00:00:00Z":                        "start",
		ranged + "&end=x":                                 "end",
		"start=2026-11-22T00:00:00Z&end=":                 "end",
		ranged + "&resolution=year":                       "resolution",
		ranged + "&resolution=":                           "resolution",
		ranged + "&group_by=model":                        "group_by",
		ranged + "&group_by=tag,user_id":                  "group_by",
		ranged + "&group_by=extra.":                       "group_by",
		ranged + "&groupby=tag":                           "groupby",
		ranged + "&start_time=1":                          "start_time",
		ranged + "&group_by=%ff":                          "group_by",
		ranged + "&key_id=a-owner":                        "key_id",
		ranged + "&" + strings.Repeat("x", 999) + "=1":    strings.Repeat("x", 100) + "…",
		ranged + "&group_by=" + strings.Repeat("x", 5000): "group_by",
	} {
		w.fails(400, param, "a-owner", "GET", "org/usage?"+query, "")
		w.fails(400, param, "a-owner", "GET", "apikey/self/usage?"+query, "")
	}
	for _, query := range []string{ranged + "&group_by=%zz", ranged + ";group_by=tag"} {
		w.fails(400, "", "a-owner", "GET", "org/usage?"+query, "")
	}
	if len(w.usage.asked) > 0 {
		t.Errorf("asked %+v", w.usage.asked)
	}
	w.usage.err = &usage.FieldError{Field: "group_by", Problem: "makes more than 50000 groups"}
	w.fails(400, "group_by", "a-owner", "GET", "org/usage?"+ranged, "")
}

// Of ClickHouse's own words none reaches the caller.
func TestUsageWithoutClickHouse(t *testing.T) {
	w := start(t)
	company(w, "a")
	for _, err := range []error{errors.New("code: 60, table weir.requests at 10.0.0.7:9000"), context.DeadlineExceeded} {
		w.usage.err = err
		for _, path := range []string{"org/usage?", "apikey/self/usage?"} {
			a := w.fails(503, "", "a-owner", "GET", path+ranged, "")
			if strings.Contains(a.body, "weir.requests") || strings.Contains(a.body, "deadline") || a.header.Get("Retry-After") == "" {
				t.Errorf("%s: %v %s", path, a.header, a.body)
			}
		}
	}
	if !strings.Contains(w.lines.String(), "10.0.0.7") {
		t.Error("the log does not say why")
	}
}

// Every key may read its own usage, one without any permission too; a foreign key
// is one that never was.
func TestUsageOfAKeyIsItsReaders(t *testing.T) {
	w := start(t)
	company(w, "a")
	company(w, "b")
	for _, path := range []string{"apikey/self/usage?", "apikey/a-none/usage?"} {
		w.ok(nil, "a-none", "GET", path+ranged, "")
		if asked := w.usage.asked[len(w.usage.asked)-1]; asked.KeyID != "a-none" {
			t.Errorf("%s asked of %s", path, asked.KeyID)
		}
	}
	asked := len(w.usage.asked)
	w.fails(403, "", "a-none", "GET", "apikey/a-owner/usage?"+ranged, "")
	w.fails(403, "", "a-none", "GET", "org/usage?"+ranged, "")
	foreign := w.fails(404, "", "a-owner", "GET", "apikey/b-owner/usage?"+ranged, "")
	unknown := w.fails(404, "", "a-owner", "GET", "apikey/nothing/usage?"+ranged, "")
	w.fails(404, "", "operator", "GET", "apikey/self/usage?org_id=a&"+ranged, "")
	if foreign.body != unknown.body || len(w.usage.asked) != asked {
		t.Errorf("foreign %s, unknown %s, %d asked", foreign.body, unknown.body, len(w.usage.asked)-asked)
	}
}

// What can be asked for is what the document says.
func TestUsageIsDocumented(t *testing.T) {
	for _, o := range document(t) {
		if o.id != "get-org-usage" && o.id != "get-api-key-usage" {
			continue
		}
		names := url.Values{}
		for _, p := range o.operation.Parameters {
			names.Set(p.Value.Name, p.Value.Description)
			if p.Value.Name == "start" && !p.Value.Required || p.Value.Name == "end" && p.Value.Required {
				t.Errorf("%s: %s required: %v", o.id, p.Value.Name, p.Value.Required)
			}
		}
		for _, name := range []string{"start", "end", "resolution", "group_by", "org_id"} {
			if !names.Has(name) {
				t.Errorf("%s does not document %s", o.id, name)
			}
		}
		for _, name := range append(usage.Dimensions(), usage.ExtraPrefix) {
			if !strings.Contains(names.Get("group_by"), name) {
				t.Errorf("%s does not document group_by=%s", o.id, name)
			}
		}
	}
}

// slow answers when it is told to.
type slow struct {
	asked chan string
	goOn  chan struct{}
}

func (s *slow) Usage(ctx context.Context, q usage.Query) (*usage.Answer, error) {
	s.asked <- q.OrgID
	<-s.goOn
	return usage.NewAnswer(&q), nil
}

// One organisation asks ClickHouse two questions at once and a gateway eight; who waits
// too long is told to come again, and the others are not held up.
func TestUsageIsAskedForInTurns(t *testing.T) {
	s := &slow{make(chan string, 100), make(chan struct{})}
	w := start(t, func(o *manage.Options) { o.Usage = s })
	orgs := []string{"a", "b", "c", "d", "e"}
	for _, org := range orgs {
		company(w, org)
	}
	answers := make(chan answer, 100)
	ask := func(org string) {
		go func() { answers <- w.do(secretOf(org, "owner"), "GET", "org/usage?"+ranged, "") }()
	}
	for range 3 {
		ask("a")
	}
	for range 2 {
		if got := <-s.asked; got != "a" {
			t.Errorf("asked for %s", got)
		}
	}
	// The third of a is the only one that can end before s is told to go on.
	if a := <-answers; a.status != 429 || a.header.Get("Retry-After") != "1" || !strings.Contains(a.body, "usage_busy") {
		t.Errorf("got %d %s", a.status, a.body)
	}
	for _, org := range orgs[1:4] {
		ask(org)
		ask(org)
	}
	for range 6 {
		<-s.asked
	}
	ask("e") // a ninth
	if a := <-answers; a.status != 429 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	close(s.goOn)
	for range 8 {
		if a := <-answers; a.status != 200 {
			t.Errorf("got %d %s", a.status, a.body)
		}
	}
	if a := w.do(secretOf("e", "owner"), "GET", "org/usage?"+ranged, ""); a.status != 200 {
		t.Errorf("afterwards %d %s", a.status, a.body)
	}
	if len(s.asked) != 1 {
		t.Errorf("asked %d times more", len(s.asked))
	}
}
