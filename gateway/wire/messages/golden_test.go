package messages

import (
	"bytes"
	"strings"
	"testing"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
	"weir/gateway/wire/wiretest"

	"github.com/google/go-cmp/cmp"
)

var (
	_ wire.Format   = Format{}
	_ wire.Format   = Count{}
	_ wire.Protocol = Protocol{}
	_ wire.Headed   = Protocol{}
)

var update = wiretest.Flag()

// transcripts calls f for each file of testdata that ends in suffix, by its name without.
func transcripts(t *testing.T, suffix string, f func(t *testing.T, name string, text []byte)) {
	wiretest.Transcripts(t, suffix, func(t *testing.T, name string, text []byte) { f(t, strings.TrimSuffix(name, suffix), text) })
}

// golden compares text with a golden file; JSON without its white space.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	wiretest.Golden(t, *update, "testdata/"+file, got)
}

func reply() *wire.Reply {
	return &wire.Reply{ID: "req-1", Model: "p/m", Quoted: []byte(`"p/m"`), Created: 1, Bill: bill}
}

func bill(u genai.Usage) *wire.Bill {
	return &wire.Bill{Cost: []byte("0.5"), Cached: u.Cached, Written: u.Written, Reasoning: u.Reasoning}
}

// decode reads a request whole.
func decode(t *testing.T, body []byte) *genai.Request {
	r, e := Format{}.ReadRequest(body)
	if e != nil {
		t.Fatal(e)
	}
	out, e := r.Decode()
	if e != nil {
		t.Fatal(e)
	}
	return out
}

