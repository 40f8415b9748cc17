package httpapi_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func soundOf(pieces ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "audio/mpeg")
		for _, p := range pieces {
			_, _ = io.WriteString(w, p)
			w.(http.Flusher).Flush()
		}
	}
}

func TestSpeech(t *testing.T) {
	var got asked
	w := start(t, got.notes(soundOf("ab", "c", "def")), priced)
	a := w.call("/v1/audio/speech", `{"model":"mock/gpt-4o-mini-tts","input":"hello there you are","voice":"alloy","requesty":{"tags":["x"]}}`)
	if a.status != 200 || a.body != "abcdef" || a.err != nil || a.header.Get("Content-Type") != "audio/mpeg" {
		t.Errorf("got %d %q %v %v", a.status, a.body, a.err, a.header)
	}
	if got.body != `{"model":"gpt-4o-mini-tts","input":"hello there you are","voice":"alloy"}` || got.accept != "*/*" || got.path != "/v1/audio/speech" {
		t.Errorf("asked %s %s %s", got.path, got.accept, got.body)
	}
	rec := w.only()
	// Four tokens of text, and two seconds of sound.
	if rec.usage.Dimensions.Endpoint != "audio.speech" || !rec.usage.Estimated || rec.usage.Tokens.Output != 40 || rec.usage.Tokens.Input < 4 || rec.usage.Tokens.Input > 5 || rec.usage.CostPico == 0 {
		t.Errorf("recorded %v", rec.usage)
	}
}

// Sound that cannot be recorded, and sound that breaks off, must not look whole.
func TestSpeechThatIsNotWhole(t *testing.T) {
	w := start(t, soundOf("abc"), priced)
	w.journal.complete = func() error { return errFull }
	a := w.call("/v1/audio/speech", `{"model":"mock/gpt-4o-mini-tts","input":"hello","voice":"alloy"}`)
	if a.err == nil || a.body != "ab" {
		t.Errorf("not recorded: got %q %v", a.body, a.err)
	}
	w = start(t, func(rw http.ResponseWriter, r *http.Request) {
		soundOf("abc")(rw, r)
		panic(http.ErrAbortHandler)
	}, priced)
	a = w.call("/v1/audio/speech", `{"model":"mock/gpt-4o-mini-tts","input":"hello","voice":"alloy"}`)
	if rec := w.only(); a.err == nil || a.body != "ab" || rec.usage.ErrorKind != "provider_cut" {
		t.Errorf("broken off: got %q %v, %v", a.body, a.err, rec.usage)
	}
}

