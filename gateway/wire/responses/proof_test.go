package responses

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// What another protocol wants back survives the way through a client of Responses: the
// items of an answer, sent back as input, decode to what the answer said.
func TestProofsComeBack(t *testing.T) {
	said := []genai.Part{
		{Kind: genai.Thinking, Text: "Hm.", Proof: &genai.Proof{Signature: "c2ln:s:", From: genai.Anthropic}},
		{Kind: genai.Thinking, Proof: &genai.Proof{Redacted: "ZGF0YQ==", From: genai.Bedrock}},
		{Kind: genai.Thinking, Text: "Plain."},
		{Kind: genai.Text, Text: "I look."},
		{Kind: genai.Call, Call: &genai.ToolCall{ID: "c1", Name: "f", Arguments: `{"a":1}`, Signature: "dGg="}},
		{Kind: genai.Call, Call: &genai.ToolCall{ID: "c2", Name: "f", Arguments: `{}`}},
	}
	to := &wire.Reply{ID: "w1", Quoted: []byte(`"p/m"`)}
	plain := Format{}.AppendResponse(nil, &genai.Response{Choices: []genai.Choice{{Parts: said, Stop: genai.StopTools}}}, to, genai.Usage{}, bill(genai.Usage{}))

	encoder := Format{}.NewEncoder(to)
	var stream []byte
	for i, p := range said {
		start := p
		start.Text = ""
		if p.Proof != nil && p.Proof.Signature != "" {
			start.Proof = &genai.Proof{From: p.Proof.From}
		}
		stream = encoder.Encode(stream, &genai.Event{Kind: genai.PartStart, Index: i, Part: start})
		if p.Text != "" {
			stream = encoder.Encode(stream, &genai.Event{Kind: genai.Delta, Index: i, Text: p.Text})
		}
		if p.Proof != nil && p.Proof.Signature != "" {
			stream = encoder.Encode(stream, &genai.Event{Kind: genai.Delta, Delta: genai.DeltaSignature, Index: i, Text: p.Proof.Signature})
		}
		stream = encoder.Encode(stream, &genai.Event{Kind: genai.PartEnd, Index: i})
	}
	stream = encoder.AppendEnd(stream, genai.Usage{}, bill(genai.Usage{}))
	last := stream[strings.LastIndex(string(stream), "data: ")+len("data: "):]
	streamed := wire.Member(last, jsonscan.Span{End: len(last)}, "response").Of(last)

	for name, response := range map[string][]byte{"plain": plain, "stream": streamed} {
		t.Run(name, func(t *testing.T) {
			items := wire.Member(response, jsonscan.Span{End: len(response)}, "output").Of(response)
			r, e := readRequest([]byte(`{"model":"m","input":` + string(items) + `}`))
			if e != nil {
				t.Fatal(e)
			}
			got, e := r.Decode()
			if e != nil {
				t.Fatal(e)
			}
			for _, p := range got.Messages[0].Parts {
				if p.Call != nil {
					p.Call.ItemID = ""
				}
			}
			if diff := cmp.Diff([]genai.Message{{Role: genai.Assistant, Parts: said}}, got.Messages); diff != "" {
				t.Errorf("%s\n%s", diff, items)
			}
		})
	}
}

// OpenAI is not sent what another protocol's provider signed: such a request does not pass, and is written without.
func TestForeignProofs(t *testing.T) {
	f := func(item string, want bool) {
		t.Helper()
		r, e := readRequest([]byte(`{"model":"m","input":[{"role":"user","content":"Hi"},` + item + `,{"role":"user","content":"And now?"}]}`))
		if e != nil {
			t.Fatal(e)
		}
		if r.Foreign() != want {
			t.Errorf("%s: not %v", item, want)
		}
		decoded, e := r.Decode()
		if e != nil {
			t.Fatal(e)
		}
		out, _, e := Protocol{}.Encode(decoded, wire.Options{Model: "m"})
		if e != nil {
			t.Fatal(e)
		}
		if want && strings.Contains(string(out), "weir:") || !want && !strings.Contains(string(out), "gAAA") {
			t.Errorf("%s became %s", item, out)
		}
	}
	f(`{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"}`, false)
	f(`{"type":"message","role":"assistant","content":[{"type":"output_text","text":"gAAA"}]}`, false)
	f(`{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content" : "weir:anthropic:s:c2ln"}`, true)
	f(`{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"weir:gemini:c:c2ln"},`+
		`{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"1"}`, true)
}
