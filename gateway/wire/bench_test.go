package wire_test

import (
	"fmt"
	"strings"
	"testing"

	"weir/gateway/genai"
	"weir/gateway/wire"
	"weir/gateway/wire/wiretest"
)

// conversation is a request of about 100 kB as an agent sends it, by the format.
func conversation(f wire.Format) []byte {
	turns := map[string][3]string{ // a question, a call, its result
		genai.Chat: {`{"role":"user","content":"TEXT"}`,
			`{"role":"assistant","content":"I look.","tool_calls":[{"id":"ID","type":"function","function":{"name":"read","arguments":"{\"path\":\"a.go\"}"}}]}`,
			`{"role":"tool","tool_call_id":"ID","content":"TEXT"}`},
		genai.Responses: {`{"role":"user","content":[{"type":"input_text","text":"TEXT"}]}`,
			`{"type":"message","role":"assistant","content":[{"type":"output_text","text":"I look.","annotations":[]}]},{"type":"function_call","call_id":"ID","name":"read","arguments":"{\"path\":\"a.go\"}"}`,
			`{"type":"function_call_output","call_id":"ID","output":"TEXT"}`},
		genai.Anthropic: {`{"role":"user","content":[{"type":"text","text":"TEXT"}]}`,
			`{"role":"assistant","content":[{"type":"text","text":"I look."},{"type":"tool_use","id":"ID","name":"read","input":{"path":"a.go"}}]}`,
			`{"role":"user","content":[{"type":"tool_result","tool_use_id":"ID","content":"TEXT"}]}`},
	}[f.Protocol()]
	var all []string
	for i := range 84 {
		text := strings.Repeat(fmt.Sprintf(`lorem \"ipsum\" %d\n`, i), 25)
		for _, turn := range turns {
			all = append(all, strings.NewReplacer("TEXT", text, "ID", fmt.Sprintf("call_%d", i)).Replace(turn))
		}
	}
	tool := `{"type":"function","name":"read","input_schema":{"type":"object"},"parameters":{"type":"object"}}`
	if f.Protocol() == genai.Chat {
		tool = `{"type":"function","function":{"name":"read","parameters":{"type":"object"}}}`
	}
	if f.Protocol() == genai.Anthropic {
		tool = `{"name":"read","input_schema":{"type":"object"}}`
	}
	list := strings.Join(all, ",")
	if f.Protocol() == genai.Responses {
		return []byte(`{"model":"p/m","input":[` + list + `],"tools":[` + tool + `]}`)
	}
	return []byte(`{"model":"p/m","max_tokens":1000,"messages":[` + list + `],"tools":[` + tool + `]}`)
}

// BenchmarkRequest translates a conversation of 100 kB: read, decoded, fitted, written.
func BenchmarkRequest(b *testing.B) {
	pairs(b, func(b *testing.B, f wire.Format, p wire.Protocol) {
		body := conversation(f)
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			r, e := f.ReadRequest(body)
			if e != nil {
				b.Fatal(e)
			}
			decoded, e := r.Decode()
			if e != nil {
				b.Fatal(e)
			}
			if _, e = genai.Fit(decoded, p.Name(), p.Knows); e != nil {
				b.Fatal(e)
			}
			if _, _, e = p.Encode(decoded, wire.Options{Model: model(p)}); e != nil {
				b.Fatal(e)
			}
		}
	})
}

// chunks are how a protocol's stream begins, and a chunk of text in it.
func chunks(b *testing.B, p wire.Protocol) (before, chunk []byte) {
	switch p.Name() {
	case genai.Chat:
		const chunk = `data: {"id":"chatcmpl-123456789","object":"chat.completion.chunk","created":1767225600,"model":"small","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"content":" lorem"},"logprobs":null,"finish_reason":null}],"usage":null}` + "\n\n"
		return []byte(chunk), []byte(chunk)
	case genai.Responses:
		const head = `{"type":"response.output_text.delta","item_id":"msg_67ccd2bf17f0819081ff3bb2cf6508e6","output_index":0,"content_index":0,`
		return []byte(`data: {"type":"response.created","response":{"id":"resp_1","model":"m","output":[],"usage":null},"sequence_number":0}` + "\n\n"),
			[]byte("event: response.output_text.delta\ndata: " + head + `"delta":" lorem","logprobs":[],"sequence_number":7,"obfuscation":"abcdef"}` + "\n\n")
	case genai.Anthropic:
		return []byte("event: message_start\n" + `data: {"type":"message_start","message":{"id":"msg_1"}}` + "\n\n" +
				"event: content_block_start\n" + `data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}` + "\n\n"),
			[]byte("event: content_block_delta\n" + `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" lorem"}}` + "\n\n")
	case genai.Gemini:
		const chunk = `data: {"candidates": [{"content": {"parts": [{"text": "a few words of an answer"}],"role": "model"},"index": 0}],` +
			`"usageMetadata": {"promptTokenCount": 9,"candidatesTokenCount": 12,"totalTokenCount": 21,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 9}]},` +
			`"modelVersion": "gemini-2.5-flash","responseId": "s1"}` + "\n\n"
		return []byte(chunk), []byte(chunk)
	}
	return nil, wiretest.Frames(b, []byte(`event/contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"a few words of an answer"},"p":"abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"}`))
}

// BenchmarkChunk translates one chunk of a stream.
func BenchmarkChunk(b *testing.B) {
	pairs(b, func(b *testing.B, f wire.Format, p wire.Protocol) {
		before, chunk := chunks(b, p)
		s := wire.NewTranslation(f, p, wiretest.Reply(asked(b, f)))
		out := make([]byte, 0, 8192)
		read := func(text []byte) {
			s.Seen().Text = s.Seen().Text[:0] // which a stream keeps for counting, and a million of them would not
			if _, used, step := s.Feed(out[:0], text, false); used != len(text) || step != wire.More {
				b.Fatal(used, step, s.Err())
			}
		}
		read(before)
		b.SetBytes(int64(len(chunk)))
		b.ReportAllocs()
		for b.Loop() {
			read(chunk)
		}
	})
}

// BenchmarkPass passes a chunk on in the format that it came in.
func BenchmarkPass(b *testing.B) {
	for i, f := range formats() {
		b.Run(f.Protocol(), func(b *testing.B) {
			before, chunk := chunks(b, protocols()[i])
			s := f.Pass(wiretest.Reply(asked(b, f)))
			out := make([]byte, 0, 8192)
			s.Feed(out[:0], before, false)
			b.SetBytes(int64(len(chunk)))
			b.ReportAllocs()
			for b.Loop() {
				s.Seen().Text = s.Seen().Text[:0]
				s.Feed(out[:0], chunk, false)
			}
		})
	}
}
