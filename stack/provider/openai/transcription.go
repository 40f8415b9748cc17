package openai

import (
	"net/http"
	"slices"
	"strings"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
	"weir/stack/provider/ledger"
)

// bytesPerSecond is how the length of a recording is taken from its size: 16 kHz of 16 bits.
const bytesPerSecond = 32_000

func readTranscription(r *http.Request, body []byte) (answer.Wish, exchange.Writer, error) {
	f, err := readForm(r, body)
	if err != nil {
		return answer.Wish{}, nil, err
	}
	model, format := f.value("model"), f.value("response_format")
	if name := deployment(r); name != "" {
		model = name
	}
	if format == "" {
		format = "json"
	}
	size := f.size("file")
	wish := answer.Wish{Model: model, Stream: f.value("stream") == "true", Prompt: make([]byte, size), UserText: "",
		Units: ledger.Units{Seconds: max((size+bytesPerSecond-1)/bytesPerSecond, 1)}}
	// The formats of whisper report, and bill, the time.
	wish.ByDuration = !slices.Contains([]string{"json", "text"}, format)
	wish.Silent = !slices.Contains([]string{"json", "verbose_json"}, format)
	switch {
	case f.value("requesty") != "":
		return wish, nil, answer.Invalid("requesty", "Unknown parameter: 'requesty'.")
	case model == "":
		return wish, nil, answer.Invalid("model", "you must provide a model parameter")
	case size == 0:
		return wish, nil, answer.Invalid("file", "Missing required parameter: 'file'.")
	case !slices.Contains([]string{"json", "text", "srt", "verbose_json", "vtt"}, format):
		return wish, nil, answer.Invalid("response_format", "Invalid value: '%s'. Supported values are: 'json', 'text', 'srt', 'verbose_json', and 'vtt'.", format)
	case wish.Stream && format != "json":
		return wish, nil, answer.Invalid("response_format", "Streaming is supported with response_format 'json' only.")
	}
	length := wish.Units.Seconds
	return wish, func(a *answer.Answer) exchange.Wire { return &transcriptWire{a: a, format: format, length: length} }, nil
}

// transcriptWire writes what was heard.
type transcriptWire struct {
	a      *answer.Answer
	format string
	length int64 // of the recording, in seconds
}

func (w *transcriptWire) Types() (whole, stream string) {
	whole = "application/json"
	if w.format != "json" && w.format != "verbose_json" {
		whole = "text/plain; charset=utf-8"
	}
	return whole, "text/event-stream; charset=utf-8"
}

func (*transcriptWire) Open() [][]byte { return nil }

func (w *transcriptWire) Piece(i int) []byte {
	return exchange.Event("", object{"type": "transcript.text.delta", "delta": w.a.Pieces[i]})
}

func (w *transcriptWire) Close() [][]byte {
	return [][]byte{exchange.Event("", w.reported(object{"type": "transcript.text.done", "text": w.a.Text}))}
}

func (*transcriptWire) Broken(stream bool) []byte {
	if stream {
		return exchange.Event("error", object{"type": "error", "error": errorBody(answer.Broken())["error"]})
	}
	return brokenBody()
}

func (w *transcriptWire) Whole() []byte {
	text := strings.TrimSpace(w.a.Text)
	switch w.format {
	case "text":
		return []byte(text + "\n")
	case "srt":
		return []byte("1\n00:00:00,000 --> 00:00:01,000\n" + text + "\n\n")
	case "vtt":
		return []byte("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n" + text + "\n\n")
	case "verbose_json":
		length := w.length
		if w.a.ByTime {
			length = w.a.Units.Seconds
		}
		return exchange.JSON(w.reported(object{"task": "transcribe", "language": "english", "duration": length, "text": text,
			"segments": []object{{"id": 0, "seek": 0, "start": 0.0, "end": length, "text": text, "tokens": []int{}, "temperature": 0.0,
				"avg_logprob": -0.1, "compression_ratio": 1.0, "no_speech_prob": 0.0}}}))
	default:
		return exchange.JSON(w.reported(object{"text": text}))
	}
}

// reported puts the usage into an object: time or tokens, whichever is billed.
func (w *transcriptWire) reported(body object) object {
	switch t := w.a.Tokens; {
	case !w.a.Report:
	case w.a.ByTime:
		body["usage"] = object{"type": "duration", "seconds": w.a.Units.Seconds}
	default:
		body["usage"] = object{"type": "tokens", "input_tokens": t.Prompt, "output_tokens": t.Completion,
			"total_tokens": t.Prompt + t.Completion, "input_token_details": object{"text_tokens": 0, "audio_tokens": t.Prompt}}
	}
	return body
}