func TestSpeechIsReadOnWhenTheClientLeaves(t *testing.T) {
	left := make(chan struct{})
	var w *world
	w = start(t, func(rw http.ResponseWriter, r *http.Request) {
		soundOf("abc")(rw, r)
		<-left
		w.gauge(draining, 1)
		_, _ = io.WriteString(rw, "def")
	}, priced)
	ctx, cancel := context.WithCancel(t.Context())
	resp := w.send(ctx, "POST", "/v1/audio/speech", strings.NewReader(`{"model":"mock/gpt-4o-mini-tts","input":"hello","voice":"alloy"}`), "Authorization", "Bearer "+apiKey)
	if _, err := io.ReadFull(resp.Body, make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	cancel()
	resp.Body.Close()
	close(left)
	rec := w.only()
	if rec.response.Status != 499 || rec.response.ErrorKind != "client_disconnected" || rec.usage.Tokens.Output != 20 || !rec.usage.Estimated {
		t.Errorf("recorded %v\n%v", rec.response, rec.usage)
	}
	w.gauge(draining, 0)
}

func TestSpeechAsEvents(t *testing.T) {
	w := start(t, streams(`{"type":"speech.audio.delta","audio":"AA=="}`, `{"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}`), priced)
	a := w.call("/v1/audio/speech", `{"model":"mock/gpt-4o-mini-tts","input":"hello","voice":"alloy","stream_format":"sse"}`)
	rec := w.only()
	if a.status != 200 || !strings.Contains(a.body, `"total_tokens":115,"cost":0.0012204}}`) || rec.usage.Estimated || rec.usage.Tokens.Output != 101 || !rec.usage.Dimensions.Stream {
		t.Errorf("got %d %s, %v", a.status, a.body, rec.usage)
	}
}

func TestTranscriptions(t *testing.T) {
	type want struct {
		model, format, kind, answer string
		estimated                   bool
		seconds, input, output      int64
		cost                        int64 // 0 for any
	}
	for name, c := range map[string]want{
		"tokens":   {"gpt-4o-transcribe", "json", "application/json", `{"text":"hi","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":5,"total_tokens":19}}`, false, 0, 14, 5, 4*2_500_000 + 10*6_000_000 + 5*10_000_000},
		"seconds":  {"whisper-1", "json", "application/json", `{"text":"hi","usage":{"type":"duration","seconds":9}}`, false, 9, 0, 0, 900_000_000},
		"duration": {"whisper-1", "verbose_json", "application/json; charset=utf-8", `{"text":"hi","duration":8.47,"segments":[]}`, false, 9, 0, 0, 900_000_000},
		"text":     {"whisper-1", "text", "text/plain; charset=utf-8", "hello there you are\n", true, 2, 20, 5, 200_000_000},
		"srt":      {"whisper-1", "srt", "text/plain", "1\n00:00:00,000 --> 00:01:02,500\nhi\n", true, 63, 630, -1, 6_300_000_000},
		"none":     {"whisper-1", "json", "application/json", `{"text":"hello there you are"}`, true, 2, 20, 4, 200_000_000},
	} {
		var got asked
		w := start(t, got.notes(respond(200, c.answer, "Content-Type", c.kind)), priced)
		a := w.upload("/v1/audio/transcriptions", field{"file", "RIFF", "a.wav"}, field{"model", "mock/" + c.model, ""}, field{"response_format", c.format, ""}, field{"requesty", `{"user_id":"u1"}`, ""})
		if a.status != 200 || a.header.Get("Content-Type") != c.kind || !strings.HasPrefix(strings.ReplaceAll(a.body, `,"cost"`, ""), c.answer[:8]) {
			t.Errorf("%s: got %d %q %v", name, a.status, a.body, a.header)
		}
		if diff := cmp.Diff(map[string][]string{"model": {c.model}, "response_format": {c.format}}, got.fields); diff != "" || got.files["file"][0] != "a.wav: RIFF" {
			t.Errorf("%s: %s %v", name, diff, got.files)
		}
		u := w.only().usage
		if u.Estimated != c.estimated || u.Units["input_audio_seconds"] != c.seconds || u.Tokens.Input != c.input || c.output >= 0 && u.Tokens.Output != c.output || u.CostPico != c.cost ||
			u.Dimensions.UserId != "u1" || u.Dimensions.Endpoint != "audio.transcriptions" {
			t.Errorf("%s: recorded %v", name, u)
		}
	}
}

func TestTranscriptionStream(t *testing.T) {
	w := start(t, streams(`{"type":"transcript.text.delta","delta":"hi"}`, `{"type":"transcript.text.done","text":"hi","usage":{"type":"tokens","input_tokens":14,"output_tokens":5,"total_tokens":19}}`), priced)
	a := w.upload("/v1/audio/transcriptions", field{"model", "mock/gpt-4o-transcribe", ""}, field{"stream", "true", ""}, field{"file", "RIFF", "a.wav"})
	if a.status != 200 || strings.Count(a.body, "data: ") != 2 || !strings.Contains(a.body, `"cost":0.000085`) || w.only().usage.Tokens.Output != 5 {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// A comment, which keeps other streams open, would be heard.
func TestSilentSoundGetsNoComment(t *testing.T) {
	w := start(t, func(rw http.ResponseWriter, r *http.Request) {
		soundOf("ab")(rw, r)
		<-time.After(30 * time.Millisecond)
		_, _ = io.WriteString(rw, "cd")
	}, priced, func(c *config) { c.limits.PingInterval = time.Millisecond })
	a := w.call("/v1/audio/speech", `{"model":"mock/gpt-4o-mini-tts","input":"hello","voice":"alloy"}`)
	if a.body != "abcd" || a.err != nil || w.only().response.ResponseBytes != 4 {
		t.Errorf("got %q %v", a.body, a.err)
	}
}
