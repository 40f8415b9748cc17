package converse

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"weir/gateway/genai"
	"weir/gateway/wire"
	"weir/gateway/wire/wiretest"
)

func FuzzDecode(f *testing.F) {
	wiretest.Seed(f, ".response.json")
	f.Fuzz(func(t *testing.T, text []byte) {
		r, e := Protocol{}.Decode(text)
		if (r == nil) == (e == nil) {
			t.Fatal("neither an answer nor an error")
		}
		if e != nil {
			return
		}
		// The answer goes back as the next turn's history.
		m := genai.Message{Role: genai.Assistant, Parts: r.Choices[0].Parts}
		out, _, e := Protocol{}.Encode(&genai.Request{Messages: []genai.Message{m}}, wire.Options{Model: sonnet})
		if e == nil && utf8.Valid(text) && !json.Valid(out) {
			t.Fatalf("not JSON: %s", out)
		}
	})
}

// FuzzFrames reads bytes that may be no frames.
func FuzzFrames(f *testing.F) {
	files, err := filepath.Glob("testdata/*.stream.txt")
	if err != nil || len(files) == 0 {
		f.Fatal("no transcripts", err)
	}
	for _, file := range files {
		f.Add(wiretest.Frames(f, wiretest.Read(f, file)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !wiretest.Order(t, wiretest.Events(Protocol{}, text, 1+len(text)/3)) {
			t.Fatal("neither an end nor a failure")
		}
	})
}

// FuzzEvents reads whole frames with any payload.
func FuzzEvents(f *testing.F) {
	f.Add("contentBlockDelta", []byte(`{"delta":{"text":"a"},"contentBlockIndex":0}`), "messageStop", []byte(`{"stopReason":"end_turn"}`))
	f.Add("contentBlockStart", []byte(`{"start":{"toolUse":{"toolUseId":"a","name":"b"}},"contentBlockIndex":1}`), "metadata", []byte(`{"usage":{"inputTokens":1}}`))
	f.Fuzz(func(t *testing.T, name string, payload []byte, name2 string, payload2 []byte) {
		d := &decoder{}
		d.event(name, payload)
		d.event(name2, payload2)
		if !d.over {
			d.end()
		}
		if !wiretest.Order(t, d.events) {
			t.Fatal("neither an end nor a failure")
		}
	})
}

func FuzzError(f *testing.F) {
	f.Add(429, []byte(`{"message":"m"}`))
	f.Add(400, []byte(`{"Message":"m","__type":"a#b"}`))
	f.Fuzz(func(t *testing.T, status int, text []byte) {
		if e := (Protocol{}).ReadError(status, text); e == nil || e.Message == "" {
			t.Fatal("an error without words")
		}
	})
}
