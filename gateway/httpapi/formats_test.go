package httpapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"weir/gateway/genai"
)

// ask sends a body in a format, by the path of its endpoint.
func (w *world) ask(path, body string) answer {
	w.t.Helper()
	return w.do(context.Background(), http.MethodPost, path, strings.NewReader(body), "Authorization", "Bearer "+apiKey)
}

// paths are the endpoints of the formats that clients speak.
func paths() [3]string { return [3]string{"/v1/chat/completions", "/v1/responses", "/v1/messages"} }

// speaking makes the provider one of a protocol.
func speaking(protocol string) func(*config) {
	return func(c *config) { c.provider.Protocol = protocol }
}

// shaped checks that an error is one of the format's own.
func shaped(t *testing.T, path string, a answer) (message string) {
	t.Helper()
	var e struct {
		Type  string
		Error struct{ Message, Type string }
	}
	if err := json.Unmarshal([]byte(a.body), &e); err != nil || e.Error.Message == "" || e.Error.Type == "" || (path == "/v1/messages") != (e.Type == "error") {
		t.Errorf("no error of %s: %d %s", path, a.status, a.body)
	}
	return e.Error.Message
}

// streamed are the protocols whose streams are server-sent events.
func streamed() [4]string {
	return [4]string{genai.Chat, genai.Responses, genai.Anthropic, genai.Gemini}
}

// texts are answers of two words in each protocol.
func texts(protocol string) string {
	return map[string]string{
		genai.Chat:      `{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}`,
		genai.Responses: `{"id":"r","object":"response","status":"completed","output":[{"type":"message","id":"m","role":"assistant","content":[{"type":"output_text","text":"hello","annotations":[]}]}],"usage":{"input_tokens":3,"output_tokens":2}}`,
		genai.Anthropic: `{"id":"m","type":"message","role":"assistant","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}}`,
		genai.Gemini:    `{"candidates":[{"content":{"parts":[{"text":"hello"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2}}`,
		genai.Bedrock:   `{"output":{"message":{"role":"assistant","content":[{"text":"hello"}]}},"stopReason":"end_turn","usage":{"inputTokens":3,"outputTokens":2}}`,
	}[protocol]
}

// Input that is wrong in every way is refused in the format's own shape, whatever the
// provider speaks, or means something; and never fails the gateway.
func TestStrangeRequests(t *testing.T) {
	deep := strings.Repeat(`[`, 2000) + strings.Repeat(`]`, 2000)
	tool := `{"type":"function","name":"f","input_schema":{"type":"object"},"function":{"name":"f"}}`
	values := []string{`null`, `true`, `-1`, `1e999`, `99999999999999999999`, `""`, `"\ud800"`, `"` + "\xff\xfe" + `"`, `[]`, `{}`, `[null]`, `[1]`, `[[]]`, `[{}]`, `[{"":1}]`, deep,
		`[{"role":1}]`, `[{"role":"user"}]`, `[{"role":"user","content":null}]`, `[{"role":"user","content":1}]`, `[{"role":"user","content":[]}]`, `[{"role":"user","content":[null]}]`,
		`[{"role":"user","content":[{"type":"nothing"}]}]`, `[{"role":"robot","content":"x"}]`, `[{"role":"assistant","content":""}]`, `[{"role":"user","role":"user","content":"x","content":"y"}]`,
		`[{"role":"user","content":[{"type":"tool_result"}]}]`, `[{"role":"user","content":[{"type":"tool_result","tool_use_id":"none","content":[{"type":"text"}]}]}]`, `[{"role":"tool","content":"x"}]`,
		`[{"type":"function_call_output","call_id":"none","output":[1]}]`, `[{"type":"function_call"}]`, `[{"type":"reasoning","summary":1}]`, `[{"type":"item_reference","id":"x"}]`, `[{"type":"future"}]`,
		`[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"%%%"}}]}]`, `[{"role":"user","content":[{"type":"image","source":null}]}]`,
		`[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:;base64,%%"}}]}]`, `[{"role":"user","content":[{"type":"image_url","image_url":1}]}]`,
		`[{"role":"user","content":[{"type":"input_image","image_url":"data:"}]}]`, `[{"role":"user","content":[{"type":"input_file","file_data":"x"}]}]`, `[{"role":"user","content":[{"type":"document","source":{"type":"text"}}]}]`,
		`[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":[1]}]}]`, `[{"role":"assistant","content":[{"type":"thinking"}]}]`, `[{"role":"assistant","tool_calls":[{"id":1}]}]`,
		`[{"name":"f"},{"name":"f"}]`, `[{"type":"function"}]`, `[{"type":"web_search_20250305","name":"web_search","max_uses":-1}]`, `{"type":"tool"}`, `{"type":"function"}`, `{"type":"enabled"}`, `{"type":"enabled","budget_tokens":-5}`,
		`{"type":"json_schema"}`, `{"type":"json_schema","json_schema":{"schema":1}}`, `{"format":{"type":"json_schema","schema":[]}}`, `{"effort":1}`, `[` + strings.TrimSuffix(strings.Repeat(tool+`,`, 10_000), `,`) + `]`}
	fields := map[string][]string{
		paths()[0]: {"messages", "tools", "tool_choice", "response_format", "reasoning_effort", "stop", "temperature", "max_tokens", "metadata", "n", "user", "stream", "stream_options", "logprobs", "parallel_tool_calls", ""},
		paths()[1]: {"input", "instructions", "tools", "tool_choice", "text", "reasoning", "temperature", "max_output_tokens", "metadata", "previous_response_id", "conversation", "include", "store", "background", "prompt", ""},
		paths()[2]: {"messages", "system", "tools", "tool_choice", "thinking", "output_config", "output_format", "stop_sequences", "temperature", "max_tokens", "metadata", "top_k", "service_tier", "mcp_servers", ""},
	}
	for _, protocol := range genai.Protocols() {
		t.Run(protocol, func(t *testing.T) {
			w := start(t, respond(200, texts(protocol)), speaking(protocol), func(c *config) { c.limits.MaxBody = 4 << 20 })
			w.journal.forget = true
			for path, names := range fields {
				base := map[string]string{"model": `"mock/small"`, "messages": `[{"role":"user","content":"hi"}]`, "max_tokens": "20"}
				if path == paths()[1] {
					base = map[string]string{"model": `"mock/small"`, "input": `"hi"`}
				}
				for _, name := range names {
					for _, value := range values {
						if len(value) > 100_000 && name != "tools" || protocol != genai.Gemini && len(value) > 100_000 && testing.Short() {
							continue
						}
						body := `{` + `"` + name + `":` + value
						for field, v := range base {
							if field != name {
								body += `,"` + field + `":` + v
							}
						}
						a := w.ask(path, body+`}`)
						if a.status == 200 {
							continue
						}
						if message := shaped(t, path, a); a.status >= 500 || a.status != 400 && a.status != 404 || len(message) > 600 {
							t.Errorf("%s %s=%.200s: %d %s", path, name, value, a.status, a.body)
						}
						if a.status == 400 && !strings.Contains(a.body, "not valid JSON") && !strings.Contains(a.body, "'") && !strings.Contains(a.body, " parameter") {
							t.Errorf("%s %s=%.200s: no field in %s", path, name, value, a.body)
						}
					}
				}
			}
			if _, panicked, found := strings.Cut(w.log.String(), "panic"); found {
				t.Error(panicked)
			}
		})
	}
}

