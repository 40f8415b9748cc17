package wire_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/wire"
	"weir/gateway/wire/wiretest"
)

// An answer that is cut at any byte is an error, or the whole of it, in every pair; and
// what the client gets is a JSON document of its format either way.
func TestCutAnswers(t *testing.T) {
	pairs(t, func(t *testing.T, f wire.Format, p wire.Protocol) {
		plain, _ := transcripts(t, p)
		to := wiretest.Reply(asked(t, f))
		for name, text := range plain {
			for cut := range len(text) + 1 {
				a, e := wire.Translate(f, p, text[:cut], to)
				var out []byte
				switch {
				case e != nil:
					failure(t, e)
					out = f.AppendError(nil, e, "w1")
				case cut < len(bytes.TrimRight(text, " \r\n")):
					t.Fatalf("%s: %d bytes of %d are an answer", name, cut, len(text))
				default:
					out = a.Append(nil, a.Seen().Usage, to.Bill(a.Seen().Usage))
				}
				if !json.Valid(out) {
					t.Fatalf("%s, cut at %d, became %s", name, cut, out)
				}
			}
		}
	})
}

// failure checks an error that is the provider's.
func failure(t *testing.T, e *apierror.Error) {
	t.Helper()
	if e.Status < 400 || e.Status == 500 && e.Kind == apierror.Internal || e.Message == "" {
		t.Fatalf("%+v", e)
	}
}

// A stream that is cut at any byte ends only where the provider ended it, in every pair,
// and what the client has got is whole events, to which the format's own error event is
// added. One that has neither ended nor failed is for the pipeline to judge.
func TestCutStreams(t *testing.T) {
	pairs(t, func(t *testing.T, f wire.Format, p wire.Protocol) {
		_, streams := transcripts(t, p)
		for name, text := range streams {
			for cut := 0; cut <= len(text); cut += 1 + len(text)/400 {
				to := wiretest.Reply(asked(t, f))
				s := wire.NewTranslation(f, p, to)
				out, used, step := s.Feed(nil, text[:cut], false)
				if step == wire.More {
					out, _, step = s.Feed(out, text[used:cut], true)
				}
				s.Close()
				switch step {
				case wire.Failed:
					failure(t, s.Err())
					out = f.AppendErrorEvent(s.AppendGap(out), s.Err(), "w1")
				case wire.Done:
					if s.Seen().FinishReason == "" {
						t.Fatalf("%s, cut at %d, has an end without a reason", name, cut)
					}
					out = s.AppendEnd(out, s.Seen().Usage, to.Bill(s.Seen().Usage))
				}
				whole(t, out)
			}
		}
	})
}

// Garbage is no answer, whatever it looks like.
func TestGarbage(t *testing.T) {
	garbage := []string{"", " ", "null", "[]", "{}", "0", `"x"`, "<html>", "{\"", "\x00\xff\xfe", "data: \n\n", "data: {}\n\ndata: null\n\n", "data: [DONE]\n\n", "event: x\n\n", ": ping\n\n",
		`{"choices":null}`, `{"choices":[null]}`, `{"choices":{}}`, `{"output":[null]}`, `{"output":"x"}`, `{"output":{"message":null}}`, `{"output":{"message":{"content":[null]}}}`, `{"content":[null]}`, `{"content":{}}`,
		`{"candidates":[null]}`, `{"candidates":{}}`, `{"candidates":[{"content":{"parts":[null,1,{}]}}]}`, `{"error":null}`, `{"error":[]}`,
		"data: {\"choices\":[{\"delta\":null}]}\n\n", "data: {\"type\":1}\n\n", "data: {\"type\":\"content_block_delta\",\"index\":-1,\"delta\":{}}\n\n",
		"data: {\"type\":\"response.output_text.delta\",\"output_index\":99999999999,\"delta\":\"x\"}\n\n", "data: {\"candidates\":[{\"index\":1e99,\"content\":{\"parts\":[{\"text\":\"x\"}]}}]}\n\n",
		"data: {\"choices\":[{\"index\":123456789,\"delta\":{\"content\":\"x\"}}]}\n\n", "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":99999999}]}}]}\n\n"}
	pairs(t, func(t *testing.T, f wire.Format, p wire.Protocol) {
		to := wiretest.Reply(asked(t, f))
		for _, text := range garbage {
			if a, e := wire.Translate(f, p, []byte(text), to); e != nil {
				failure(t, e)
			} else if out := a.Append(nil, genai.Usage{}, to.Bill(genai.Usage{})); !json.Valid(out) {
				t.Errorf("%q became %s", text, out)
			}
			s := wire.NewTranslation(f, p, to)
			out, _, step := s.Feed(nil, []byte(text), true)
			s.Close()
			if step == wire.Failed {
				failure(t, s.Err())
			}
			whole(t, out)
			for _, status := range []int{200, 301, 400, 401, 404, 429, 500, 529} {
				e := p.ReadError(status, []byte(text))
				if e == nil || e.Message == "" || !json.Valid(f.AppendError(nil, e, "w1")) {
					t.Errorf("%q under %d: %+v", text, status, e)
				}
			}
		}
	})
}

// whole checks that a text is whole events of JSON.
func whole(t *testing.T, out []byte) {
	t.Helper()
	if len(out) > 0 && !bytes.HasSuffix(out, []byte("\n\n")) {
		t.Fatalf("the last event is not whole: %q", out)
	}
	for line := range bytes.Lines(out) {
		if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok && !json.Valid(data) && string(data) != "[DONE]\n" {
			t.Fatalf("no JSON: %s", line)
		}
	}
}
