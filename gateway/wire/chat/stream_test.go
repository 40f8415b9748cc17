package chat

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"weir/gateway/genai"
	"weir/gateway/wire"

	"github.com/google/go-cmp/cmp"
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

func newStream(wantUsage bool) *stream {
	return &stream{to: &wire.Reply{Quoted: []byte(`"p/m"`), Bill: bill}, wantUsage: wantUsage}
}

func chunk(content string) string {
	return `{"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"` + content + `"},"finish_reason":null}]}`
}

func TestStreamRewritesModelsAndWithholdsUsage(t *testing.T) {
	const done = "data: [DONE]\n\n"
	usage := `{"model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":2}}}`
	billed := `{"model":"p/m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":2,"caching_tokens":0},` +
		`"cost":0.5,"completion_tokens_details":{"reasoning_tokens":0}}}`
	ours := func(c string) string { return strings.Replace(chunk(c), `"m"`, `"p/m"`, 1) }
	for name, c := range map[string]struct {
		in, want, end string
		usage         bool
	}{
		"plain":      {in: "data: " + chunk("a") + "\n\ndata: " + usage + "\n\n" + done, want: "data: " + ours("a") + "\n\n", end: done},
		"usage":      {in: "data: " + usage + "\n\n" + done, want: "data: " + billed + "\n\n", end: done, usage: true},
		"no space":   {in: "data:" + chunk("a") + "\n\n", want: "data:" + ours("a") + "\n\n"},
		"crlf":       {in: "data: " + chunk("a") + "\r\n\r\ndata: [DONE]\r\n\r\n", want: "data: " + ours("a") + "\r\n\r\n", end: "data: [DONE]\r\n\r\n"},
		"cr":         {in: "data: " + chunk("a") + "\r\rdata: [DONE]\r\r", want: "data: " + ours("a") + "\r\r", end: "data: [DONE]\r\r"},
		"comments":   {in: ": hi\n\n: ho\ndata: " + chunk("a") + "\n\n", want: ": hi\n\n: ho\ndata: " + ours("a") + "\n\n"},
		"fields":     {in: "id: 1\nevent: x\nretry: 5\ndata: " + chunk("a") + "\n\n", want: "id: 1\nevent: x\nretry: 5\ndata: " + ours("a") + "\n\n"},
		"bom":        {in: "\xef\xbb\xbfdata: " + chunk("a") + "\n\n", want: "\xef\xbb\xbfdata: " + ours("a") + "\n\n"},
		"no end":     {in: "data: " + chunk("a") + "\n\ndata: [DONE]", want: "data: " + ours("a") + "\n\n", end: "data: [DONE]"},
		"no newline": {in: "data: " + chunk("a"), want: "data: " + ours("a")},
		"empty data": {in: "data:\n\ndata: " + chunk("a") + "\n\n", want: "data:\n\ndata: " + ours("a") + "\n\n"},
		"lines": {
			in:   "data: {\"id\":\"c1\",\ndata: \"model\":\ndata:  \"m\",\ndata: \"choices\":[]}\n\n",
			want: "data: {\"id\":\"c1\",\ndata: \"model\":\ndata:  \"p/m\",\ndata: \"choices\":[]}\n\n"},
		"no model": {in: "data: {\"choices\":[]}\n\n", want: "data: {\"model\":\"p/m\",\"choices\":[]}\n\n"},
		"unknown bytes": {
			in:   "data: { \"x\" : 1.0e0, \"model\" : \"\\u006d\" ,\"y\":\"\\u00e9\\/\"}\n\n",
			want: "data: { \"x\" : 1.0e0, \"model\" : \"p/m\" ,\"y\":\"\\u00e9\\/\"}\n\n"},
		"null usage": {in: "data: {\"model\":\"m\",\"choices\":[],\"usage\":null}\n\n", want: "data: {\"model\":\"p/m\",\"choices\":[],\"usage\":null}\n\n"},
		"after done": {in: done + "data: " + chunk("a") + "\n\n", end: done},
	} {
		for _, size := range []int{1, 2, 3, 7, 1 << 20} {
			t.Run(fmt.Sprintf("%s by %d", name, size), func(t *testing.T) {
				s := newStream(c.usage)
				got, step := feed(s, c.in, size)
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(c.end, string(s.end)); diff != "" {
					t.Error(diff)
				}
				if wantStep := map[bool]wire.Step{true: wire.Done, false: wire.More}[c.end != ""]; step != wantStep {
					t.Errorf("step %v, want %v", step, wantStep)
				}
			})
		}
	}
}

func TestStreamKeepsTheLastUsage(t *testing.T) {
	in := `data: {"model":"m","choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":5,"completion_tokens":1}}` + "\n\n" +
		`data: {"model":"m","choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":9}}` + "\n\n"
	s := newStream(false)
	out, _ := feed(s, in, 64)
	if s.seen.Usage != (genai.Usage{Prompt: 5, Completion: 9}) || s.seen.FinishReason != "stop" || !s.seen.Content {
		t.Errorf("seen %+v", s.Seen())
	}
	if strings.Count(out, "\n\n") != 2 {
		t.Errorf("content chunks with usage must pass: %q", out)
	}
}