// begun are streams of SSE protocols as far as their first word, with what some
// providers report of usage before it.
func begun(protocol string) (before, word, rest string) {
	switch protocol {
	case genai.Responses:
		return "data: " + `{"type":"response.created","response":{"id":"r","output":[],"usage":null},"sequence_number":0}` + "\n\n" +
				"data: " + `{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"m","role":"assistant","content":[]},"sequence_number":1}` + "\n\n" +
				"data: " + `{"type":"response.content_part.added","item_id":"m","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]},"sequence_number":2}` + "\n\n",
			"data: " + `{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":"hello","sequence_number":3}` + "\n\n",
			"data: " + `{"type":"response.completed","response":{"id":"r","status":"completed","output":[]},"sequence_number":4}` + "\n\n"
	case genai.Anthropic:
		return "event: message_start\ndata: " + `{"type":"message_start","message":{"id":"m","usage":{"input_tokens":3,"output_tokens":1}}}` + "\n\n" +
				"event: content_block_start\ndata: " + `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}` + "\n\n",
			"event: content_block_delta\ndata: " + `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hello"}}` + "\n\n",
			"event: content_block_stop\ndata: " + `{"type":"content_block_stop","index":0}` + "\n\nevent: message_delta\ndata: " + `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}` + "\n\n" +
				"event: message_stop\ndata: " + `{"type":"message_stop"}` + "\n\n"
	case genai.Gemini:
		return "", "data: " + `{"candidates":[{"content":{"parts":[{"text":"hello"}]},"index":0}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1}}` + "\n\n",
			"data: " + `{"candidates":[{"content":{"parts":[{"text":"!"}]},"finishReason":"STOP","index":0}]}` + "\n\n"
	}
	return "", "data: " + content("hello") + "\n\n", "data: " + stopChunk + "\n\ndata: [DONE]\n\n"
}

