package chat

import (
	"fmt"
	"strings"
	"testing"
	"weir/gateway/wire"

	"github.com/google/go-cmp/cmp"
)

func read(t testing.TB, body string) *Request {
	t.Helper()
	r, e := readRequest([]byte(body))
	if e != nil {
		t.Fatalf("%s: %v", body, e)
	}
	return r
}

func TestBounds(t *testing.T) {
	const hi = `{"role":"user","content":"hi"}` // 30 bytes
	image := `{"type":"image_url","image_url":{"url":"data:image/png;base64,` + strings.Repeat("A", 1000) + `","detail":"high"}}`
	message := func(content string) string { return `"messages":[{"role":"user","content":[` + content + `]}]` }
	const around = len(`{"role":"user","content":[]}`)
	with := func(change func(*wire.Bounds)) wire.Bounds {
		b := wire.Bounds{Text: wire.Framing + 30, Choices: 1}
		change(&b)
		return b
	}
	parts := func(text int, change func(*wire.Bounds)) wire.Bounds {
		return with(func(b *wire.Bounds) { b.Text = int64(wire.Framing + around + text); change(b) })
	}
	none := func(*wire.Bounds) {}
	whole := func(field string) func(*wire.Bounds) { return func(b *wire.Bounds) { b.Whole = field } }
	for body, want := range map[string]wire.Bounds{
		`"messages":[` + hi + `]`: with(none),
		`"messages":[` + hi + `],"n":3,"max_tokens":7,"max_completion_tokens":null`:              with(func(b *wire.Bounds) { b.Choices, b.Limit, b.MaxTokens = 3, 7, true }),
		`"messages":[` + hi + `],"max_tokens":7,"max_completion_tokens":9`:                       with(func(b *wire.Bounds) { b.Limit, b.MaxTokens = 9, true }),
		`"messages":[` + hi + `],"max_tokens":-1`:                                                with(none),
		`"messages":[` + hi + `],"max_tokens":1e99`:                                              with(none),
		`"messages":[` + hi + `],"max_tokens":2e12`:                                              with(func(b *wire.Bounds) { b.Limit, b.MaxTokens = wire.MaxCount, true }),
		`"messages":[` + hi + `],"top_k":4`:                                                      with(func(b *wire.Bounds) { b.Text += 9 }),
		`"messages":[` + hi + `],"user":"u","metadata":{"a":"b"},"requesty":{}`:                  with(none),
		`"messages":[` + hi + `],"n":2,"prediction":{"a":1}`:                                     with(func(b *wire.Bounds) { b.Choices, b.Text, b.Predicted = 2, b.Text+20, 40 }),
		`"n":2,"prediction":{"a":1},"messages":[` + hi + `]`:                                     with(func(b *wire.Bounds) { b.Choices, b.Text, b.Predicted = 2, b.Text+20, 40 }),
		message(`{"type":"text","text":"a"}`):                                                    parts(26, none),
		message(`"a",` + image):                                                                  parts(4, func(b *wire.Bounds) { b.Images = 1 }),
		message(image + `,` + image):                                                             parts(1, func(b *wire.Bounds) { b.Images = 2 }),
		message(`{"type":"image_url","image_url":"data:image/png,x"}`):                           parts(0, func(b *wire.Bounds) { b.Images = 1 }),
		message(`{"type":"image_url","image_url":{"url":"https://a"}}`):                          parts(0, whole("messages[0].content[0]")),
		message(`{"type":"image_url","image_url":{"url":"data:image/png,x","url":"https://a"}}`): parts(0, whole("messages[0].content[0]")),
		message(`{"type":"image_url","image_url":{"url":"data:application/pdf,x"}}`):             parts(0, whole("messages[0].content[0]")),
		message(`{"type":"text","text":"a"},{"type":"input_audio","input_audio":{"data":"AA"}}`): parts(27, whole("messages[0].content[1]")),
		message(`{"type":"file","file":{"file_id":"f"}}`):                                        parts(0, whole("messages[0].content[0]")),
		message(`{"type":"text","type":"file","text":"f"}`):                                      parts(0, whole("messages[0].content[0]")),
		message(`{"type":"text","Type":"file"}`):                                                 parts(0, whole("messages[0].content[0]")),
		message(`{"text":"f"}`):                                                                  parts(0, whole("messages[0].content[0]")),
		`"messages":[{"audio":{"id":"a"}}]`:                                                      with(func(b *wire.Bounds) { b.Text += 20 - 30; b.Whole = "messages[0].audio" }),
		`"messages":[` + hi + `],"file_ids":["f"]`:                                               with(func(b *wire.Bounds) { b.Text += 16; b.Whole = "file_ids" }),
		`"messages":[` + hi + `],"extra_body":{}`:                                                with(func(b *wire.Bounds) { b.Text += 15; b.Whole = "extra_body" }),
		`"messages":[` + hi + `],"tools":[]`:                                                     with(func(b *wire.Bounds) { b.Text += 10 }),
		`"messages":[` + hi + `],"tools":[{"type":"function","function":{}}]`:                    with(func(b *wire.Bounds) { b.Text += 43 + wire.ToolFraming }),
		`"messages":[` + hi + `],"tools":[{"type":"web_search","max_uses":3}]`:                   with(func(b *wire.Bounds) { b.Text += 44 + wire.ToolFraming; b.Uses = 3 }),
		`"messages":[` + hi + `],"tools":[{"type":"function"},{"type":"web_search"}]`:            with(func(b *wire.Bounds) { b.Text += 51 + wire.ToolFraming; b.Unlimited = "tools[1].max_uses" }),
		`"messages":[` + hi + `],"tools":[{"google_search":{}}]`:                                 with(func(b *wire.Bounds) { b.Text += 30 + wire.ToolFraming; b.Unlimited = "tools[0].max_uses" }),
		`"messages":[` + hi + `],"web_search_options":{}`:                                        with(func(b *wire.Bounds) { b.Text += 23; b.Unlimited = "web_search_options.max_uses" }),
		`"messages":[` + hi + `],"web_search_options":{"max_uses":2}`:                            with(func(b *wire.Bounds) { b.Text += 35; b.Uses = 2 }),
		`"messages":[` + hi + `],"service_tier":"flex"`:                                          with(func(b *wire.Bounds) { b.Text += 21; b.Tier = "flex" }),
		`"messages":[` + hi + `],"service_tier":null`:                                            with(func(b *wire.Bounds) { b.Text += 19 }),
		`"messages":[` + hi + `],"service_tier":1`:                                               with(func(b *wire.Bounds) { b.Text += 16; b.Tier = manyTiers }),
		`"messages":[` + hi + `],"service_tier":"flex","Service_Tier":"x"`:                       with(func(b *wire.Bounds) { b.Text += 39; b.Tier = manyTiers }),
		`"messages":[` + hi + `],"enable_search":false`:                                          with(func(b *wire.Bounds) { b.Text += 21 }),
	} {
		got, e := read(t, `{"model":"m",`+body+`}`).Bounds()
		if e != nil {
			t.Errorf("%s: %v", body, e)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	if _, e := read(t, `{"model":"m","messages":[1],"n":1e10}`).Bounds(); e == nil || e.Param != "n" {
		t.Errorf("n of 1e10: %v", e)
	}
}

func TestLowered(t *testing.T) {
	for in, want := range map[string]string{
		`{"model":"m","messages":[1],"max_tokens":100}`:                                  `{"model":"m","messages":[1],"max_tokens":20}`,
		`{"max_completion_tokens" : 1e3,"model":"m","messages":[1],"max_tokens":null}`:   `{"max_completion_tokens" : 20,"model":"m","messages":[1],"max_tokens":null}`,
		`{"max_completion_tokens":100,"model":"m","messages":[1],"max_tokens":19}`:       `{"max_completion_tokens":20,"model":"m","messages":[1],"max_tokens":19}`,
		`{"model":"m","messages":[1],"max_tokens":-1}`:                                   `{"model":"m","messages":[1],"max_tokens":20}`,
		`{"model":"m","messages":[1],"max_tokens":null}`:                                 `{"model":"m","messages":[1],"max_tokens":20}`,
		`{"model":"m","messages":[1]}`:                                                   `{"model":"m","messages":[1],"limit":20}`,
		`{"model":"m","messages":[1],"requesty":{}}`:                                     `{"model":"m","messages":[1],"limit":20}`,
		`{"model":"m","stream":true,"messages":[1]}`:                                     `{"model":"m","stream":true,"messages":[1],"stream_options":{"include_usage":true},"limit":20}`,
		`{"max_tokens":30,"model":"m","messages":[1],"stream":true,"stream_options":{}}`: `{"max_tokens":20,"model":"m","messages":[1],"stream":true,"stream_options":{"include_usage":true}}`,
	} {
		if diff := cmp.Diff(want, string(read(t, in).Upstream("m", wire.Lowered{Limit: 20, Field: "limit"}))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
}

// Whatever a client sends, its bounds are not below zero, and a lowered request
// is bounded by what it was lowered to, and as before in all else.
func FuzzBounds(f *testing.F) {
	for i, part := range []string{`"a"`, `[{"type":"text","text":"a"}]`, `[{"type":"image_url","image_url":{"url":"data:image/png,x"}}]`, `[{"type":"file"}]`, `{}`} {
		f.Add(fmt.Appendf(nil, `{"model":"m","messages":[{"role":"user","content":%s}],"n":%d,"max_tokens":%d,"tools":[{"type":"web_search","max_uses":%d}]}`, part, i, 30*i, i))
	}
	f.Add([]byte(`{"model":"m","messages":[1],"max_completion_tokens":null,"web_search_options":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, e := readRequest(body)
		if e != nil {
			return
		}
		b, e := r.Bounds()
		if e != nil {
			return
		}
		if b.Text < 0 || b.Images < 0 || b.Choices < 1 || b.Limit < 0 || b.Predicted < 0 || b.Uses < 0 {
			t.Fatalf("bounds of %q are %+v", body, b)
		}
		const limit = 20
		lowered, e := readRequest(r.Upstream("m", wire.Lowered{Limit: limit, Field: "max_tokens"}))
		if e != nil {
			t.Fatalf("%q lowered is refused: %v", body, e)
		}
		after, e := lowered.Bounds()
		if e != nil {
			t.Fatal(e)
		}
		if want := int64(limit); after.Limit > want || after.Limit < want && after.Limit != b.Limit {
			t.Errorf("%q is lowered to %d, it was %d", body, after.Limit, b.Limit)
		}
		after.Limit, after.Text, after.MaxTokens, b.Limit, b.Text, b.MaxTokens = 0, 0, false, 0, 0, false
		if diff := cmp.Diff(b, after); diff != "" {
			t.Errorf("%q changed:\n%s", body, diff)
		}
	})
}
