package gemini

import (
	"strings"
	"testing"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

// BenchmarkEncode100kB writes a conversation of 100 kB.
func BenchmarkEncode100kB(b *testing.B) {
	words := strings.Repeat("The quick brown fox jumps over the lazy dog.\n", 22)
	r := &genai.Request{Messages: []genai.Message{say(genai.System, text(words))}, Tools: []genai.Tool{{Name: "weather", Parameters: []byte(weather)}}}
	for range 33 {
		r.Messages = append(r.Messages, say(genai.User, text(words)),
			say(genai.Assistant, text(words), call("c", "weather", `{"city":"Bern"}`, "")), say(genai.User, result("c", false, text(words))))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, e := New(API).Encode(r, wire.Options{Model: "gemini-2.5-pro"}); e != nil {
			b.Fatal(e)
		}
	}
}

func BenchmarkDecode100kB(b *testing.B) {
	body := []byte(`{"candidates":[{"content":{"parts":[{"text":"` + strings.Repeat("The quick brown fox.\\n", 4700) +
		`"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1},"responseId":"r"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, e := New(API).Decode(body); e != nil {
			b.Fatal(e)
		}
	}
}

func BenchmarkChunk(b *testing.B) {
	chunk := []byte(`data: {"candidates": [{"content": {"parts": [{"text": "a few words of an answer"}],"role": "model"},"index": 0}],` +
		`"usageMetadata": {"promptTokenCount": 9,"candidatesTokenCount": 12,"totalTokenCount": 21,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 9}]},` +
		`"modelVersion": "gemini-2.5-flash","responseId": "s1"}` + "\n\n")
	d := New(API).NewDecoder()
	var events []genai.Event
	b.ReportAllocs()
	for b.Loop() {
		events, _ = d.Decode(events[:0], chunk, false)
	}
}
