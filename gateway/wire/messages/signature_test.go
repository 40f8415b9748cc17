package messages

import (
	"encoding/json"
	"strings"
	"testing"

	"weir/gateway/genai"
	"weir/gateway/wire"

	"github.com/google/go-cmp/cmp"
)

// Gemini signs calls, and wants the signatures back with them: they go through a client of Messages, whose calls
// have no place for one, with the thinking before them.
func TestSignaturesOfCalls(t *testing.T) {
	signed := func(name, signature string) genai.Part {
		return genai.Part{Kind: genai.Call, Call: &genai.ToolCall{ID: name, Name: name, Arguments: `{}`, Signature: signature}}
	}
	thought := genai.Part{Kind: genai.Thinking, Text: "hm"}
	proved := genai.Part{Kind: genai.Thinking, Text: "hm", Proof: &genai.Proof{From: genai.Gemini, Signature: "YQ=="}}
	for name, parts := range map[string][]genai.Part{
		"with the thinking":        {thought, signed("a", "YWI=")},
		"the thinking is hidden":   {{Kind: genai.Thinking, Proof: &genai.Proof{From: genai.Anthropic, Redacted: "Em=="}}, signed("a", "YWI=")},
		"without":                  {{Text: "Look."}, signed("a", "YWI=")},
		"the thinking has its own": {proved, signed("a", "YWI=")},
		"each":                     {signed("a", "YWI="), signed("b", "YmM=")},
		"the first":                {thought, signed("a", "YWI="), signed("b", "")},
		"the second":               {thought, signed("a", ""), signed("b", "YmM=")},
	} {
		t.Run(name, func(t *testing.T) {
			r := &genai.Response{ID: "x", Choices: []genai.Choice{{Parts: parts, Stop: genai.StopTools}}}
			plain := Format{}.AppendResponse(nil, r, reply(), genai.Usage{}, nil)
			var message struct{ Content json.RawMessage }
			if err := json.Unmarshal(plain, &message); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(parts, returned(t, message.Content)); diff != "" {
				t.Errorf("plain: %s", diff)
			}
			if diff := cmp.Diff(parts, returned(t, streamed(t, parts))); diff != "" {
				t.Errorf("streamed: %s", diff)
			}
		})
	}
}

// What another protocol's provider signed must not pass to Anthropic as it is.
func TestForeign(t *testing.T) {
	f := func(block string, want bool) {
		t.Helper()
		r, e := Format{}.ReadRequest([]byte(`{"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":[` + block + `]}]}`))
		if e != nil {
			t.Fatal(e)
		}
		if signed, ok := r.(wire.Foreign); !ok || signed.Foreign() != want {
			t.Errorf("%s: not %v", block, want)
		}
	}
	f(`{"type":"thinking","thinking":"hm","signature":"EqQB"}`, false)
	f(`{"type":"thinking","thinking":"hm","signature":""}`, false)
	f(`{"type":"text","text":"\"signature\":\"gemini::sYQ==\""}`, false)
	f(`{"type":"text","text":"signature"},{"type":"text","text":"gemini::s"}`, false)
	f(`{"type":"thinking","thinking":"hm","signature":"gemini::sYQ=="}`, true)
	f(`{"type":"thinking","thinking":"hm","signature":"EqQB"},{"type":"thinking","thinking":"", "signature" : "gemini:call:sYQ=="}`, true)
	f(`{"type":"thinking","thinking":"","signature":"openai-responses:rs_1:rgAAA"}`, true)
}

// returned is what a client's next request says of the content of an answer.
func returned(t *testing.T, content []byte) []genai.Part {
	t.Helper()
	r, e := Format{}.ReadRequest([]byte(`{"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":` + string(content) + `}]}`))
	if e != nil {
		t.Fatal(e)
	}
	out, e := r.Decode()
	if e != nil {
		t.Fatal(e)
	}
	return out.Messages[0].Parts
}

// streamed is the content that a client puts together from a stream of the parts.
func streamed(t *testing.T, parts []genai.Part) []byte {
	t.Helper()
	w := Format{}.NewEncoder(reply())
	out := w.Encode(nil, &genai.Event{Kind: genai.Start})
	for _, p := range parts {
		text := p.Text
		p.Text = ""
		out = w.Encode(out, &genai.Event{Kind: genai.PartStart, Part: p})
		if text != "" {
			out = w.Encode(out, &genai.Event{Kind: genai.Delta, Text: text})
		}
		out = w.Encode(out, &genai.Event{Kind: genai.PartEnd})
	}
	var blocks []map[string]any
	for line := range strings.Lines(string(out)) {
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var e struct {
			Index int
			Block map[string]any `json:"content_block"`
			Delta map[string]string
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatalf("%v: %s", err, data)
		}
		if e.Block != nil {
			blocks = append(blocks, e.Block)
		}
		for name, piece := range e.Delta {
			if name == "text" || name == "thinking" || name == "signature" {
				blocks[e.Index][name] = blocks[e.Index][name].(string) + piece
			}
		}
	}
	content, err := json.Marshal(blocks)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
