package openai

import (
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"net/http"
	"slices"
	"unicode/utf8"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
	"weir/stack/provider/ledger"
)

// soundChunk is how many bytes of sound each content chunk has.
const soundChunk = 1024

// speechRequest is what is read of a request for speech.
type speechRequest struct {
	Model    string          `json:"model"`
	Input    string          `json:"input"`
	Voice    json.RawMessage `json:"voice"` // a name, or an object with an id
	Format   string          `json:"response_format"`
	Stream   string          `json:"stream_format"`
	Requesty json.RawMessage `json:"requesty"`
}

func readSpeech(r *http.Request, body []byte) (answer.Wish, exchange.Writer, error) {
	q := new(speechRequest)
	if err := exchange.Decode(body, q); err != nil {
		return answer.Wish{}, nil, err
	}
	if name := deployment(r); name != "" {
		q.Model = name
	}
	// Sound goes out as it is made, also where it is no stream of events; usage is in events only.
	wish := answer.Wish{Model: q.Model, Stream: true, Prompt: []byte(q.Input), Silent: q.Stream != "sse",
		Units: ledger.Units{Characters: int64(utf8.RuneCountInString(q.Input))}}
	if q.Format == "" {
		q.Format = "mp3"
	}
	switch {
	case q.Requesty != nil:
		return wish, nil, answer.Invalid("requesty", "Unknown parameter: 'requesty'.")
	case q.Model == "":
		return wish, nil, answer.Invalid("model", "you must provide a model parameter")
	case q.Input == "" || wish.Units.Characters > 4096:
		return wish, nil, answer.Invalid("input", "Invalid 'input': expected a string of 1 to 4096 characters.")
	case len(q.Voice) == 0:
		return wish, nil, answer.Invalid("voice", "Missing required parameter: 'voice'.")
	case !slices.Contains([]string{"mp3", "opus", "aac", "flac", "wav", "pcm"}, q.Format):
		return wish, nil, answer.Invalid("response_format", "Invalid value: '%s'. Supported values are: 'mp3', 'opus', 'aac', 'flac', 'wav', and 'pcm'.", q.Format)
	case !slices.Contains([]string{"", "audio", "sse"}, q.Stream):
		return wish, nil, answer.Invalid("stream_format", "Invalid value: '%s'. Supported values are: 'audio' and 'sse'.", q.Stream)
	}
	return wish, func(a *answer.Answer) exchange.Wire { return &speechWire{a: a, q: q} }, nil
}

// speechWire writes sound in chunks, bare or in events.
type speechWire struct {
	a *answer.Answer
	q *speechRequest
}

func (w *speechWire) Types() (whole, stream string) {
	kind := map[string]string{"mp3": "audio/mpeg", "opus": "audio/opus", "aac": "audio/aac", "flac": "audio/flac", "wav": "audio/wav", "pcm": "audio/pcm"}[w.q.Format]
	if w.q.Stream == "sse" {
		return kind, "text/event-stream; charset=utf-8"
	}
	return kind, kind
}

func (*speechWire) Open() [][]byte { return nil }

func (w *speechWire) Piece(i int) []byte {
	if w.q.Stream != "sse" {
		return sound(w.q.Input, i)
	}
	return exchange.Event("", object{"type": "speech.audio.delta", "audio": base64.StdEncoding.EncodeToString(sound(w.q.Input, i))})
}

func (w *speechWire) Close() [][]byte {
	if w.q.Stream != "sse" {
		return nil
	}
	done := object{"type": "speech.audio.done"}
	if w.a.Report {
		t := w.a.Tokens
		done["usage"] = object{"input_tokens": t.Prompt, "output_tokens": t.Completion, "total_tokens": t.Prompt + t.Completion}
	}
	return [][]byte{exchange.Event("", done)}
}

// Broken has no place in bare sound.
func (w *speechWire) Broken(bool) []byte {
	if w.q.Stream == "sse" {
		return exchange.Event("", object{"type": "error", "error": errorBody(answer.Broken())["error"]})
	}
	return nil
}

func (w *speechWire) Whole() []byte {
	var b []byte
	for i := range w.a.Chunks() {
		b = append(b, sound(w.q.Input, i)...)
	}
	return b
}

// sound is the i-th chunk of noise that depends on the text alone.
func sound(text string, i int) []byte {
	hash := fnv.New64a()
	hash.Write([]byte(text))
	b := make([]byte, 0, soundChunk)
	for len(b) < soundChunk {
		hash.Write([]byte{byte(i)})
		b = hash.Sum(b)
	}
	return b
}
