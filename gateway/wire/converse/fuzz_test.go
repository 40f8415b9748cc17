package converse

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

func seed(f *testing.F, pattern string) (texts [][]byte) {
	f.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(paths) == 0 {
		f.Fatal("no transcripts", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		texts = append(texts, text)
	}
	return texts
}

func FuzzDecode(f *testing.F) {
	for _, text := range seed(f, "*.response.json") {
		f.Add(text)
	}
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

func check(t *testing.T, events []genai.Event) {
	t.Helper()
	open, over := false, false
	for _, e := range events {
		switch {
		case over && e.Kind != genai.Reported:
			t.Fatalf("event %d after the end", e.Kind)
		case e.Kind == genai.PartStart && open, e.Kind == genai.Delta && !open, e.Kind == genai.PartEnd && !open:
			t.Fatalf("event %d out of order", e.Kind)
		}
		open = e.Kind == genai.PartStart || open && e.Kind != genai.PartEnd
		over = over || e.Kind == genai.End || e.Kind == genai.Failure
	}
	if !over {
		t.Fatal("neither an end nor a failure")
	}
}

// FuzzFrames reads bytes that may be no frames.
func FuzzFrames(f *testing.F) {
	for _, text := range seed(f, "*.stream.txt") {
		f.Add(frames(f, text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { check(t, read(Protocol{}.NewDecoder(), text, 1+len(text)/3)) })
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
		check(t, d.events)
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
