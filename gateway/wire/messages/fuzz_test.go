package messages

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"reflect"
	"testing"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
	"weir/gateway/wire/wiretest"

	"github.com/google/go-cmp/cmp"
)

// What can be read of a request can be passed on and translated, and is JSON then.
func FuzzRequest(f *testing.F) {
	wiretest.Seed(f, ".request.json")
	f.Fuzz(func(t *testing.T, body []byte) {
		r, e := Format{}.ReadRequest(body)
		if e != nil {
			return
		}
		r.Prompt()
		r.(wire.Foreign).Foreign()
		if _, e := r.Bounds(); e != nil {
			t.Fatal(e)
		}
		for _, lowered := range []wire.Lowered{{}, {Limit: 5, AutoCache: true}} {
			if up := r.Upstream("m", lowered); !json.Valid(up) {
				t.Fatalf("%q became %q", body, up)
			}
		}
		g, e := r.Decode()
		if e != nil {
			return
		}
		g.AutoCache(genai.Anthropic)
		if _, e := genai.Fit(g, genai.Anthropic, Protocol{}.Knows); e != nil {
			return
		}
		out, _, e := Protocol{}.Encode(g, wire.Options{Model: "claude-opus-4-7"})
		if e == nil && !json.Valid(out) {
			t.Fatalf("%q became %q", body, out)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	wiretest.Seed(f, ".response.json")
	f.Fuzz(func(t *testing.T, text []byte) {
		if a, e := (Format{}).ReadAnswer(text, reply()); e == nil {
			if out := a.Append(nil, genai.Usage{}, bill(genai.Usage{})); !json.Valid(out) {
				t.Fatalf("%q became %q", text, out)
			}
		}
		if r, e := (Protocol{}).Decode(text); e == nil {
			if out := (Format{}).AppendResponse(nil, r, reply(), genai.Usage{}, bill(genai.Usage{})); !json.Valid(out) {
				t.Fatalf("%q became %q", text, out)
			}
		}
	})
}

// However a stream is cut, events and bytes are the same, and what is written is JSON.
func FuzzStream(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.stream.sse")
	for _, file := range files {
		f.Add(string(wiretest.Read(f, file)), 3)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		size = max(1, size)
		if whole, cut := wiretest.Events(Protocol{}, []byte(text), max(1, len(text))), wiretest.Events(Protocol{}, []byte(text), size); !reflect.DeepEqual(whole, cut) {
			t.Fatal(cmp.Diff(whole, cut))
		}
		one, _ := feed(Format{}.Pass(reply()), text, max(1, len(text)))
		two, _ := feed(Format{}.Pass(reply()), text, size)
		if !bytes.Equal(one, two) {
			t.Fatalf("%q, cut: %q", one, two)
		}
		out, _ := feed(wire.NewTranslation(Format{}, Protocol{}, reply()), text, size)
		var s wire.Splitter
		var scratch []byte
		for len(out) > 0 {
			e, n := s.Next(out, true)
			if data, start := e.JSON(&scratch); len(data) > 0 {
				if _, ok := jsonscan.Valid(data[start:]); !ok {
					t.Fatalf("%q became %q", text, e.Raw)
				}
			}
			out = out[n:]
		}
	})
}

func FuzzError(f *testing.F) {
	f.Add(400, []byte(`{"type":"error","error":{"type":"invalid_request_error","message":"bad"},"request_id":"r"}`))
	f.Fuzz(func(t *testing.T, status int, text []byte) {
		e := Protocol{}.ReadError(status, text)
		if out := (Format{}).AppendError(nil, e, "r"); !json.Valid(out) {
			t.Fatalf("%q became %q", text, out)
		}
	})
}