// A request that is decoded and encoded again is accepted by the same API and says the
// same.
func TestRequests(t *testing.T) {
	transcripts(t, ".request.json", func(t *testing.T, name string, body []byte) {
		first := decode(t, body)
		if warnings, e := genai.Fit(first, genai.Anthropic, Protocol{}.Knows); e != nil || len(warnings) > 0 && name != "unknown" {
			t.Fatal(warnings, e)
		}
		model := wire.String(body, wire.Member(body, whole(body), "model"))
		encoded, _, e := Protocol{}.Encode(first, wire.Options{Model: model})
		if e != nil {
			t.Fatal(e)
		}
		golden(t, name+".request.golden.json", encoded)
		again := decode(t, encoded)
		want, got := normal(t, first), normal(t, again)
		if name == "prefill" { // its end is trimmed
			want.Messages[2-1].Parts[0].Text = "{"
		}
		if name == "thinking_adaptive" { // temperature goes
			want.Temperature = ""
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func whole(text []byte) jsonscan.Span { return jsonscan.Span{End: len(text)} }

// normal takes the white space out of what is kept as JSON.
func normal(t *testing.T, r *genai.Request) *genai.Request {
	tidy := func(raw []byte) []byte {
		if len(raw) == 0 {
			return nil
		}
		return wiretest.Compact(raw)
	}
	var parts func(list []genai.Part)
	parts = func(list []genai.Part) {
		for i := range list {
			list[i].Raw = tidy(list[i].Raw)
			if c := list[i].Call; c != nil {
				c.Arguments = string(tidy([]byte(c.Arguments)))
			}
			if list[i].Result != nil {
				parts(list[i].Result.Parts)
			}
			for k := range list[i].Citations {
				list[i].Citations[k].Raw = tidy(list[i].Citations[k].Raw)
			}
		}
	}
	for i := range r.Messages {
		parts(r.Messages[i].Parts)
	}
	for i := range r.Tools {
		r.Tools[i].Raw, r.Tools[i].Parameters = tidy(r.Tools[i].Raw), tidy(r.Tools[i].Parameters)
	}
	for i := range r.Extra {
		r.Extra[i].Raw = tidy(r.Extra[i].Raw)
	}
	if r.Output != nil {
		r.Output.Schema = tidy(r.Output.Schema)
	}
	if len(r.Extra) == 0 {
		r.Extra = nil
	}
	return r
}

// A plain answer that is translated says the same, and one that passes through is
// changed where it must be and nowhere else.
func TestResponses(t *testing.T) {
	transcripts(t, ".response.json", func(t *testing.T, name string, text []byte) {
		r, e := Protocol{}.Decode(text)
		if e != nil {
			t.Fatal(e)
		}
		translated := Format{}.AppendResponse(nil, r, reply(), *r.Usage, bill(*r.Usage))
		golden(t, name+".response.golden.json", translated)
		again, e := Protocol{}.Decode(wiretest.Compact(translated))
		if e != nil {
			t.Fatal(e)
		}
		first, _ := Protocol{}.Decode(wiretest.Compact(text))
		if name == "window" || name == "unknown" { // reasons without a twin elsewhere
			first.Choices[0].Stop = again.Choices[0].Stop
		}
		again.Usage.Reasoning = first.Usage.Reasoning // no field of the API's in a translation
		if diff := cmp.Diff(first, again); diff != "" {
			t.Error(diff)
		}
		a, e := Format{}.ReadAnswer(text, reply())
		if e != nil {
			t.Fatal(e)
		}
		if diff := cmp.Diff(*r.Usage, a.Seen().Usage); diff != "" {
			t.Error(diff)
		}
		passed := string(a.Append(nil, genai.Usage{}, bill(a.Seen().Usage)))
		want := strings.Replace(string(text), `"claude-sonnet-4-5-20250929"`, `"p/m"`, 1)
		if got := strings.Replace(passed, `,"cost":0.5`, "", 1); got != want || got == passed {
			t.Error(cmp.Diff(want, got))
		}
	})
}

// feed gives text to a stream in pieces of the given size, as the gateway does.
func feed(s wire.Stream, text string, size int) (out []byte, step wire.Step) {
	var pending []byte
	for {
		n := min(size, len(text))
		pending = append(pending, text[:n]...)
		text = text[n:]
		var used int
		out, used, step = s.Feed(out, pending, text == "")
		pending = append([]byte(nil), pending[used:]...)
		if text == "" {
			s.Close()
			if step == wire.Done {
				out = s.AppendEnd(out, s.Seen().Usage, bill(s.Seen().Usage))
			}
			return out, step
		}
	}
}

// Wherever a stream is cut, its events and what the client gets are the same.
func TestStreams(t *testing.T) {
	transcripts(t, ".stream.sse", func(t *testing.T, name string, text []byte) {
		want := wiretest.Events(Protocol{}, text, len(text))
		for size := 1; size < 64; size++ {
			if diff := cmp.Diff(want, wiretest.Events(Protocol{}, text, size)); diff != "" {
				t.Fatalf("cut by %d: %s", size, diff)
			}
		}
		translated, step := feed(wire.NewTranslation(Format{}, Protocol{}, reply()), string(text), len(text))
		if (step == wire.Done) == (name == "error") {
			t.Errorf("step %v", step)
		}
		golden(t, name+".stream.translated.sse", translated)
		pass := Format{}.Pass(reply())
		passed, _ := feed(pass, string(text), len(text))
		golden(t, name+".stream.passed.sse", passed)
		for _, size := range []int{1, 7, 100} {
			again := Format{}.Pass(reply())
			if got, _ := feed(again, string(text), size); !bytes.Equal(got, passed) {
				t.Errorf("cut by %d: %s", size, cmp.Diff(string(passed), string(got)))
			}
			if diff := cmp.Diff(pass.Seen(), again.Seen()); diff != "" {
				t.Errorf("cut by %d: %s", size, diff)
			}
		}
	})
}

// A provider that goes away in the middle has said no end: neither way of reading makes
// one up.
func TestDisconnect(t *testing.T) {
	text := wiretest.Read(t, "testdata/tools.stream.sse")
	for cut := range text {
		if cut > bytes.Index(text, []byte(`"message_stop"`)) {
			break
		}
		for _, s := range []wire.Stream{Format{}.Pass(reply()), wire.NewTranslation(Format{}, Protocol{}, reply())} {
			if _, step := feed(s, string(text[:cut]), 200); step == wire.Done {
				t.Fatalf("cut at %d: done", cut)
			}
		}
	}
}