// A stream that breaks off, or goes on with something else, ends in the format's own error
// event, and the books hold it as a call that failed.
func TestStreamsThatBreak(t *testing.T) {
	for _, protocol := range streamed() {
		before, word, _ := begun(protocol)
		for name, rest := range map[string]string{"ends": "", "garbage": "data: <html>\n\n", "half an event": "data: {\"type\":", "its error": "event: error\ndata: " +
			`{"type":"error","error":{"type":"overloaded_error","message":"busy","code":503},"code":"server_error","message":"busy"}` + "\n\n"} {
			for _, path := range paths() {
				t.Run(protocol+" "+path+" "+name, func(t *testing.T) {
					w := start(t, raw(before+word+rest), speaking(protocol))
					a := w.ask(path, `{"model":"mock/small","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}],"input":"hi"}`)
					if a.status != 200 || !strings.Contains(a.body, "hello") {
						t.Fatalf("%d %s", a.status, a.body)
					}
					last := a.body[strings.LastIndex(strings.TrimSuffix(a.body, "\n\n"), "\n\n")+2:]
					if !strings.Contains(last, `"message":`) || !strings.HasPrefix(last, "event: error\n") {
						t.Errorf("the last event is %q", last)
					}
					if c := w.only(); c.response.ErrorKind == "" || c.usage.ErrorKind == "" {
						t.Errorf("recorded as %v", c.response)
					}
				})
			}
		}
	}
}

// Usage that no provider reported is counted by the gateway, in translated streams too.
func TestTranslatedStreamsWithoutUsage(t *testing.T) {
	for _, protocol := range streamed() {
		before, word, rest := begun(protocol)
		silent := strings.NewReplacer(`,"usage":{"input_tokens":3,"output_tokens":1}`, "", `,"usage":{"output_tokens":2}`, "", `,"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1}`, "").Replace(before + word + rest)
		for _, path := range paths() {
			t.Run(protocol+" "+path, func(t *testing.T) {
				w := start(t, raw(silent), speaking(protocol))
				a := w.ask(path, `{"model":"mock/small","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}],"input":"hi","stream_options":{"include_usage":true}}`)
				if a.status != 200 || !strings.Contains(a.body, "hello") || strings.Contains(a.body, "event: error") {
					t.Fatalf("%d %s", a.status, a.body)
				}
				c := w.only()
				if c.response.ErrorKind != "" || c.usage.Tokens.GetOutput() == 0 || c.usage.Tokens.GetInput() == 0 || !c.usage.Estimated {
					t.Errorf("recorded as %v", c.usage)
				}
			})
		}
	}
}

// Pings flow while the provider thinks, in translated streams too.
func TestPingsOfTranslatedStreams(t *testing.T) {
	for _, protocol := range streamed() {
		before, word, rest := begun(protocol)
		for _, path := range paths() {
			t.Run(protocol+" "+path, func(t *testing.T) {
				seen := make(chan bool)
				w := start(t, func(rw http.ResponseWriter, r *http.Request) {
					s := events(rw, r)
					ping := ": keep-alive\n\n"
					if protocol == genai.Anthropic {
						ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n"
					}
					_, _ = io.WriteString(rw, before+ping)
					s.send()
					select {
					case <-seen: // the client has it before the answer goes on
					case <-r.Context().Done():
						return
					}
					_, _ = io.WriteString(rw, word+rest)
					s.send()
				}, speaking(protocol))
				resp := w.send(context.Background(), http.MethodPost, path, strings.NewReader(`{"model":"mock/small","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}],"input":"hi"}`),
					"Authorization", "Bearer "+apiKey)
				defer resp.Body.Close()
				var text strings.Builder
				buf := make([]byte, 4096)
				for told := false; ; {
					n, err := resp.Body.Read(buf)
					text.Write(buf[:n])
					if !told && (strings.Contains(text.String(), "\n: ") || strings.HasPrefix(text.String(), ":") || strings.Contains(text.String(), "ping")) {
						told = true
						close(seen)
					}
					if err != nil {
						break
					}
				}
				if !strings.Contains(text.String(), "hello") {
					t.Errorf("got %s", text.String())
				}
			})
		}
	}
}

// raw answers with a stream as it stands.
func raw(text string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		s := events(rw, r)
		_, _ = io.WriteString(rw, text)
		s.send()
	}
}

// What was changed for the provider is told in a header, each with the client's field,
// and no more of it than a header holds.
func TestWarnings(t *testing.T) {
	w := start(t, respond(200, texts(genai.Anthropic)), speaking(genai.Anthropic))
	var unknown strings.Builder
	for i := range 5000 {
		unknown.WriteString(`,"unknown_` + strings.Repeat("x", i%40) + `":1`)
	}
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"none": {`"max_completion_tokens":9`, nil},
		"two":  {`"max_completion_tokens":9,"seed":1,"temperature":1.5`, []string{"seed was left out", "temperature was lowered to 1"}},
		"many": {`"max_completion_tokens":9` + unknown.String(), []string{"unknown_ was left out", " more"}},
	} {
		a := w.ask(paths()[0], `{"model":"mock/small","messages":[{"role":"user","content":"hi"}],`+c.body+`}`)
		got := a.header.Get("X-Requesty-Warnings")
		if a.status != 200 || len(got) > 4096 || (got == "") != (c.want == nil) {
			t.Errorf("%s: %d, %d bytes: %.200s", name, a.status, len(got), got)
		}
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in %.300s", name, want, got)
			}
		}
	}
}
