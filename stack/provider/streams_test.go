package provider_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// named are the names of a stream's events, runs of the same one once, without what comes before prefix.
func named(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "event: ")
		if ok && (len(list) == 0 || list[len(list)-1] != name) {
			list = append(list, name)
		}
	}
	return list
}

func TestAnthropicStream(t *testing.T) {
	_, server := start(t)
	d := dialects()[3]
	f := func(model, more string, want ...string) string {
		t.Helper()
		_, text, _ := d.say(t, server, model, `"hello"`, more, true)
		if diff := cmp.Diff(want, named(text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", model, diff)
		}
		return text
	}
	const begin, delta, end = "content_block_start", "content_block_delta", "content_block_stop"
	text := f("small:in=100,cached=40,write=30,write1h=20,searches=2", "", "message_start", "ping", begin, delta, end, "message_delta", "message_stop")
	contains(t, "usage", text, `"input_tokens":30`, `"ephemeral_5m_input_tokens":10`, `"ephemeral_1h_input_tokens":20`, `"web_search_requests":2`,
		`"output_tokens":1,`)
	text = f("small:reasoning=5,out=20", "", "message_start", "ping", begin, delta, end, begin, delta, end, "message_delta", "message_stop")
	contains(t, "thought", text, `"thinking_delta"`, `"signature_delta"`, `"index":1`)
	text = f("small:calls=2", d.tool, "message_start", "ping", begin, delta, end, begin, delta, end, "message_delta", "message_stop")
	contains(t, "calls", text, `"input_json_delta"`, `"id":"toolu_mock3x1"`, `"stop_reason":"tool_use"`)
	f("small:fault=errormid", "", "message_start", "ping", begin, delta, "error")
	f("small:fault=error200", "", "error")
	contains(t, "stop", f("small:stop=filter", "", "message_start", "ping", begin, delta, end, "message_delta", "message_stop"), `"refusal"`)
}

// TestThoughtsComeBack sends a thought back as it was given, which is accepted, and changed, which is not.
func TestThoughtsComeBack(t *testing.T) {
	_, server := start(t)
	d := dialects()[3]
	_, text, _ := d.say(t, server, "small:reasoning=9,out=20", `"hello"`, "", false)
	var m struct{ Content json.RawMessage }
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	f := func(content string, status int) {
		t.Helper()
		resp, text, _ := postTo(t, server+"/v1/messages", `{"model":"small","max_tokens":9,"messages":[{"role":"user","content":"a"},`+
			`{"role":"assistant","content":`+content+`},{"role":"user","content":"b"}]}`, d.header...)
		if resp.StatusCode != status {
			t.Errorf("%s: %d %s", content, resp.StatusCode, text)
		}
	}
	f(string(m.Content), 200)
	f(strings.Replace(string(m.Content), "low dam", "high dam", 1), 400)
}

func TestResponsesStream(t *testing.T) {
	_, server := start(t)
	d := dialects()[2]
	f := func(model, more string, want ...string) string {
		t.Helper()
		_, text, _ := d.say(t, server, model, `"hello"`, more, true)
		for i := range want {
			want[i] = "response." + want[i]
		}
		if diff := cmp.Diff(want, named(text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", model, diff)
		}
		for i, event := range events(t, withoutNames(text)) {
			var e struct {
				Type string
				Seq  *int `json:"sequence_number"`
			}
			if err := json.Unmarshal([]byte(event), &e); err != nil || e.Seq == nil || *e.Seq != i {
				t.Errorf("event %d is %s", i, event)
			}
		}
		return text
	}
	f("small", "", "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "output_text.done",
		"content_part.done", "output_item.done", "completed")
	text := f("small:reasoning=5,out=20,chunks=2", `,"reasoning":{"summary":"auto"},"include":["reasoning.encrypted_content"]`,
		"created", "in_progress", "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta", "reasoning_summary_text.done",
		"reasoning_summary_part.done", "output_item.done", "output_item.added", "content_part.added", "output_text.delta", "output_text.done",
		"content_part.done", "output_item.done", "completed")
	contains(t, "thought", text, `"encrypted_content":"enc_`, `"output_index":1`)
	text = f("small:calls=2,chunks=3", d.tool, "created", "in_progress", "output_item.added", "function_call_arguments.delta",
		"function_call_arguments.done", "output_item.done", "output_item.added", "function_call_arguments.delta", "function_call_arguments.done",
		"output_item.done", "completed")
	contains(t, "calls", text, `"call_id":"call_mock3x1"`)
	text = f("small", `,"max_output_tokens":16`, "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
		"output_text.done", "content_part.done", "output_item.done", "incomplete")
	contains(t, "limit", text, `"reason":"max_output_tokens"`, `"output_tokens":16`)
	f("small:fault=errormid", "", "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "failed")
	_, text, _ = d.say(t, server, "small:fault=error200", `"hello"`, "", true)
	contains(t, "first event", text, "event: error\n")
}

func withoutNames(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "event: ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestGeminiStream(t *testing.T) {
	p, server := start(t)
	d := dialects()[4]
	_, text, _ := d.say(t, server, "small:chunks=2,out=20,reasoning=6,in=30,tooluse=5,searches=1", `"hello"`,
		`,"generationConfig":{"thinkingConfig":{"includeThoughts":true}}`, true)
	list := events(t, text)
	if len(list) != 4 {
		t.Fatalf("%d events: %s", len(list), text)
	}
	contains(t, "thought", list[0], `"thought":true`, `"candidatesTokenCount":0`, `"thoughtsTokenCount":6`)
	contains(t, "first", list[1], `"candidatesTokenCount":7`)
	contains(t, "last", list[3], `"candidatesTokenCount":14`, `"promptTokenCount":25`, `"toolUsePromptTokenCount":5`, `"totalTokenCount":50`,
		`"webSearchQueries":["mock search"]`, `"thoughtSignature"`)
	if e := last(t, p, 1); e.ToolUse != 5 || e.Prompt != 30 || e.Searches != 1 {
		t.Errorf("ledger has %+v", e)
	}

	for fault, broken := range map[string]bool{"": false, ",fault=errormid": true} {
		_, text, _ = postTo(t, server+"/v1beta/models/small:chunks=3"+fault+":streamGenerateContent", d.body("", `"hello"`, "", true), d.header...)
		var whole []struct {
			Candidates []any
			Error      *struct{ Status string }
		}
		if err := json.Unmarshal([]byte(text), &whole); err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		if end := whole[len(whole)-1]; (end.Error != nil) != broken {
			t.Errorf("%s: the list ends with %+v", fault, end)
		}
	}
	_, text, _ = d.say(t, server, "small:chunks=2,calls=2", `"hello"`, `,"generationConfig":{"candidateCount":2}`+d.tool, true)
	if n := strings.Count(text, `"functionCall"`); n != 4 {
		t.Errorf("two calls of two candidates are %d: %s", n, text)
	}
	_, text, _ = d.say(t, server, "small:write=5", `"hello"`, "", false)
	contains(t, "cache writes", text, "reports no cache writes")
}

func TestCounts(t *testing.T) {
	p, server := start(t)
	anthropic := dialects()[3]
	_, text, _ := postTo(t, server+"/v1/messages/count_tokens?beta=true", `{"model":"small:in=42","messages":[{"role":"user","content":"hi"}]}`, anthropic.header...)
	contains(t, "anthropic", text, `{"input_tokens":42}`)
	resp, text, _ := postTo(t, server+"/v1/messages/count_tokens", `{"model":"small","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}`, anthropic.header...)
	if resp.StatusCode != 400 {
		t.Errorf("a limit for a count is %s", text)
	}
	_, text, _ = postTo(t, server+"/v1beta/models/small:in=42:countTokens", `{"contents":[{"parts":[{"text":"hi"}]}]}`, "X-Goog-Api-Key", "k")
	contains(t, "gemini", text, `"totalTokens":42`)
	for _, e := range p.Entries() {
		if e.Billed || e.Prompt != 0 {
			t.Errorf("a count was billed: %+v", e)
		}
	}
}

func TestShownThoughtsOfChat(t *testing.T) {
	_, url := start(t)
	_, text, _ := post(t, url, chatBody("small:reasoning=5,out=20,thoughts=on", ""))
	contains(t, "plain", text, `"reasoning_content":"over the`)
	_, text, _ = post(t, url, chatBody("small:reasoning=5,out=20,thoughts=on", streamed))
	contains(t, "streamed", text, `{"reasoning_content":"over the`)
	_, text, _ = post(t, url, chatBody("small:reasoning=5,out=20,thoughts=off", streamed))
	if strings.Contains(text, "reasoning_content") {
		t.Errorf("hidden thoughts are shown: %s", text)
	}
}