func TestStreamErrors(t *testing.T) {
	for name, c := range map[string]struct {
		in     string
		status int
		kind   string
	}{
		"object":        {`data: {"error":{"message":"x","type":"t","code":429}}` + "\n\n", 429, "provider_rate_limited"},
		"code in words": {`data: {"error":{"message":"x","code":"server_error"}}` + "\n\n", 502, "provider_error"},
		"text":          {`data: {"error":"boom"}` + "\n\n", 502, "provider_error"},
		"named event":   {"event: error\ndata: {\"message\":\"boom\"}\n\n", 502, "provider_error"},
		"credentials":   {`data: {"error":{"message":"bad key sk-123","code":401}}` + "\n\n", 502, "provider_credentials"},
		"not json":      {"data: <html>\n\n", 424, "provider_unreadable"},
		"not an object": {"data: 1\n\n", 424, "provider_unreadable"},
		"half":          {`data: {"model":"m"` + "\n\n", 424, "provider_unreadable"},
		"not sse":       {"<html>\n<body>\n\n", 424, "provider_unreadable"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStream(false)
			out, step := feed(s, c.in, 5)
			if step != wire.Failed || out != "" || s.err.Status != c.status || string(s.err.Kind) != c.kind {
				t.Errorf("step %v, out %q, error %+v", step, out, s.err)
			}
			if strings.Contains(s.err.Message, "sk-123") {
				t.Errorf("the message tells of the gateway's key: %q", s.err.Message)
			}
		})
	}
}

func TestStreamTextOfEveryKindIsCounted(t *testing.T) {
	in := `data: {"model":"m","choices":[{"delta":{"content":"a\n","reasoning_content":"b"}},{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{\"x\":1}"}}]}}]}` + "\n\n"
	s := newStream(false)
	feed(s, in, 100)
	if got, want := string(s.seen.Text), `a\nbf{\"x\":1}`; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
}

func TestBigEventPasses(t *testing.T) {
	in := "data: " + chunk(strings.Repeat("x", 2<<20)) + "\n\n"
	s := newStream(false)
	out, _ := feed(s, in, 32<<10)
	if want := strings.Replace(in, `"m"`, `"p/m"`, 1); out != want {
		t.Errorf("%d bytes out, want %d", len(out), len(want))
	}
}

// However a stream is cut into reads, the client gets the same bytes and the
// books the same figures.
func FuzzStream(f *testing.F) {
	f.Add("data: "+chunk("a")+"\r\n\r\n: c\n\nevent: x\rdata: {}\r\rdata: [DONE]\n\n", 3)
	f.Add("data: {\"usage\":{\"prompt_tokens\":1e3,\"prompt_tokens_details\":null}}\ndata:\n\n", 1)
	f.Fuzz(func(t *testing.T, text string, size int) {
		if size < 1 {
			size = 1
		}
		whole, cut := newStream(true), newStream(true)
		out1, step1 := feed(whole, text, max(1, len(text)))
		out2, step2 := feed(cut, text, size)
		if out1 != out2 || step1 != step2 || whole.seen.Usage != cut.seen.Usage || string(whole.end) != string(cut.end) {
			t.Fatalf("%q cut by %d: %q %v, whole: %q %v", text, size, out2, step2, out1, step1)
		}
	})
}

func FuzzUsage(f *testing.F) {
	f.Add(`{"prompt_tokens":1,"completion_tokens":2}`)
	f.Add(`{"cost":1,"prompt_tokens_details":{},"completion_tokens_details":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		in := `{"choices":[],"model":"m","usage":` + text + `}`
		if !json.Valid([]byte(in)) {
			return
		}
		a, e := readAnswer([]byte(in), []byte(`"p/m"`))
		if e != nil {
			return
		}
		out := a.Append(nil, genai.Usage{}, bill(a.seen.Usage))
		var got struct {
			Model string
			Usage struct {
				Cost   json.Number
				Prompt *struct{ Cached_tokens, Caching_tokens any } `json:"prompt_tokens_details"`
			}
		}
		if !json.Valid(out) {
			t.Fatalf("%q became %q", in, out)
		}
		if err := json.Unmarshal(out, &got); err == nil && strings.Count(in, `cost`) < 2 && !strings.Contains(in, `\`) &&
			(got.Usage.Cost != "0.5" || got.Model != "p/m") && strings.Count(strings.ToLower(in), "usage") == 1 && strings.Count(strings.ToLower(in), "model") == 1 && strings.Count(strings.ToLower(in), "cost") < 2 {
			t.Fatalf("%q became %q", in, out)
		}
	})
}

func BenchmarkStreamChunk(b *testing.B) {
	event := []byte(`data: {"id":"chatcmpl-123456789","object":"chat.completion.chunk","created":1767225600,"model":"small","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"content":" lorem"},"logprobs":null,"finish_reason":null}],"usage":null}` + "\n\n")
	s := newStream(false)
	out := make([]byte, 0, 4096)
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	for b.Loop() {
		s.seen.Text = s.seen.Text[:0]
		if _, used, _ := s.Feed(out, event, false); used != len(event) {
			b.Fatal(used)
		}
	}
}
