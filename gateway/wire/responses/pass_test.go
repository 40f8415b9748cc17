package responses

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

func bill(u genai.Usage) *wire.Bill {
	return &wire.Bill{Cost: []byte("0.5"), Cached: u.Cached, Written: u.Written, Reasoning: u.Reasoning}
}

// feed gives text to a stream in pieces of the given size, as the gateway does.
func feed(s *stream, text string, size int) (out string, step wire.Step) {
	var pending, sent []byte
	for {
		n := min(size, len(text))
		pending = append(pending, text[:n]...)
		text = text[n:]
		var used int
		sent, used, step = s.Feed(sent, pending, text == "")
		pending = append([]byte(nil), pending[used:]...)
		if text == "" {
			s.Close()
			return string(sent), step
		}
	}
}

func newStream() *stream { return &stream{to: &wire.Reply{Quoted: []byte(`"p/m"`), Bill: bill}} }

func TestStreamPassesEditedInPlace(t *testing.T) {
	const created = `event: response.created` + "\n" + `data: {"type":"response.created","response":{"id":"r1", "model":"MODEL","usage":null},"sequence_number":0}` + "\n\n"
	const deltas = `data: {"type":"response.output_text.delta","delta":"a\n","model":"kept"}` + "\n\n: ping\n\n" +
		`data: {"type":"response.output_item.added","item":{"type":"function_call","name":"f","arguments":""}}` + "\n\n" +
		`data: {"type":"response.function_call_arguments.delta","delta":"{}"}` + "\n\n" +
		`data: {"type":"response.output_item.done","item":{"type":"web_search_call"}}` + "\n\n"
	const end = `data: {"type":"response.completed",` + "\n" + `data: "response":{"id":"r1","model":"MODEL","status":"completed","service_tier":"flex","output":[],"usage":{"input_tokens":7,"input_tokens_details":{"cached_tokens":2},"output_tokens":3,"total_tokens":10COST}}}` + "\n\n"
	ours := strings.NewReplacer("MODEL", "p/m", "COST", `,"cost":0.5`)
	theirs := strings.NewReplacer("MODEL", "m", "COST", "")
	for _, size := range []int{1, 2, 7, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s := newStream()
			out, step := feed(s, theirs.Replace(created+deltas+end), size)
			if step != wire.Done {
				t.Fatalf("step %v: %v", step, s.Err())
			}
			if diff := cmp.Diff(ours.Replace(created)+deltas, out); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(ours.Replace(end), string(s.AppendEnd(nil, s.seen.Usage, bill(s.seen.Usage)))); diff != "" {
				t.Error(diff)
			}
			want := wire.Seen{ID: "r1", ServiceTier: "flex", FinishReason: "completed", HasUsage: true, Content: true, Text: []byte(`a\nf{}`),
				Usage: genai.Usage{Prompt: 7, Completion: 3, Total: 10, Cached: 2, Searches: 1}}
			if diff := cmp.Diff(want, *s.Seen()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStreamWithoutUsageGetsOurs(t *testing.T) {
	s := newStream()
	feed(s, `data: {"type":"response.incomplete","response":{"model":"m","incomplete_details":{"reason":"max_output_tokens"},"usage":null}}`+"\n\n", 9)
	got := string(s.AppendEnd(nil, genai.Usage{Prompt: 1, Completion: 2}, bill(genai.Usage{})))
	want := `data: {"type":"response.incomplete","response":{"model":"p/m","incomplete_details":{"reason":"max_output_tokens"},"usage":` +
		`{"input_tokens":1,"input_tokens_details":{"cached_tokens":0,"caching_tokens":0},"output_tokens":2,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":3,"cost":0.5}}}` + "\n\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s.seen.FinishReason != "max_output_tokens" {
		t.Errorf("finish %q", s.seen.FinishReason)
	}
}

func TestStreamErrors(t *testing.T) {
	for name, c := range map[string]struct {
		in     string
		status int
		kind   string
	}{
		"flat":        {`data: {"type":"error","code":"rate_limit_exceeded","message":"x"}`, 429, "provider_rate_limited"},
		"object":      {`data: {"type":"error","error":{"type":"server_error","code":"server_error","message":"x"}}`, 502, "provider_error"},
		"failed":      {`data: {"type":"response.failed","response":{"error":{"code":"invalid_prompt","message":"x"}}}`, 400, "provider_error"},
		"bare":        {`data: {"type":"response.failed","response":{"error":null}}`, 502, "provider_error"},
		"credentials": {`data: {"type":"error","code":"401","message":"key sk-123"}`, 502, "provider_credentials"},
		"not json":    {`data: <html>`, 424, "provider_unreadable"},
		"not sse":     {`<html>`, 424, "provider_unreadable"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStream()
			out, step := feed(s, c.in+"\n\n", 5)
			if step != wire.Failed || out != "" || s.err.Status != c.status || string(s.err.Kind) != c.kind || strings.Contains(s.err.Message, "sk-") {
				t.Errorf("step %v, out %q, error %+v", step, out, s.err)
			}
		})
	}
}

func TestAnswerIsEditedInPlace(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"usage": {`{"id":"r","model" : "m","output":[{"type":"message","content":[{"type":"output_text","text":"a"}]}],"usage":{"input_tokens":9} }`,
			`{"id":"r","model" : "p/m","output":[{"type":"message","content":[{"type":"output_text","text":"a"}]}],"usage":{"input_tokens":9,"cost":0.5} }`},
		"their cost": {`{"model":"m","usage":{"cost":1},"output":[]}`, `{"model":"p/m","usage":{"cost":0.5},"output":[]}`},
		"no usage": {`{"model":"m","output":[]}`, `{"model":"p/m","output":[],"usage":{"input_tokens":4,"input_tokens_details":{"cached_tokens":0,"caching_tokens":0},` +
			`"output_tokens":5,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":9,"cost":0.5}}`},
		"no model": {`{"output":[],"usage":{}}`, `{"model":"p/m","output":[],"usage":{"cost":0.5}}`},
	} {
		t.Run(name, func(t *testing.T) {
			a, e := readAnswer([]byte(c.in), []byte(`"p/m"`))
			if e != nil {
				t.Fatal(e)
			}
			if diff := cmp.Diff(c.want, string(a.Append(nil, genai.Usage{Prompt: 4, Completion: 5}, bill(genai.Usage{})))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUpstreamChangesNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		in, want string
		limit    int64
	}{
		"model":    {in: ` { "input" : "\u00e9\/", "x":1.50e+0,"model":	"p\/m" } `, want: ` { "input" : "\u00e9\/", "x":1.50e+0,"model":	"own" } `},
		"requesty": {in: `{"model":"p/m","input":"a", "requesty":{"tags":[]}}`, want: `{"model":"own","input":"a"}`},
		"limit":    {in: `{"model":"p/m","input":"a"}`, want: `{"model":"own","input":"a","max_output_tokens":7}`, limit: 7},
		"lowered":  {in: `{"model":"p/m","max_output_tokens":9,"input":"a"}`, want: `{"model":"own","max_output_tokens":7,"input":"a"}`, limit: 7},
		"null":     {in: `{"model":"p/m","max_output_tokens":null,"input":"a"}`, want: `{"model":"own","max_output_tokens":7,"input":"a"}`, limit: 7},
		"low":      {in: `{"model":"p/m","max_output_tokens":5,"input":"a"}`, want: `{"model":"own","max_output_tokens":5,"input":"a"}`, limit: 7},
		"state":    {in: `{"model":"p/m","previous_response_id":"resp_1"}`, want: `{"model":"own","previous_response_id":"resp_1"}`},
	} {
		t.Run(name, func(t *testing.T) {
			r, e := readRequest([]byte(c.in))
			if e != nil {
				t.Fatal(e)
			}
			if diff := cmp.Diff(c.want, string(r.Upstream("own", wire.Lowered{Limit: c.limit, Field: "max_tokens"}))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadRequestRefuses(t *testing.T) {
	for body, param := range map[string]string{
		`[]`: "", `{"input":"a"}`: "model", `{"model":"m"}`: "input", `{"model":"m","input":null}`: "input", `{"model":"m","input":{}}`: "input",
		`{"model":"m","input":"a","Input":"b"}`: "input", `{"model":"m","input":"a","model":"b"}`: "model", `{"model":"m","input":"a","stream":1}`: "stream",
		`{"model":"m","input":"a","max_output_tokens":"9"}`: "max_output_tokens", `{"model":"m","input":"a","tools":{}}`: "tools",
		`{"model":"m","input":"a","previous_response_id":1}`: "previous_response_id", `{"model":"m","input":"a","background":"yes"}`: "background",
		`{"model":"m","input":"a","background":true}`: "background",
	} {
		if _, e := readRequest([]byte(body)); e == nil || e.Status != 400 || e.Param != param {
			t.Errorf("%s: got %+v, want a 400 with param %q", body, e, param)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for rest, param := range map[string]string{
		`"input":"a","previous_response_id":"r"`: "previous_response_id", `"input":"a","conversation":"c"`: "conversation",
		`"prompt":{"id":"p"}`: "prompt",
		`"input":[{"role":"user","content":"a"},{"type":"item_reference","id":"x"}]`:               "input[1]",
		`"input":[{"role":"bot","content":"a"}]`:                                                   "input[0].role",
		`"input":[{"role":"user"}]`:                                                                "input[0].content",
		`"input":[{"role":"user","content":[{"type":"video"}]}]`:                                   "input[0].content[0].type",
		`"input":[{"role":"user","content":[{"type":"input_image"}]}]`:                             "input[0].content[0]",
		`"input":[{"type":"function_call_output","output":"a"}]`:                                   "input[0].call_id",
		`"input":[{"type":"computer_call_output","call_id":"a"}]`:                                  "input[0].type",
		`"input":"a","tools":[{"type":"function"}]`:                                                "tools[0].name",
		`"input":"a","tool_choice":"some"`:                                                         "tool_choice",
		`"input":"a","text":{"format":{"type":"json_schema"}}`:                                     "text.format.schema",
		`"input":"a","temperature":"1"`:                                                            "temperature",
		`"input":"a","tool_choice":{"type":"allowed_tools","mode":"auto","tools":[]},"tools":null`: "tool_choice",
	} {
		r, e := readRequest([]byte(`{"model":"m",` + rest + `}`))
		if e != nil {
			t.Fatal(e)
		}
		if _, e := r.Decode(); e == nil || e.Status != 400 || e.Param != param || !strings.Contains(e.Message, param) {
			t.Errorf("%s: got %+v, want a 400 with param %q", rest, e, param)
		}
	}
}

func TestBounds(t *testing.T) {
	text := func(b wire.Bounds) wire.Bounds { b.Text, b.Choices = 0, 0; return b }
	for rest, want := range map[string]wire.Bounds{
		`"input":"abc","max_output_tokens":9`:                                    {Limit: 9},
		`"input":"abc","previous_response_id":"r"`:                               {Whole: "previous_response_id"},
		`"prompt":{"id":"r"}`:                                                    {Whole: "prompt"},
		`"input":[{"role":"user","content":[{"type":"input_text","text":"a"}]}]`: {},
		`"input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,A"}]}]`:                              {Images: 1},
		`"input":[{"role":"user","content":[{"type":"input_image","image_url":"https://e.com"}]}]`:                                        {Whole: "input[0].content[0]"},
		`"input":[{"role":"user","content":[{"type":"input_file","file_id":"f"}]}]`:                                                       {Whole: "input[0].content[0]"},
		`"input":[{"role":"user","content":[{"type":"input_text","text":"a","file_id":"f"}]}]`:                                            {Whole: "input[0].content[0]"},
		`"input":[{"type":"item_reference","id":"f"}]`:                                                                                    {Whole: "input[0]"},
		`"input":[{"type":"function_call_output","call_id":"c","output":[{"type":"input_image","image_url":"data:image/png;base64,A"}]}]`: {Images: 1},
		`"input":"a","tools":[{"type":"function","name":"f"},{"type":"custom","name":"g"}]`:                                               {},
		`"input":"a","tools":[{"type":"web_search"},{"type":"code_interpreter"}]`:                                                         {Unlimited: "max_tool_calls"},
		`"input":"a","tools":[{"type":"web_search"},{"type":"code_interpreter"}],"max_tool_calls":4`:                                      {Uses: 4},
	} {
		r, e := readRequest([]byte(`{"model":"m",` + rest + `}`))
		if e != nil {
			t.Fatal(e)
		}
		got, e := r.Bounds()
		if e != nil || got.Choices != 1 || got.Text < wire.Framing {
			t.Errorf("%s: %+v, %v", rest, got, e)
		}
		if diff := cmp.Diff(want, text(got)); diff != "" {
			t.Errorf("%s: %s", rest, diff)
		}
	}
}
