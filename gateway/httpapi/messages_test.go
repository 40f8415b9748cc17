package httpapi_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"weir/internal/live"
	"weir/schemas"
)

// messageEvents are Anthropic's events of an answer of which the first part alone came:
// what went in is known by then, what comes out is not.
const messageEvents = `event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"small","content":[],"stop_reason":null,"usage":{"input_tokens":50,"cache_read_input_tokens":40,"cache_creation_input_tokens":10,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"one two three four five six seven eight"}}

`

const messageEnd = `event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn"}%s}

event: message_stop
data: {"type":"message_stop"}

`

// The usage that a stream of Anthropic's begins with does not make it whole when it ends
// there, and its one token of output is not all that there was.
func TestMessagesThatReportNoOutput(t *testing.T) {
	for name, c := range map[string]struct {
		rest   string
		status int32
	}{
		"ends early":           {"", 502},
		"ends without a usage": {strings.Replace(messageEnd, "%s", "", 1), 200},
	} {
		for path, body := range map[string]string{"/v1/messages": strings.Replace(streamBody, "{", `{"max_tokens":100,`, 1), "/v1/chat/completions": streamBody} {
			t.Run(name+path, func(t *testing.T) {
				w := start(t, func(rw http.ResponseWriter, r *http.Request) {
					s := events(rw, r)
					_, _ = io.WriteString(s.w, messageEvents+c.rest)
				}, func(c *config) { c.provider.Protocol = "anthropic" })
				a := w.do(t.Context(), "POST", path, strings.NewReader(body), "x-api-key", apiKey)
				if failed := strings.Contains(a.body, "event: error"); failed != (c.status != 200) {
					t.Errorf("got %s", a.body)
				}
				rec := w.only()
				u := rec.usage
				if rec.response.Status != c.status || !u.Estimated || u.Tokens.Input != 50 || u.Tokens.CachedInput != 40 || u.Tokens.CacheWrite != 10 || u.Tokens.Output != 8 {
					t.Errorf("recorded %v\n%v", rec.response, u)
				}
			})
		}
	}
}

// A field that only the provider's format has bounds nothing in the client's.
func TestFieldsOfTheProviderAndBudgets(t *testing.T) {
	for field, protocol := range map[string]string{`"cachedContent":"cachedContents/x"`: "gemini", `"cached_content":"cachedContents/x"`: "gemini",
		`"container":"c"`: "anthropic", `"mcp_servers":[{"type":"url","url":"https://mcp.example","name":"m"}]`: "anthropic"} {
		for path, body := range map[string]string{"/v1/chat/completions": plainBody, "/v1/messages": plainBody, "/v1/responses": `{"model":"mock/small","input":"hi"}`} {
			if path == "/v1/messages" && protocol == "anthropic" {
				continue // its own
			}
			w := start(t, respond(500, `{}`), func(c *config) { c.provider.Protocol = protocol }, with(&budgets{grant: func(c live.Claim) (live.Grant, error) {
				return live.Grant{Pico: c.Want, Verdict: live.Admitted}, nil
			}}))
			w.limitKey(func(k *schemas.ApiKey) { k.Limits = monthly(5e12) })
			limit := map[string]string{"/v1/responses": "max_output_tokens"}[path]
			if limit == "" {
				limit = "max_tokens"
			}
			a := w.do(t.Context(), "POST", path, strings.NewReader(strings.Replace(body, "{", `{"`+limit+`":9,`+field+",", 1)), "x-api-key", apiKey)
			if a.status != 400 || !strings.Contains(a.body, "budget") {
				t.Errorf("%s with %s: %d %s", path, field, a.status, a.body)
			}
		}
	}
}

// However many fields are left out, the header that says so stays small.
func TestWarningsAreBounded(t *testing.T) {
	var fields strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&fields, `"field_%d":1,`, i)
	}
	w := start(t, respond(200, plainAnswer))
	a := w.do(t.Context(), "POST", "/v1/messages", strings.NewReader(strings.Replace(plainBody, "{", `{"max_tokens":9,`+fields.String(), 1)), "x-api-key", apiKey)
	if got := a.header.Get("X-Requesty-Warnings"); a.status != 200 || len(got) > 5000 || !strings.Contains(got, "field_0") || !strings.HasSuffix(got, " more") {
		t.Errorf("%d: %d bytes of warnings, %.100s", a.status, len(got), got)
	}
}

// Where the model runs is fixed by the region of the call, not by a field of its request.
func TestPinsAndInferenceGeo(t *testing.T) {
	for name, c := range map[string]struct {
		geo, model string
		pinned     bool
		status     int
	}{
		"not pinned":        {`,"inference_geo":"global"`, "small", false, 200},
		"pinned":            {`,"inference_geo":"global"`, "small", true, 403},
		"pinned, in it":     {`,"inference_geo":"us"`, "small", true, 200},
		"pinned, no name":   {`,"inference_geo":["global"]`, "small", true, 403},
		"pinned, a null":    {`,"inference_geo":null`, "small", true, 200},
		"named, another":    {`,"inference_geo":"global"`, "small@us", false, 403},
		"pinned, says none": {``, "small", true, 200},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, respond(200, `{"id":"m","type":"message","role":"assistant","model":"x","content":[],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}`),
				func(c *config) { c.provider.Protocol, c.provider.Region = "anthropic", "us" })
			if c.pinned {
				w.limitKey(func(k *schemas.ApiKey) { k.Regions = []string{"us"} })
			}
			a := w.do(t.Context(), "POST", "/v1/messages", strings.NewReader(`{"model":"mock/`+c.model+`","max_tokens":9,"messages":[{"role":"user","content":"hi"}]`+c.geo+`}`), "x-api-key", apiKey)
			if a.status != c.status || a.status == 403 && !strings.Contains(a.body, "inference_geo") {
				t.Errorf("got %d %s", a.status, a.body)
			}
		})
	}
}

// What a limit bounds is said by the field that the provider gets, and not by the client's.
func TestLimitThatGoesOutInAnotherField(t *testing.T) {
	for name, c := range map[string]struct {
		path, field, provider string // the client's field, the provider's
		apart                 bool
	}{
		"messages, the answer's alone":  {"/v1/messages", "max_tokens", "max_tokens", true},
		"messages, reasoning and all":   {"/v1/messages", "max_tokens", "max_completion_tokens", false},
		"responses, the answer's alone": {"/v1/responses", "max_output_tokens", "max_tokens", true},
		"chat, as the client says":      {"/v1/chat/completions", "max_completion_tokens", "max_tokens", false},
	} {
		t.Run(name, func(t *testing.T) {
			var want int64
			w := start(t, respond(200, plainAnswer), func(cfg *config) { cfg.provider.LimitField = c.provider }, with(&budgets{grant: func(c live.Claim) (live.Grant, error) {
				want = c.Want
				return live.Grant{Pico: c.Want, Verdict: live.Admitted}, nil
			}}))
			w.limitKey(func(k *schemas.ApiKey) { k.Limits = monthly(5e12) })
			body := `{"model":"mock/apart","` + c.field + `":100,"messages":[{"role":"user","content":"hi"}]}`
			if c.path == "/v1/responses" {
				body = `{"model":"mock/apart","` + c.field + `":100,"input":"hi"}`
			}
			a := w.do(t.Context(), "POST", c.path, strings.NewReader(body), "x-api-key", apiKey)
			const answer, reasoning = 100 * 10e6, 1000 * 10e6
			if a.status != 200 || want < answer || (want > answer+reasoning) != c.apart {
				t.Errorf("got %d, %d set aside", a.status, want)
			}
		})
	}
}
