// Package wiretest is the conformance suite of a wire format and of the protocol with
// the same bytes, driven by transcripts: name.request.json, name.response.json and
// name.stream.sse in a folder, each beside a golden file of what became of it.
//
// Guarantee: a request that was decoded and written again decodes to the same; so does
// an answer; a stream gives the same events however the reads cut it, and says the same
// once it was written again. -update rewrites the golden files.
//
// Concurrency: one test. Failure: the test's.
package wiretest

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

// Suite is what is tested.
type Suite struct {
	Format   wire.Format
	Protocol wire.Protocol
	Dir      string
	Update   *bool
}

// Flag is -update.
func Flag() *bool { return flag.Bool("update", false, "rewrite the golden files") }

// Run runs all transcripts.
func (s Suite) Run(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(s.Dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts in %s: %v", s.Dir, err)
	}
	for _, file := range files {
		run := map[string]func(*testing.T, string, []byte){".request.json": s.request, ".response.json": s.response, ".stream.sse": s.stream}
		for suffix, f := range run {
			if name, ok := strings.CutSuffix(file, suffix); ok {
				t.Run(filepath.Base(file), func(t *testing.T) {
					text, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					f(t, name, text)
				})
			}
		}
	}
}

func (s Suite) decode(t *testing.T, body []byte) (wire.Request, *genai.Request) {
	t.Helper()
	r, e := s.Format.ReadRequest(body)
	if e != nil {
		t.Fatalf("read: %v\n%s", e, body)
	}
	decoded, e := r.Decode()
	if e != nil {
		t.Fatalf("decode: %v (%s)\n%s", e, e.Param, body)
	}
	return r, decoded
}

func (s Suite) request(t *testing.T, name string, text []byte) {
	_, first := s.decode(t, text)
	out, _, e := s.Protocol.Encode(first, wire.Options{Model: "own"})
	if e != nil {
		t.Fatal(e)
	}
	Golden(t, *s.Update, name+".upstream.json", out)
	_, second := s.decode(t, out)
	if diff := cmp.Diff(first, second, Same()); diff != "" {
		t.Errorf("what was written says something else: %s", diff)
	}
}

// Reply is what answers of the suite say of the gateway.
func Reply(r wire.Request) *wire.Reply {
	return &wire.Reply{Request: r, ID: "w1", Model: "p/m", Quoted: []byte(`"p/m"`), Created: 1767225600, Bill: bill}
}

func bill(u genai.Usage) *wire.Bill {
	return &wire.Bill{Cost: []byte("0.5"), Cached: u.Cached, Written: u.Written, Reasoning: u.Reasoning}
}

func (s Suite) response(t *testing.T, name string, text []byte) {
	first, e := s.Protocol.Decode(text)
	if e != nil {
		Golden(t, *s.Update, name+".answer.json", s.Format.AppendError(nil, e, "w1"))
		return
	}
	var usage genai.Usage
	if first.Usage != nil {
		usage = *first.Usage
	}
	out := s.Format.AppendResponse(nil, first, Reply(s.asked(t, name, false)), usage, bill(usage))
	Golden(t, *s.Update, name+".answer.json", out)
	second, e := s.Protocol.Decode(out)
	if e != nil {
		t.Fatal(e)
	}
	if diff := cmp.Diff(first.Choices, second.Choices, Same(), cmpopts.IgnoreFields(genai.Citation{}, "Raw", "From"), foreign()); diff != "" {
		t.Errorf("what was written says something else: %s", diff)
	}
}

// foreign overlooks who made a proof, and the bytes that it came in: an answer that was
// written again is another one's.
func foreign() cmp.Option {
	return cmp.Options{cmpopts.IgnoreFields(genai.Proof{}, "From", "ID"), cmpopts.IgnoreFields(genai.ToolCall{}, "ItemID")}
}

