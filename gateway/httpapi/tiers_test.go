package httpapi_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"weir/gateway/wire/chat"
	"weir/internal/live"
	"weir/schemas"
)

// A call costs what the tier costs that the provider's answer names, with the
// searches that the provider reports; 100 tokens in at 1 and 64 out at 10 per
// million are 740 millionths of a dollar, a search is a hundredth.
func TestTiersAndSearchesAreBooked(t *testing.T) {
	answer := func(tier, usage string) string {
		a := strings.Replace(plainAnswer, `"flex"`, tier, 1)
		return strings.Replace(a, `"usage":{`, `"usage":{`+usage, 1)
	}
	for name, c := range map[string]struct {
		answer, cost, version string
		units                 map[string]int64
	}{
		"list price":   {answer(`"default"`, ""), "0.00074", "half-even/1", nil},
		"no tier":      {answer(`null`, ""), "0.00074", "half-even/1", nil},
		"dearer":       {answer(`"priority"`, ""), "0.001295", ";priority*7/4", nil},
		"cheaper":      {answer(`"flex"`, ""), "0.00037", ";flex*1/2", nil},
		"unknown":      {answer(`"ultra"`, ""), "0", "", nil},
		"Perplexity":   {answer(`null`, `"num_search_queries":2,`), "0.02074", "half-even/1", map[string]int64{"web_searches": 2}},
		"server tools": {answer(`"flex"`, `"server_tool_use":{"web_search_requests":3},`), "0.03037", ";flex*1/2", map[string]int64{"web_searches": 3}},
		"xAI":          {answer(`null`, `"num_sources_used":4,`), "0.00074", "half-even/1", map[string]int64{"search_sources": 4}},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, respond(200, c.answer))
			if a := w.post(strings.Replace(plainBody, "small", "tiers", 1)); a.status != 200 {
				t.Fatalf("got %d %s", a.status, a.body)
			}
			u := w.only().usage
			if got := schemas.Pico(u.CostPico).String(); got != c.cost || u.PriceUnknown != (c.version == "") || !strings.HasSuffix(u.PriceVersion, c.version) {
				t.Errorf("cost %s, version %q, unknown %v; want %+v", got, u.PriceVersion, u.PriceUnknown, c)
			}
			for unit, n := range c.units {
				if u.Units[unit] != n {
					t.Errorf("units %v, want %v", u.Units, c.units)
				}
			}
		})
	}
}

// A stream's bill is of the tier that its chunks name.
func TestTierOfAStream(t *testing.T) {
	chunk := strings.Replace(usageChunk, `"choices"`, `"service_tier":"priority","choices"`, 1)
	w := start(t, streams(content("hello"), stopChunk, chunk, "[DONE]"))
	a := w.post(`{"model":"mock/tiers","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`)
	if a.status != 200 || !strings.Contains(a.body, `"cost":0.001295`) {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if u := w.only().usage; u.CostPico != 1295e6 || u.ServiceTier != "priority" {
		t.Errorf("recorded %v", u)
	}
}

// A key with a budget gets no tier without a price, one without a budget does; what
// is reserved has room for every tier that the provider may choose; and a limit that
// the client did not set is set for the provider.
func TestTiersOfAKeyWithABudget(t *testing.T) {
	var wants []int64
	var bodies []string
	w := start(t, func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies = append(bodies, string(body))
		respond(200, strings.Replace(plainAnswer, `"flex"`, `"ultra"`, 1))(rw, r)
	}, with(&budgets{grant: func(c live.Claim) (live.Grant, error) {
		wants = append(wants, c.Want)
		return live.Grant{Pico: c.Want, Verdict: live.Admitted}, nil
	}}))
	asking := func(tier string) string {
		return `{"model":"mock/tiers","messages":[{"role":"user","content":"hi"}]` + tier + `}`
	}
	if a := w.post(asking(`,"service_tier":"ultra"`)); a.status != 200 {
		t.Errorf("without a budget: %d %s", a.status, a.body)
	}
	w.limitKey(func(k *schemas.ApiKey) { k.Limits = monthly(5e12) })
	a := w.post(asking(`,"service_tier":"ultra"`))
	if e := a.error(t); a.status != 400 || value(e.Error.Param) != "service_tier" || value(e.Error.Code) != "unbounded_request" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	for _, tier := range []string{`,"service_tier":"default"`, `,"service_tier":"flex"`, `,"service_tier":"priority"`, `,"service_tier":"auto"`, ``} {
		a := w.post(asking(tier))
		if warning := a.header.Get("X-Requesty-Warnings"); a.status != 200 || !strings.Contains(warning, "was set to 50 tokens") {
			t.Errorf("%s: %d %s, warning %q", tier, a.status, a.body, warning)
		}
	}
	// At most 94 + the field's bytes of text at 1, and 50 tokens at 10, per million.
	text := func(tier string) int64 {
		r, e := chat.Format{}.ReadRequest([]byte(asking(tier)))
		if e != nil {
			t.Fatal(e)
		}
		b, e := r.Bounds()
		if e != nil {
			t.Fatal(e)
		}
		return b.Text
	}
	want := []int64{(text(`,"service_tier":"default"`) + 500) * 1e6, (text(`,"service_tier":"flex"`) + 500) * 1e6,
		(text(`,"service_tier":"priority"`) + 500) * 1e6 * 7 / 4, (text(`,"service_tier":"auto"`) + 500) * 1e6 * 7 / 4, (text(``) + 500) * 1e6 * 7 / 4}
	if !slices.Equal(wants, want) {
		t.Errorf("reserved %v, want %v", wants, want)
	}
	if len(bodies) != 6 || strings.Contains(bodies[0], "max_tokens") || !strings.Contains(bodies[5], `"max_tokens":50`) {
		t.Errorf("sent %q", bodies)
	}
}
