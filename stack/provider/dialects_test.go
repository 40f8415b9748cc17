package provider_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/stack/provider"
)

// dialect is how a test speaks one protocol of conversations.
type dialect struct {
	protocol string
	header   []string
	path     func(model string, stream bool) string
	// body asks "hello", or with image also shows a picture; more is put in at the top level.
	body  func(model, text, more string, stream bool) string
	image string // a content in the place of the text, as JSON
	tool  string // more: a tool weather(city, days), required
	shape string // more: an object {"city": string} as the answer
	// usage is what the usage of full looks like, and called the content of a call.
	usage, called []string
	ending        string // of a whole stream
	broken        string // an error within a stream or under status 200
	refusal       string // of status=429
}

const (
	properties = `{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}}}`
	pixel      = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)

func fixed(path string) func(string, bool) string { return func(string, bool) string { return path } }

// withStream says stream in the body, as OpenAI and Anthropic do.
func withStream(format string, more string) func(model, text, own string, stream bool) string {
	return func(model, text, own string, stream bool) string {
		if stream {
			own += `,"stream":true` + more
		}
		return strings.NewReplacer("MODEL", model, "TEXT", text).Replace(format) + own + "}"
	}
}

func google(prefix string) func(model string, stream bool) string {
	return func(model string, stream bool) string {
		if stream {
			return prefix + url.PathEscape(model) + ":streamGenerateContent?alt=sse"
		}
		return prefix + url.PathEscape(model) + ":generateContent"
	}
}

func dialects() []dialect {
	chat := dialect{
		protocol: "chat", path: fixed("/v1/chat/completions"),
		body:   withStream(`{"model":"MODEL","messages":[{"role":"user","content":TEXT}]`, `,"stream_options":{"include_usage":true}`),
		image:  `[{"type":"text","text":"hello"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + pixel + `"}}]`,
		tool:   `,"tools":[{"type":"function","function":{"name":"weather","parameters":` + properties + `}}],"tool_choice":"required"`,
		shape:  `,"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object","properties":{"city":{"type":"string"}}}}}`,
		usage:  []string{`"prompt_tokens":100`, `"cached_tokens":40`, `"caching_tokens":10`, `"completion_tokens":64`, `"reasoning_tokens":8`},
		called: []string{`"name":"weather"`, `"tool_calls"`}, ending: "[DONE]", broken: `{"error":{`, refusal: `"code":"rate_limit_exceeded"`,
	}
	azure := chat
	azure.protocol, azure.header = "azure-chat", []string{"Api-Key", "k"}
	azure.path = func(model string, _ bool) string {
		return "/openai/deployments/" + url.PathEscape(model) + "/chat/completions?api-version=2024-10-21"
	}
	azure.refusal = `"code":"429"`
	responses := dialect{
		protocol: "responses", path: fixed("/v1/responses"), body: withStream(`{"model":"MODEL","input":[{"role":"user","content":TEXT}]`, ""),
		image:  `[{"type":"input_text","text":"hello"},{"type":"input_image","image_url":"data:image/png;base64,` + pixel + `"}]`,
		tool:   `,"tools":[{"type":"function","name":"weather","parameters":` + properties + `}],"tool_choice":"required"`,
		shape:  `,"text":{"format":{"type":"json_schema","name":"x","schema":{"type":"object","properties":{"city":{"type":"string"}}}}}`,
		usage:  []string{`"input_tokens":100`, `"cached_tokens":40`, `"cache_write_tokens":10`, `"output_tokens":64`, `"reasoning_tokens":8`},
		called: []string{`"name":"weather"`, `"function_call"`}, ending: "event: response.completed", broken: `"server_error"`,
		refusal: `"code":"rate_limit_exceeded"`,
	}
	anthropic := dialect{
		protocol: "messages", path: fixed("/v1/messages"), header: []string{"X-Api-Key", "k", "Anthropic-Version", "2023-06-01"},
		body:  withStream(`{"model":"MODEL","max_tokens":4096,"messages":[{"role":"user","content":TEXT}]`, ""),
		image: `[{"type":"text","text":"hello"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + pixel + `"}}]`,
		tool:  `,"tools":[{"name":"weather","input_schema":` + properties + `}],"tool_choice":{"type":"any"}`,
		shape: `,"output_config":{"format":{"type":"json_schema","schema":{"type":"object","additionalProperties":false,"properties":{"city":{"type":"string"}}}}}`,
		usage: []string{`"input_tokens":50`, `"cache_read_input_tokens":40`, `"cache_creation_input_tokens":10`,
			`"ephemeral_1h_input_tokens":0`, `"ephemeral_5m_input_tokens":10`, `"output_tokens":64`, `"thinking_tokens":8`},
		called: []string{`"name":"weather"`, `"stop_reason":"tool_use"`}, ending: "event: message_stop", broken: `"overloaded_error"`,
		refusal: `"rate_limit_error"`,
	}
	gemini := dialect{
		protocol: "gemini", path: google("/v1beta/models/"), header: []string{"X-Goog-Api-Key", "k"},
		body: func(_, text, more string, _ bool) string {
			parts := text
			if !strings.HasPrefix(text, "[") {
				parts = `[{"text":` + text + `}]`
			}
			return `{"contents":[{"role":"user","parts":` + parts + `}]` + more + `}`
		},
		image: `[{"text":"hello"},{"inlineData":{"mimeType":"image/png","data":"` + pixel + `"}}]`,
		tool:  `,"tools":[{"functionDeclarations":[{"name":"weather","parameters":` + properties + `}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}`,
		shape: `,"generationConfig":{"responseMimeType":"application/json","responseSchema":{"type":"OBJECT","properties":{"city":{"type":"STRING"}}}}`,
		usage: []string{`"promptTokenCount":100`, `"cachedContentTokenCount":40`, `"candidatesTokenCount":56`, `"thoughtsTokenCount":8`,
			`"totalTokenCount":164`},
		called: []string{`"functionCall":{"args":{"city":"mock","days":7},"name":"weather"}`}, ending: `"finishReason":"STOP"`,
		broken: `"status":"INTERNAL"`, refusal: `"status":"RESOURCE_EXHAUSTED"`,
	}
	vertex := gemini
	vertex.protocol, vertex.header = "vertex", []string{"Authorization", "Bearer k"}
	vertex.path = google("/v1/projects/p/locations/europe-west1/publishers/google/models/")
	converse := dialect{
		protocol: "converse", header: []string{"Authorization", "Bearer k"},
		path: func(model string, stream bool) string {
			if stream {
				return "/model/" + url.PathEscape(model) + "/converse-stream"
			}
			return "/model/" + url.PathEscape(model) + "/converse"
		},
		body: func(_, text, more string, _ bool) string {
			content := text
			if !strings.HasPrefix(text, "[") {
				content = `[{"text":` + text + `}]`
			}
			return `{"messages":[{"role":"user","content":` + content + `}]` + more + `}`
		},
		image:  `[{"text":"hello"},{"image":{"format":"png","source":{"bytes":"` + pixel + `"}}}]`,
		tool:   `,"toolConfig":{"tools":[{"toolSpec":{"name":"weather","inputSchema":{"json":` + properties + `}}}],"toolChoice":{"any":{}}}`,
		shape:  `,"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}}}"}}}}`,
		usage:  []string{`"inputTokens":50`, `"cacheReadInputTokens":40`, `"cacheWriteInputTokens":10`, `"outputTokens":64`, `"totalTokens":164`},
		called: []string{`"name":"weather"`, `"stopReason":"tool_use"`}, ending: "metadata", broken: `{"message":`,
		refusal: `"mock error 429, as asked"`,
	}
	return []dialect{chat, azure, responses, anthropic, gemini, vertex, converse}
}

