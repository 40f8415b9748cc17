package chat

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

func TestDecodeRefuses(t *testing.T) {
	const hi = `"messages":[{"role":"user","content":"a"}]`
	for rest, param := range map[string]string{
		`"messages":["a"]`:                                                                           "messages[0]",
		`"messages":[{"role":"bot","content":"a"}]`:                                                  "messages[0].role",
		`"messages":[{"content":"a"}]`:                                                               "messages[0].role",
		`"messages":[{"role":"user","content":{"a":1}}]`:                                             "messages[0].content",
		`"messages":[{"role":"user","content":"a"},{"role":"tool","content":"b"}]`:                   "messages[1].tool_call_id",
		`"messages":[{"role":"function","name":"f","content":"a"}]`:                                  "messages[0].role",
		`"messages":[{"role":"assistant","function_call":{"name":"f"}}]`:                             "messages[0].function_call",
		`"messages":[{"role":"assistant","audio":{"id":"a"}}]`:                                       "messages[0].audio",
		`"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"video"}]}]`:       "messages[0].content[1].type",
		`"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:x"}}]}]`: "messages[0].content[0].image_url.url",
		`"messages":[{"role":"user","content":[{"type":"file","file":{}}]}]`:                         "messages[0].content[0].file",
		hi + `,"tools":[{"function":{"name":"f"}}]`:                                                  "tools[0].type",
		hi + `,"tools":[{"type":"function","function":{}}]`:                                          "tools[0].function.name",
		hi + `,"functions":[]`:                                                                       "functions",
		hi + `,"tool_choice":"some"`:                                                                 "tool_choice",
		hi + `,"tool_choice":{"type":"allowed_tools"}`:                                               "tool_choice",
		hi + `,"response_format":{"type":"xml"}`:                                                     "response_format.type",
		hi + `,"response_format":{"type":"json_schema","json_schema":{}}`:                            "response_format.json_schema.schema",
		hi + `,"stop":[1]`:              "stop",
		hi + `,"temperature":"1"`:       "temperature",
		hi + `,"reasoning_effort":1`:    "reasoning_effort",
		hi + `,"logprobs":"yes"`:        "logprobs",
		hi + `,"parallel_tool_calls":1`: "parallel_tool_calls",
	} {
		r, e := readRequest([]byte(`{"model":"m",` + rest + `}`))
		if e != nil {
			t.Fatal(e)
		}
		if _, e := r.Decode(); e == nil || e.Status != 400 || e.Param != param || !strings.Contains(e.Message, param) {
			t.Errorf("%s: got %+v, want a 400 with param %q", rest, e, param)
		}
	}
}

// What another protocol wants back survives the way through a client of Chat
// Completions: the message of an answer, sent back, decodes to what the answer said.
func TestProofsComeBack(t *testing.T) {
	said := []genai.Part{
		{Kind: genai.Thinking, Text: "Hm.", Proof: &genai.Proof{Signature: "c2ln", From: genai.Anthropic}},
		{Kind: genai.Thinking, Proof: &genai.Proof{Redacted: "ZGF0YQ==", From: genai.Bedrock}},
		{Kind: genai.Thinking, Text: "More.", Proof: &genai.Proof{Redacted: "gAAA", ID: "rs_1", From: genai.Responses}},
		{Kind: genai.Text, Text: "I look."},
		{Kind: genai.Call, Call: &genai.ToolCall{ID: "c1", Name: "f", Arguments: `{"a":1}`, Signature: "dGg="}},
	}
	to := &wire.Reply{ID: "w1", Quoted: []byte(`"p/m"`)}
	out := Format{}.AppendResponse(nil, &genai.Response{Choices: []genai.Choice{{Parts: said, Stop: genai.StopTools}}}, to, genai.Usage{}, bill(genai.Usage{}))
	choices := wire.Member(out, jsonscan.Span{End: len(out)}, "choices")
	first := jsonscan.Array(out, choices.Start)
	first.Next()
	message := wire.Member(out, first.Value, "message").Of(out)
	r, e := readRequest([]byte(`{"model":"m","messages":[` + string(message) + `]}`))
	if e != nil {
		t.Fatal(e)
	}
	got, e := r.Decode()
	if e != nil {
		t.Fatal(e)
	}
	if diff := cmp.Diff([]genai.Message{{Role: genai.Assistant, Parts: said}}, got.Messages); diff != "" {
		t.Errorf("%s\n%s", diff, message)
	}
}

// A client that put the pieces of a stream together has the thinking once, and the
// signature in a block of its own or with it.
func TestThinkingOfAStreamComesBack(t *testing.T) {
	want := []genai.Part{{Kind: genai.Thinking, Text: "I look.", Proof: &genai.Proof{Signature: "c2ln", From: genai.Anthropic}}}
	for name, message := range map[string]string{
		"pieces":     `{"role":"assistant","reasoning_content":"I look.","thinking_blocks":[{"type":"thinking","thinking":"I "},{"type":"thinking","thinking":"look."},{"type":"thinking","thinking":"","signature":"c2ln"}]}`,
		"signature":  `{"role":"assistant","reasoning_content":"I look.","thinking_blocks":[{"type":"thinking","signature":"c2ln"}]}`,
		"whole":      `{"role":"assistant","thinking_blocks":[{"type":"thinking","thinking":"I look.","signature":"c2ln"}]}`,
		"openrouter": `{"role":"assistant","reasoning":"I look.","reasoning_details":[{"type":"reasoning.text","text":"I look.","signature":"c2ln","format":"anthropic-claude-v1","index":0}]}`,
	} {
		r, e := readRequest([]byte(`{"model":"m","messages":[` + message + `]}`))
		if e != nil {
			t.Fatal(e)
		}
		got, e := r.Decode()
		if e != nil {
			t.Fatal(e)
		}
		if diff := cmp.Diff(want, got.Messages[0].Parts); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
