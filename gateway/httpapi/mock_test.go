package httpapi_test

import (
	"strings"
	"testing"

	"weir/stack/provider"
)

// What the mock provider billed is what the ledger has, at every endpoint beside chat.
func TestMediaReconcilesWithTheMockProvider(t *testing.T) {
	file := field{"file", strings.Repeat("a", 64_000), "a.wav"}
	image := field{"image", "a", "a.png"}
	model, stream := field{"model", "mock/small", ""}, field{"stream", "true", ""}
	verbose, prompt := field{"response_format", "verbose_json", ""}, field{"prompt", "a cat", ""}
	for name, send := range map[string]func(w *world) answer{
		"embeddings": func(w *world) answer { return w.call("/v1/embeddings", `{"model":"mock/small","input":["a","b"]}`) },
		"images": func(w *world) answer {
			return w.call("/v1/images/generations", `{"model":"mock/small","prompt":"a cat","n":2}`)
		},
		"image stream": func(w *world) answer {
			return w.call("/v1/images/generations", `{"model":"mock/small","prompt":"a cat","n":2,"stream":true,"partial_images":2}`)
		},
		"edit":        func(w *world) answer { return w.upload("/v1/images/edits", image, model, prompt) },
		"edit stream": func(w *world) answer { return w.upload("/v1/images/edits", image, model, prompt, stream) },
		"speech events": func(w *world) answer {
			return w.call("/v1/audio/speech", `{"model":"mock/small","input":"hello","voice":"alloy","stream_format":"sse"}`)
		},
		"transcript":           func(w *world) answer { return w.upload("/v1/audio/transcriptions", file, model) },
		"transcript stream":    func(w *world) answer { return w.upload("/v1/audio/transcriptions", file, model, stream) },
		"transcript by length": func(w *world) answer { return w.upload("/v1/audio/transcriptions", file, model, verbose) },
	} {
		mock := provider.New()
		w := start(t, mock.ServeHTTP)
		a := send(w)
		u, entries := w.only().usage, mock.Entries()
		if a.status != 200 || a.err != nil || len(entries) != 1 {
			t.Errorf("%s: got %d %s %v; %d entries", name, a.status, a.body, a.err, len(entries))
			continue
		}
		billed := entries[0].Tokens
		if got := u.Tokens.Input + u.Tokens.CachedInput; u.Estimated || got != billed.Prompt && u.Units["input_audio_seconds"] != entries[0].Units.Seconds || u.Tokens.Output != billed.Completion && name != "transcript by length" {
			t.Errorf("%s: billed %+v, recorded %v", name, entries[0], u)
		}
	}
	for name, body := range map[string]string{
		"speech": `{"model":"mock/small","input":"hello","voice":"alloy"}`, "fault": `{"model":"mock/small:fault=cut","input":"hello","voice":"alloy"}`,
	} {
		mock := provider.New()
		w := start(t, mock.ServeHTTP)
		a := w.call("/v1/audio/speech", body)
		if u := w.only().usage; a.status != 200 || (a.err == nil) != (name == "speech") || (u.ErrorKind == "") != (name == "speech") || !u.Estimated {
			t.Errorf("%s: got %d, %d bytes, %v; %v", name, a.status, len(a.body), a.err, u)
		}
	}
}

// Embeddings are translated for the Gemini API as that API has them.
func TestEmbeddingsReconcileWithMockGemini(t *testing.T) {
	mock := provider.New()
	w := start(t, mock.ServeHTTP, func(c *config) {
		c.provider.Protocol, c.provider.BaseURL, c.provider.RegionURL = "gemini", c.provider.BaseURL+"beta", ""
	})
	a := w.call("/v1/embeddings", `{"model":"mock/small:in=12","input":["a","b"],"dimensions":3}`)
	u, entries := w.only().usage, mock.Entries()
	if a.status != 200 || strings.Count(a.body, `"object":"embedding"`) != 2 || len(entries) != 1 || entries[0].Tokens.Prompt != 12 || u.Tokens.Input != 12 || u.Estimated {
		t.Errorf("got %d %s; billed %+v, recorded %v", a.status, a.body, entries, u)
	}
}