// say sends one request in the dialect and reads the whole answer.
func (d dialect) say(t testing.TB, server, model, text, more string, stream bool) (*http.Response, string, error) {
	t.Helper()
	return postTo(t, server+d.path(model, stream), d.body(model, text, more, stream), d.header...)
}

// postTo posts JSON under the request id "req_1"; readErr is how the reading of the body ended.
func postTo(t testing.TB, address, body string, header ...string) (resp *http.Response, text string, readErr error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Request-Id", "req_1")
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err = http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	return resp, string(read), err
}

// fullOf is the model of a full usage that the protocol can report, and its tokens.
func (d dialect) fullOf() (string, provider.Tokens) {
	model, tokens := full, provider.Tokens{Prompt: 100, Cached: 40, Written: 10, Completion: 64, Reasoning: 8}
	if d.protocol == "gemini" || d.protocol == "vertex" {
		model, tokens.Written = strings.Replace(full, "write=10,", "", 1), 0
	}
	return model, tokens
}

func contains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s: no %s in %q", what, part, text)
		}
	}
}

// TestDialects has every protocol answer plain and streamed, and compares the usage on the wire with the ledger.
func TestDialects(t *testing.T) {
	for _, d := range dialects() {
		for _, stream := range []bool{false, true} {
			p, server := start(t)
			what := d.protocol + map[bool]string{true: " streamed"}[stream]
			model, tokens := d.fullOf()
			resp, text, err := d.say(t, server, model, `"hello"`, "", stream)
			if err != nil || resp.StatusCode != 200 {
				t.Fatalf("%s: %d %s %v", what, resp.StatusCode, text, err)
			}
			contains(t, what, text, d.usage...)
			contains(t, what, text, "over the low dam")
			want := provider.Entry{RequestID: "req_1", Protocol: d.protocol, Model: model, Stream: stream, Status: 200, Tokens: tokens,
				Billed: true, Reported: true, ServedChunks: 1}
			if stream {
				contains(t, what, text, d.ending)
				want.ServedChunks = 4
			}
			if diff := cmp.Diff(want, last(t, p, 1), ignored()); diff != "" {
				t.Errorf("%s: ledger (-want +got):\n%s", what, diff)
			}
			_, again, _ := d.say(t, server, model, `"hello"`, "", stream)
			if len(again) != len(text) {
				t.Errorf("%s: equal requests got %q and %q", what, text, again)
			}

			_, text, _ = d.say(t, server, "small", d.image, "", stream)
			contains(t, what+" image", text, "over the")
			_, text, _ = d.say(t, server, "small:chunks=1", `"hello"`, d.tool, stream)
			contains(t, what+" tool", text, d.called...)
			contains(t, what+" tool", strings.ReplaceAll(text, `\"`, `"`), `{"city":"mock","days":7}`)
			_, text, _ = d.say(t, server, "small:chunks=1,calls=3", `"hello"`, d.tool, stream)
			if !stream && strings.Count(text, `"weather"`) != 3 {
				t.Errorf("%s: not three calls in %s", what, text)
			}
			_, text, _ = d.say(t, server, "small:chunks=1", `"hello"`, d.shape, stream)
			contains(t, what+" shape", strings.ReplaceAll(text, `\"`, `"`), `{"city":"mock"}`)
			resp, text, _ = d.say(t, server, "small:status=429", `"hello"`, "", stream)
			contains(t, what+" 429", text, d.refusal)
			if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "1" {
				t.Errorf("%s: 429 is %d %v", what, resp.StatusCode, resp.Header)
			}
			resp, text, _ = d.say(t, server, "huge", `"hello"`, "", stream)
			if resp.StatusCode != 404 {
				t.Errorf("%s: an unknown model is %d %s", what, resp.StatusCode, text)
			}
			resp, text, _ = d.say(t, server, "small", `"hello"`, `,"requesty":{}`, stream)
			if resp.StatusCode != 400 || !strings.Contains(text, "requesty") {
				t.Errorf("%s: the router's own field is %d %s", what, resp.StatusCode, text)
			}
		}
	}
}