// asked is the request beside a transcript, or a plain one.
func (s Suite) asked(t *testing.T, name string, stream bool) wire.Request {
	body, err := os.ReadFile(name + ".request.json")
	if err != nil {
		body = fmt.Appendf(nil, `{"model":"p/m","messages":[{"role":"user","content":"hi"}],"input":"hi","max_tokens":9,"stream":%v,"stream_options":{"include_usage":true}}`, stream)
	}
	r, e := s.Format.ReadRequest(body)
	if e != nil {
		t.Fatal(e)
	}
	return r
}

// Events reads a stream in pieces of the given size.
func Events(p wire.Protocol, text []byte, size int) []genai.Event {
	d := p.NewDecoder()
	var all, events []genai.Event
	var pending []byte
	for {
		n := min(size, len(text))
		pending = append(pending, text[:n]...)
		text = text[n:]
		var used int
		events, used = d.Decode(events[:0], pending, len(text) == 0)
		for _, e := range events { // their bytes are theirs until the next read alone
			e.LogProbs, e.Part.Raw = bytes.Clone(e.LogProbs), bytes.Clone(e.Part.Raw)
			all = append(all, e)
		}
		pending = append([]byte(nil), pending[used:]...)
		if len(text) == 0 {
			return all
		}
	}
}

func (s Suite) stream(t *testing.T, name string, text []byte) {
	first := Events(s.Protocol, text, len(text))
	for size := 1; size < 40; size++ {
		if diff := cmp.Diff(first, Events(s.Protocol, text, size), Same()); diff != "" {
			t.Fatalf("cut by %d: %s", size, diff)
		}
	}
	crlf := bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
	if diff := cmp.Diff(first, Events(s.Protocol, crlf, 7), Same()); diff != "" {
		t.Fatalf("with CRLF: %s", diff)
	}
	to := Reply(s.asked(t, name, true))
	encoder := s.Format.NewEncoder(to)
	var out []byte
	var usage genai.Usage
	failed := false
	for i := range first {
		switch e := &first[i]; e.Kind {
		case genai.Failure:
			out, failed = s.Format.AppendErrorEvent(out, e.Err, "w1"), true
		case genai.End:
			out = encoder.AppendEnd(out, usage, bill(usage))
		case genai.Reported:
			usage = e.Usage
		default:
			out = encoder.Encode(out, e)
		}
	}
	Golden(t, *s.Update, name+".answer.sse", out)
	if failed {
		return
	}
	second := Events(s.Protocol, out, 11)
	if diff := cmp.Diff(Gather(first), Gather(second), Same(), cmpopts.IgnoreFields(genai.Citation{}, "Raw", "From"), foreign()); diff != "" {
		t.Errorf("what was written says something else: %s", diff)
	}
}

// Gather puts a stream together; parts of one kind that follow one another are one.
func Gather(events []genai.Event) []genai.Choice {
	var all []genai.Choice
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case genai.PartStart, genai.Delta, genai.Finish:
		default:
			continue
		}
		for len(all) <= e.Choice {
			all = append(all, genai.Choice{})
		}
		c := &all[e.Choice]
		last := len(c.Parts) - 1
		switch {
		case e.Kind == genai.Finish:
			c.Stop, c.StopSequence = e.Stop, e.StopSequence
		case e.Kind == genai.PartStart && e.Part.Kind == genai.ServerTool:
			// What a provider did itself has no place in another one's answer.
		case e.Kind == genai.PartStart:
			p := e.Part
			if p.Call != nil {
				call := *p.Call
				p.Call = &call
			}
			c.Parts = append(c.Parts, p)
		case e.Delta == genai.DeltaArguments:
			c.Parts[last].Call.Arguments += e.Text
		case e.Delta == genai.DeltaCitation:
			c.Parts[last].Citations = append(c.Parts[last].Citations, *e.Citation)
		case e.Delta == genai.DeltaSignature:
			proof := genai.Proof{}
			if c.Parts[last].Proof != nil {
				proof = *c.Parts[last].Proof
			}
			proof.Signature += e.Text
			c.Parts[last].Proof = &proof
		default:
			c.Parts[last].Text += e.Text
		}
	}
	return all
}
