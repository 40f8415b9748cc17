package wiretest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

// Through takes every transcript of s through another format and back: what the table
// of genai says is kept must have survived. cannot names the transcripts that are said
// otherwise there, with how.
func (s Suite) Through(t *testing.T, other Suite, cannot map[string]string) {
	for suffix, run := range map[string]func(*testing.T, Suite, []byte, cmp.Options){
		".request.json": s.requestThrough, ".response.json": s.responseThrough, ".stream.sse": s.streamThrough} {
		files, err := filepath.Glob(filepath.Join(s.Dir, "*"+suffix))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if how := cannot[filepath.Base(file)]; how != "" {
				t.Logf("%s: %s", filepath.Base(file), how)
				continue
			}
			t.Run(filepath.Base(file), func(t *testing.T) {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				run(t, other, text, cmp.Options{Same()})
			})
		}
	}
}

// fitted decodes a body for a provider that speaks another protocol.
func (s Suite) fitted(t *testing.T, body []byte, to wire.Protocol) (*genai.Request, bool) {
	t.Helper()
	_, r := s.decode(t, body)
	if _, e := genai.Fit(r, to.Name(), to.Knows); e != nil {
		t.Logf("refused, as the table says: %s", e.Param)
		return nil, false
	}
	return r, true
}

func (s Suite) requestThrough(t *testing.T, other Suite, text []byte, opts cmp.Options) {
	want, ok := s.fitted(t, text, other.Protocol)
	if !ok {
		return
	}
	there, _, e := other.Protocol.Encode(want, wire.Options{Model: "own"})
	if e != nil {
		t.Fatal(e)
	}
	back, ok := other.fitted(t, there, s.Protocol)
	if !ok {
		t.Fatalf("cannot go back: %s", there)
	}
	again, _, e := s.Protocol.Encode(back, wire.Options{Model: "own"})
	if e != nil {
		t.Fatal(e)
	}
	_, got := s.decode(t, again)
	want.Messages = slices.DeleteFunc(want.Messages, func(m genai.Message) bool { return len(m.Parts) == 0 }) // all of it was dropped
	opts = append(opts, cmpopts.IgnoreFields(genai.Message{}, "Index"), cmpopts.IgnoreFields(genai.ToolCall{}, "Signature", "ItemID"),
		cmp.Comparer(sameTool))
	if diff := cmp.Diff(want, got, opts); diff != "" {
		t.Errorf("%s\nby way of %s", diff, there)
	}
}

// sameTool overlooks what some protocols insist on: a schema, and whether it is strict.
func sameTool(a, b genai.Tool) bool {
	strict := func(t genai.Tool) bool { return t.Strict != nil && *t.Strict }
	return a.Name == b.Name && a.Description == b.Description && a.Server == b.Server && a.MaxUses == b.MaxUses && strict(a) == strict(b) &&
		(len(a.Parameters) == 0 || len(b.Parameters) == 0 || cmp.Equal(a.Parameters, b.Parameters, Same()))
}

func (s Suite) responseThrough(t *testing.T, other Suite, text []byte, opts cmp.Options) {
	want, e := s.Protocol.Decode(text)
	if e != nil {
		return // errors are no translation's
	}
	there := other.Format.AppendResponse(nil, want, Reply(nil), genai.Usage{}, bill(genai.Usage{}))
	back, e := other.Protocol.Decode(there)
	if e != nil {
		t.Fatal(e)
	}
	again, e := s.Protocol.Decode(s.Format.AppendResponse(nil, back, Reply(nil), genai.Usage{}, bill(genai.Usage{})))
	if e != nil {
		t.Fatal(e)
	}
	opts = append(opts, cmpopts.IgnoreFields(genai.Citation{}, "Raw", "From"), foreign())
	if diff := cmp.Diff(want.Choices[:1], again.Choices, opts); diff != "" {
		t.Errorf("%s\nby way of %s", diff, there)
	}
}

func (s Suite) streamThrough(t *testing.T, other Suite, text []byte, opts cmp.Options) {
	want := Events(s.Protocol, text, len(text))
	if last := want[len(want)-1]; last.Kind == genai.Failure {
		return
	}
	there := write(other.Format, want)
	again := write(s.Format, Events(other.Protocol, there, 5))
	opts = append(opts, cmpopts.IgnoreFields(genai.Citation{}, "Raw", "From"), foreign())
	if diff := cmp.Diff(Gather(want)[:1], Gather(Events(s.Protocol, again, 7)), opts); diff != "" {
		t.Errorf("%s\nby way of %s", diff, there)
	}
}

// write writes a stream in a format.
func write(f wire.Format, events []genai.Event) []byte {
	encoder := f.NewEncoder(Reply(nil))
	var out []byte
	for i := range events {
		switch e := &events[i]; e.Kind {
		case genai.Failure:
		case genai.End:
			out = encoder.AppendEnd(out, genai.Usage{}, bill(genai.Usage{}))
		default:
			out = encoder.Encode(out, e)
		}
	}
	return out
}