// TestDialectsFaults sees each fault in every protocol, and what the ledger says of it.
func TestDialectsFaults(t *testing.T) {
	const model = "small:chunks=4,in=10,out=40,fault="
	none, all, half := provider.Tokens{}, provider.Tokens{Prompt: 10, Completion: 40}, provider.Tokens{Prompt: 10, Completion: 20}
	for _, d := range dialects() {
		f := func(fault string, stream bool, wantText string, broken bool, chunks int, tokens provider.Tokens) {
			t.Helper()
			p, server := start(t)
			what := d.protocol + " " + fault + map[bool]string{true: " streamed"}[stream]
			resp, text, err := d.say(t, server, model+fault, `"hello"`, "", stream)
			if resp.StatusCode != 200 || !strings.Contains(text, wantText) || (err != nil) != broken {
				t.Errorf("%s: %d %q %v", what, resp.StatusCode, text, err)
			}
			if fault == "nousage" && (strings.Contains(text, `"totalTokens"`) || strings.Contains(text, `"usage":{`) || strings.Contains(text, "usageMetadata")) {
				t.Errorf("%s: usage was sent: %q", what, text)
			}
			want := provider.Entry{RequestID: "req_1", Protocol: d.protocol, Model: model + fault, Fault: fault, Stream: stream, Status: 200,
				Tokens: tokens, Billed: tokens != none, ServedChunks: chunks}
			if diff := cmp.Diff(want, last(t, p, 1), ignored()); diff != "" {
				t.Errorf("%s: ledger (-want +got):\n%s", what, diff)
			}
		}
		f("cut", false, "", true, 1, all)
		f("cut", true, "over the", true, 2, half)
		f("garbage", false, "<html>\x00", false, 0, none)
		f("garbage", true, "data: 1, 2", false, 0, none)
		f("error200", false, `"message":`, false, 0, none)
		f("errormid", false, `"message":`, false, 0, none)
		if d.protocol != "converse" { // its first frame is throttling
			f("error200", true, d.broken, false, 0, none)
		}
		f("errormid", true, d.broken, false, 2, half)
		f("nousage", false, "", false, 1, all)
		f("nousage", true, d.ending, false, 4, all)
	}
}

// TestDialectsHang leaves each protocol's hanging answer once the request has arrived.
func TestDialectsHang(t *testing.T) {
	for _, d := range dialects() {
		p := provider.New()
		ctx, cancel := context.WithCancel(t.Context())
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			cancel()
			p.ServeHTTP(w, r)
		}))
		const model = "small:fault=hang"
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+d.path(model, true), strings.NewReader(d.body(model, `"hello"`, "", true)))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(d.header); i += 2 {
			req.Header.Set(d.header[i], d.header[i+1])
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			t.Errorf("%s: a hanging provider answered %d", d.protocol, resp.StatusCode)
		}
		want := provider.Entry{Protocol: d.protocol, Model: model, Stream: true, Fault: "hang", ClientGone: true}
		if diff := cmp.Diff(want, last(t, p, 1), ignored()); diff != "" {
			t.Errorf("%s: ledger (-want +got):\n%s", d.protocol, diff)
		}
		server.Close()
	}
}
