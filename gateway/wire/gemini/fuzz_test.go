package gemini

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"weir/gateway/genai"
	"weir/gateway/wire"
	"weir/gateway/wire/wiretest"
)

func FuzzDecode(f *testing.F) {
	wiretest.Seed(f, ".response.json")
	f.Fuzz(func(t *testing.T, text []byte) {
		r, e := New(API).Decode(text)
		if (r == nil) == (e == nil) {
			t.Fatal("neither an answer nor an error")
		}
		if e != nil {
			return
		}
		var m genai.Message
		m.Role = genai.Assistant
		for i := range r.Choices {
			m.Parts = append(m.Parts, r.Choices[i].Parts...)
			if p := r.Choices[i].LogProbs; len(p) > 0 && !json.Valid(p) {
				t.Fatalf("log-probabilities are no JSON: %s", p)
			}
		}
		// The answer goes back as the next turn's history.
		out, _, e := New(API).Encode(&genai.Request{Messages: []genai.Message{m}}, wire.Options{Model: "gemini-3-pro"})
		if e == nil && utf8.Valid(text) && !json.Valid(out) {
			t.Fatalf("not JSON: %s", out)
		}
	})
}

func FuzzStream(f *testing.F) {
	wiretest.Seed(f, ".stream.sse")
	f.Fuzz(func(t *testing.T, text []byte) {
		if !wiretest.Order(t, wiretest.Events(New(API), text, 1+len(text)/3)) {
			t.Fatal("neither an end nor a failure")
		}
	})
}

func FuzzError(f *testing.F) {
	f.Add(429, []byte(`[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"3s"}]}}]`))
	f.Add(500, []byte(`{"error":"x"}`))
	f.Fuzz(func(t *testing.T, status int, text []byte) {
		if e := New(API).ReadError(status, text); e == nil || e.Message == "" {
			t.Fatal("an error without words")
		}
	})
}

func FuzzSchema(f *testing.F) {
	f.Add([]byte(weather))
	f.Add([]byte(`{"anyOf":[{"type":"string","enum":[1]}],"items":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if json.Valid(text) {
			plainSchema(text)
			noProperties(text)
		}
	})
}
