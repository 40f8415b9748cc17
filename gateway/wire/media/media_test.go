package media

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

func formats() []Format { return []Format{Embeddings, Generations, Edits, Speech} }

func bill(genai.Usage) *wire.Bill { return &wire.Bill{Cost: []byte("0.5")} }

func reply(t testing.TB, f Format, body, kind string) *wire.Reply {
	t.Helper()
	r, e := readRequest(f, []byte(body), f == Transcriptions)
	if e != nil {
		t.Fatal(e)
	}
	return &wire.Reply{Request: r, Quoted: []byte(`"p/m"`), Type: kind, Bill: bill}
}

func TestUpstream(t *testing.T) {
	for in, want := range map[string]string{
		`{"model":"p/m","input":"a","requesty":{}}`:                    `{"model":"own","input":"a"}`,
		`{ "requesty": {"tags":[]} , "input":["a"],"model":"p\/m" }`:   `{ "input":["a"],"model":"own" }`,
		`{"model":"p/m","requesty":null,"input":"a","other":{"a":[]}}`: `{"model":"own","input":"a","other":{"a":[]}}`,
	} {
		r, e := Embeddings.ReadRequest([]byte(in))
		if e != nil {
			t.Errorf("%s: %v", in, e)
			continue
		}
		if got := string(r.Upstream("own", wire.Lowered{})); got != want {
			t.Errorf("%s: got %s", in, got)
		}
	}
}

func TestUsage(t *testing.T) {
	for in, want := range map[string]genai.Usage{
		`{"prompt_tokens":3,"total_tokens":3}`: {Prompt: 3, Total: 3},
		`{"input_tokens":10,"output_tokens":5,"total_tokens":15,"input_tokens_details":{"text_tokens":6,"image_tokens":4,"cached_tokens":2},"output_tokens_details":{"image_tokens":5}}`: {Prompt: 10, Completion: 5, Total: 15, InputImage: 4, Cached: 2, OutputImage: 5},
		`{"type":"tokens","input_tokens":14,"input_token_details":{"audio_tokens":10},"output_tokens":4}`:                                                                                {Prompt: 14, Completion: 4, InputAudio: 10},
		`{"type":"duration","seconds":8.01}`: {Seconds: 9},
		`{"type":"duration","seconds":-1}`:   {Seconds: genai.Garbage},
		`{"seconds":1e30}`:                   {Seconds: genai.Garbage},
		`{"input_tokens":-1}`:                {Prompt: genai.Garbage},
		`{"seconds":null,"input_tokens":null,"input_tokens_details":null}`: {},
	} {
		to := reply(t, Generations, `{"model":"p/m","prompt":"a"}`, "application/json")
		a, e := Generations.ReadAnswer([]byte(`{"data":[],"usage":`+in+`}`), to)
		if e != nil {
			t.Errorf("%s: %v", in, e)
			continue
		}
		if diff := cmp.Diff(want, a.Seen().Usage); diff != "" {
			t.Errorf("%s: %s", in, diff)
		}
	}
}

func TestHeard(t *testing.T) {
	for transcript, want := range map[string]int64{
		"": 0, "a": 1, "fifteen letters": 1, "sixteen letters.": 2,
		"1\n00:00:00,000 --> 00:01:02,000\nhi": 62, "WEBVTT\n\n00:00.000 --> 01:02.5\nhi": 63, "1:00:00 --> 1:00:01,001 align:left\n": 3602,
		"a --> b": 1, "-->": 1, "--> 99999:99999:99999:99999": 1,
	} {
		if got := heard(transcript); got.Seconds != want {
			t.Errorf("%q: got %d, want %d", transcript, got.Seconds, want)
		}
	}
}

// feed gives a stream its bytes in pieces.
func feed(s wire.Stream, text string, size int) (out string, step wire.Step) {
	var written []byte
	pending := ""
	for step == wire.More {
		n := min(size, len(text))
		pending, text = pending+text[:n], text[n:]
		var used int
		written, used, step = s.Feed(written, []byte(pending), len(text) == 0)
		pending = pending[used:]
		if len(text) == 0 {
			break
		}
	}
	s.Close()
	return string(written), step
}

func TestStreamCutAnywhere(t *testing.T) {
	const partial, usage = "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\"model\":\"x\"}\n\n", `"usage":{"input_tokens":1}}`
	completed := "data: {\"type\":\"image_generation.completed\","
	text := ": ping\n\n" + partial + completed + "\"n\":1}\n\n" + completed + usage + "\n\n"
	want := ": ping\n\n" + strings.Replace(partial, `"x"`, `"p/m"`, 1) + completed + "\"n\":1}\n\n"
	for size := 1; size <= len(text); size++ {
		s := Generations.Pass(reply(t, Generations, `{"model":"p/m","prompt":"a","n":2,"stream":true}`, "text/event-stream"))
		out, step := feed(s, text, size)
		end := string(s.AppendEnd(nil, genai.Usage{}, nil))
		if out != want || step != wire.Done || end != completed+`"usage":{"input_tokens":1,"cost":0.5}}`+"\n\n" || s.Seen().Usage.Prompt != 1 {
			t.Fatalf("cut by %d: got %q, then %q, %v", size, out, end, step)
		}
	}
}

