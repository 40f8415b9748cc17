package converse

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
			say(genai.Assistant, text(words), call("c", "weather", `{"city":"Bern"}`)), say(genai.User, result("c", false, text(words))))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, e := (Protocol{}).Encode(r, wire.Options{Model: sonnet}); e != nil {
			b.Fatal(e)
		}
	}
}

func BenchmarkDecode100kB(b *testing.B) {
	body := []byte(`{"output":{"message":{"role":"assistant","content":[{"text":"` + strings.Repeat("The quick brown fox.\\n", 4700) +
		`"}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":2}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, e := (Protocol{}).Decode(body); e != nil {
			b.Fatal(e)
		}
	}
}

func BenchmarkChunk(b *testing.B) {
	chunk := frames(b, []byte(`event/contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"a few words of an answer"},"p":"abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"}`))
	d := Protocol{}.NewDecoder()
	var events []genai.Event
	b.ReportAllocs()
	for b.Loop() {
		events, _ = d.Decode(events[:0], chunk, false)
	}
}
