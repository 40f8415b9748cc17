package wiretest

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

// FuzzRequest holds for any body that is accepted: what is written for the provider is
// JSON, and says the same when it is read and written again.
func (s Suite) FuzzRequest(f *testing.F) {
	Seed(f, ".request.json")
	f.Fuzz(func(t *testing.T, body []byte) {
		r, e := s.Format.ReadRequest(body)
		if e != nil {
			return
		}
		if _, e := r.Bounds(); e != nil && e.Status != 400 {
			t.Fatal(e)
		}
		r.Prompt()
		if signed, ok := r.(wire.Foreign); ok {
			signed.Foreign()
		}
		decoded, e := r.Decode()
		if e != nil {
			if e.Status != 400 {
				t.Fatal(e)
			}
			return
		}
		if _, e = genai.Fit(decoded, s.Protocol.Name(), s.Protocol.Knows); e != nil {
			return
		}
		out, _, e := s.Protocol.Encode(decoded, wire.Options{Model: "own"})
		if e != nil {
			return
		}
		if !json.Valid(out) {
			t.Fatalf("%q became %q", body, out)
		}
		checkSSE(t, out)
	})
}

// checkSSE tells that a text may be a line of a stream.
func checkSSE(t *testing.T, line []byte) {
	t.Helper()
	if bytes.ContainsAny(line, "\r\n") {
		t.Fatalf("%q has a line break", line)
	}
}

// FuzzResponse holds for any answer that is read: the client's is JSON.
func (s Suite) FuzzResponse(f *testing.F) {
	Seed(f, ".response.json")
	f.Fuzz(func(t *testing.T, text []byte) {
		to := Reply(nil)
		if a, e := s.Format.ReadAnswer(text, to); e == nil {
			if out := a.Append(nil, genai.Usage{}, bill(a.Seen().Usage)); !json.Valid(out) {
				t.Fatalf("%q passed as %q", text, out)
			}
		}
		r, e := s.Protocol.Decode(text)
		if e != nil {
			_ = s.Protocol.ReadError(500, text)
			return
		}
		if out := s.Format.AppendResponse(nil, r, to, genai.Usage{}, bill(genai.Usage{})); !json.Valid(out) {
			t.Fatalf("%q became %q", text, out)
		}
	})
}

// FuzzStream holds for any stream: the same events however it is cut, in the order that
// genai promises, and JSON in every event that the client gets.
func (s Suite) FuzzStream(f *testing.F) {
	Seed(f, ".stream.sse")
	f.Fuzz(func(t *testing.T, text []byte) {
		whole := Events(s.Protocol, text, max(1, len(text)))
		if diff := cmp.Diff(whole, Events(s.Protocol, text, 3), Same()); diff != "" {
			t.Fatalf("%q cut by 3: %s", text, diff)
		}
		Order(t, whole)
		to := Reply(nil)
		encoder := s.Format.NewEncoder(to)
		var out []byte
		for i := range whole {
			switch whole[i].Kind {
			case genai.Failure, genai.End:
			default:
				out = encoder.Encode(out, &whole[i])
			}
		}
		out = encoder.AppendEnd(out, genai.Usage{}, bill(genai.Usage{}))
		for line := range strings.Lines(string(out)) {
			if data, ok := strings.CutPrefix(line, "data: "); ok && data != "[DONE]\n" && !json.Valid([]byte(data)) {
				t.Fatalf("%q became %q", text, line)
			}
		}
		pass := s.Format.Pass(to)
		_, _, _ = pass.Feed(nil, text, true)
		pass.Close()
		pass.AppendEnd(nil, genai.Usage{}, bill(genai.Usage{}))
	})
}

// Order checks what genai promises of the events' order, and tells whether the last one
// is an end or a failure.
func Order(t *testing.T, events []genai.Event) (over bool) {
	t.Helper()
	open := map[int]int{} // choice to part, and one
	next := map[int]int{}
	for i := range events {
		e := &events[i]
		if over && e.Kind != genai.Reported {
			t.Fatalf("event %d of kind %d comes after the end", i, e.Kind)
		}
		switch e.Kind {
		case genai.PartStart:
			if open[e.Choice] != 0 || e.Index != next[e.Choice] {
				t.Fatalf("event %d begins part %d where %d is due", i, e.Index, next[e.Choice])
			}
			next[e.Choice]++
			open[e.Choice] = next[e.Choice]
		case genai.Delta, genai.PartEnd:
			if open[e.Choice] != e.Index+1 {
				t.Fatalf("event %d goes on with part %d, which is not under way", i, e.Index)
			}
			if e.Kind == genai.PartEnd {
				open[e.Choice] = 0
			}
		case genai.End, genai.Failure:
			over = true
		}
	}
	return over
}