// Fewer pictures than were asked for end with the provider's stream.
func TestStreamOfFewer(t *testing.T) {
	s := Generations.Pass(reply(t, Generations, `{"model":"p/m","prompt":"a","n":2,"stream":true}`, "text/event-stream"))
	out, step := feed(s, "data: {\"type\":\"image_generation.completed\"}\n\n", 1000)
	if end := string(s.AppendEnd(nil, genai.Usage{}, nil)); out != "" || step != wire.Done || !strings.Contains(end, "completed") || s.Seen().Beyond.Completion == 0 {
		t.Errorf("got %q %q %v", out, end, step)
	}
}

func TestSoundCutAnywhere(t *testing.T) {
	const text = "\x00\x01sound\xff"
	for size := 1; size <= len(text); size++ {
		s := Speech.Pass(reply(t, Speech, `{"model":"p/m","input":"hello"}`, "audio/mpeg"))
		out, step := feed(s, text, size)
		if end := string(s.AppendEnd(nil, genai.Usage{}, nil)); out != text[:len(text)-1] || end != "\xff" || step != wire.Done || s.Seen().Beyond.Completion != saidTokens {
			t.Errorf("cut by %d: got %q %q %v", size, out, end, step)
		}
	}
	s := Speech.Pass(reply(t, Speech, `{"model":"p/m","input":"hello"}`, ""))
	if out, step := feed(s, "", 1); out != "" || step != wire.More || s.Started() || len(s.AppendEnd(nil, genai.Usage{}, nil)) > 0 {
		t.Errorf("no sound: got %q %v", out, step)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add(`{"model":"p/m","input":[[1,2],"a",{}],"prompt":"a","requesty":{}}`)
	f.Add(`{"requesty":{},"model":"p/m","prompt":"a","input":"a","n":3,"size":"1x2","speed":0.5,"stream":true}`)
	f.Fuzz(func(t *testing.T, body string) {
		for _, format := range formats() {
			r, e := format.ReadRequest([]byte(body))
			if e != nil {
				continue
			}
			if b, e := r.Bounds(); e == nil && (b.Text < int64(len(body)) || b.Limit < 0) {
				t.Fatalf("%q has the bounds %+v", body, b)
			}
			r.Prompt()
			var after map[string]json.RawMessage
			out := r.Upstream("own", wire.Lowered{})
			if err := json.Unmarshal(out, &after); err != nil || string(after["model"]) != `"own"` || after["requesty"] != nil {
				t.Fatalf("%q became %q", body, out)
			}
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add(`{"data":[{}],"usage":{"cost":1,"input_tokens":2},"model":"x","duration":"1.5","text":"a"}`)
	f.Add(`{"text":"\ud83d","usage":null,"data":[]}`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, format := range append(formats(), Transcriptions) {
			to := reply(t, format, `{"model":"p/m","input":"a","prompt":"a"}`, "application/json")
			a, e := format.ReadAnswer([]byte(text), to)
			if e != nil {
				continue
			}
			if out := a.Append(nil, genai.Usage{Prompt: 3}, bill(genai.Usage{})); json.Valid([]byte(text)) && !json.Valid(out) {
				t.Fatalf("%q became %q", text, out)
			}
		}
	})
}

func FuzzStream(f *testing.F) {
	f.Add("data: {\"type\":\"a.completed\",\"usage\":{}}\n\n", 3)
	f.Add("event: error\rdata: {\"delta\":\"a\",\ndata:\"type\":\"a.done\"}\r\r: c\n\ndata: [DONE]\n\n", 1)
	f.Fuzz(func(t *testing.T, text string, size int) {
		size = max(size, 1)
		for _, format := range append(formats()[1:], Transcriptions) {
			to := reply(t, format, `{"model":"p/m","input":"a","prompt":"a"}`, "text/event-stream")
			whole, cut := format.Pass(to), format.Pass(to)
			out1, step1 := feed(whole, text, max(1, len(text)))
			out2, step2 := feed(cut, text, size)
			end1, end2 := whole.AppendEnd(nil, genai.Usage{}, nil), cut.AppendEnd(nil, genai.Usage{}, nil)
			if step1 != step2 || out1 != out2 || string(end1) != string(end2) {
				t.Fatalf("%q cut by %d: %q, whole: %q", text, size, out2, out1)
			}
		}
	})
}
