package messages

import (
	"encoding/json"
	"strings"
	"testing"

	"weir/gateway/genai"
	"weir/gateway/wire"
	"weir/gateway/wire/wiretest"

	"github.com/google/go-cmp/cmp"
)

func TestUpstreamChangesNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		in, want string
		lowered  wire.Lowered
	}{
		"model": {in: `{"model":"p/m","messages":[1]}`, want: `{"model":"own","messages":[1]}`},
		"spacing, escapes, order and unknown fields": {
			in:   " {\n\t\"messages\" : [ {\"content\":\"\\u00e9\\/\"} ] , \"x\":1.50e+0,\r\n\"model\":\t\"p\\/m\" } \n",
			want: " {\n\t\"messages\" : [ {\"content\":\"\\u00e9\\/\"} ] , \"x\":1.50e+0,\r\n\"model\":\t\"own\" } \n"},
		"requesty first":  {in: `{"requesty":{"tags":["a"]}, "model":"p/m","messages":[1]}`, want: `{"model":"own","messages":[1]}`},
		"requesty middle": {in: `{"model":"p/m", "requesty":null , "messages":[1]}`, want: `{"model":"own", "messages":[1]}`},
		"requesty last":   {in: `{"model":"p/m","messages":[1] , "requesty":{} }`, want: `{"model":"own","messages":[1] }`},
		"metadata stays":  {in: `{"model":"p/m","metadata":{"user_id":"u"},"messages":[1]}`, want: `{"model":"own","metadata":{"user_id":"u"},"messages":[1]}`},
		"limit lowered":   {in: `{"model":"p/m","max_tokens":100,"messages":[1]}`, want: `{"model":"own","max_tokens":10,"messages":[1]}`, lowered: wire.Lowered{Limit: 10}},
		"limit kept":      {in: `{"model":"p/m","max_tokens":5,"messages":[1]}`, want: `{"model":"own","max_tokens":5,"messages":[1]}`, lowered: wire.Lowered{Limit: 10}},
		"limit set":       {in: `{"model":"p/m","messages":[1]}`, want: `{"model":"own","messages":[1],"max_tokens":10}`, lowered: wire.Lowered{Limit: 10}},
		"limit null":      {in: `{"max_tokens":null,"model":"p/m","messages":[1]}`, want: `{"max_tokens":10,"model":"own","messages":[1]}`, lowered: wire.Lowered{Limit: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			r, e := readRequest([]byte(c.in))
			if e != nil {
				t.Fatal(e)
			}
			if diff := cmp.Diff(c.want, string(r.Upstream("own", c.lowered))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadRequestRefuses(t *testing.T) {
	const rest = `"messages":[1]`
	for body, param := range map[string]string{
		`{"model":"m",` + rest: "", `[]`: "", `"x"`: "", ``: "", `{"model":"m",` + rest + `} x`: "", `{"model":"m",}`: "",
		`{` + rest + `}`: "model", `{"model":1,` + rest + `}`: "model", `{"model":"",` + rest + `}`: "model",
		`{"model":"` + strings.Repeat("m", 257) + `",` + rest + `}`: "model",
		`{"model":"m"}`: "messages", `{"model":"m","messages":"hi"}`: "messages", `{"model":"m","messages":[ ]}`: "messages",
		`{"model":"m","stream":"yes",` + rest + `}`:                         "stream",
		`{"model":"m","system":{},` + rest + `}`:                            "system",
		`{"model":"m","tools":{},` + rest + `}`:                             "tools",
		`{"model":"m","max_tokens":"1",` + rest + `}`:                       "max_tokens",
		`{"model":"m","metadata":[],` + rest + `}`:                          "metadata",
		`{"model":"m","metadata":{"user_id":1},` + rest + `}`:               "metadata.user_id",
		`{"model":"m","metadata":{"User_id":"a"},` + rest + `}`:             "metadata.user_id",
		`{"model":"m","metadata":{"user_id":"","user_id":""},` + rest + `}`: "metadata.user_id",
		`{"model":"m","requesty":1,` + rest + `}`:                           "requesty",
		`{"model":"m","model":"n",` + rest + `}`:                            "model",
		`{"model":"m","Stream":true,` + rest + `}`:                          "stream",
		`{"model":"m","max_tokenS":1,` + rest + `}`:                         "max_tokens",
	} {
		_, e := readRequest([]byte(body))
		if e == nil || e.Param != param || e.Status != 400 {
			t.Errorf("%s: got %+v, want param %q", body, e, param)
		}
	}
}

func TestDecodeRefusesByTheFieldsName(t *testing.T) {
	for body, param := range map[string]string{
		`"messages":[1]`: "messages[0]",
		`"messages":[{"role":"robot","content":"x"}]`:                                       "messages[0].role",
		`"messages":[{"role":"user","content":1}]`:                                          "messages[0].content",
		`"messages":[{"role":"user","content":[1]}]`:                                        "messages[0].content[0]",
		`"messages":[{"role":"user","content":[{"a":1}]}]`:                                  "messages[0].content[0].type",
		`"messages":[{"role":"user","content":[{"type":"image","source":{"type":"x"}}]}]`:   "messages[0].content[0].source.type",
		`"messages":[{"role":"user","content":"x"}],"tool_choice":{"type":"tool"}`:          "tool_choice.name",
		`"messages":[{"role":"user","content":"x"}],"thinking":{"type":"x"}`:                "thinking.type",
		`"messages":[{"role":"user","content":"x"}],"temperature":"1"`:                      "temperature",
		`"messages":[{"role":"user","content":"x"}],"stop_sequences":[1]`:                   "stop_sequences",
		`"messages":[{"role":"user","content":"x"}],"output_format":{"type":"json_schema"}`: "output_format.schema",
	} {
		r, e := readRequest([]byte(`{"model":"m",` + body + `}`))
		if e != nil {
			t.Fatal(body, e)
		}
		if _, e = r.Decode(); e == nil || e.Param != param {
			t.Errorf("%s: got %+v, want param %q", body, e, param)
		}
	}
}

func TestHeadAndPrompt(t *testing.T) {
	r, e := readRequest(wiretest.Read(t, "testdata/claude_code.request.json"))
	if e != nil {
		t.Fatal(e)
	}
	h := r.Head()
	if h.Model != "claude-opus-4-6" || !h.Stream || !strings.HasPrefix(h.User, "user_0a1b_account_") || !h.Metadata.Empty() {
		t.Errorf("head %+v", h)
	}
	text, messages := r.Prompt()
	if messages != 4 || !strings.Contains(text, "list the files") || !strings.Contains(text, "# Tone") || !strings.Contains(text, "WebFetch") {
		t.Errorf("%d messages, %q", messages, text)
	}
	r, e = readRequest(wiretest.Read(t, "testdata/document.request.json"))
	if e != nil {
		t.Fatal(e)
	}
	if text, _ := r.Prompt(); !strings.Contains(text, "Grass is green.\n") || !strings.Contains(text, "One.\nTwo.") || strings.Contains(text, "JVBERi0") {
		t.Errorf("%q", text)
	}
	if got := (Protocol{}).Headers(decode(t, h.Body)); len(got) != 1 || got[0].Value != "context-management-2025-06-27,interleaved-thinking-2025-05-14" {
		t.Errorf("headers %v", got)
	}
}

func TestBounds(t *testing.T) {
	user := func(content string) string { return `"messages":[{"role":"user","content":` + content + `}]` }
	for name, c := range map[string]struct {
		body string
		want wire.Bounds // Text aside
	}{
		"text":      {user(`"hi"`) + `,"max_tokens":7`, wire.Bounds{Limit: 7}},
		"image":     {user(`[{"type":"image","source":{"type":"base64","data":"AA"}}]`), wire.Bounds{Images: 1}},
		"image url": {user(`[{"type":"text","text":"x"},{"type":"image","source":{"type":"url","url":"u"}}]`), wire.Bounds{Whole: "messages[0].content[1]"}},
		"pdf":       {user(`[{"type":"document","source":{"type":"base64","data":"AA"}}]`), wire.Bounds{Whole: "messages[0].content[0]"}},
		"document":  {user(`[{"type":"document","source":{"type":"text","data":"AA"}}]`), wire.Bounds{}},
		"chunks":    {user(`[{"type":"document","source":{"type":"content","content":[{"type":"image","source":{"type":"base64"}}]}}]`), wire.Bounds{Images: 1}},
		"result":    {user(`[{"type":"tool_result","content":[{"type":"image","source":{"type":"url"}}]}]`), wire.Bounds{Whole: "messages[0].content[0].content[0]"}},
		"twice":     {user(`[{"type":"text","type":"image","source":{"type":"url"}}]`), wire.Bounds{Whole: "messages[0].content[0]"}},
		"unknown":   {user(`[{"type":"new"}]`), wire.Bounds{Whole: "messages[0].content[0]"}},
		"container": {user(`"x"`) + `,"container":"c"`, wire.Bounds{Whole: "container"}},
		"mcp":       {user(`"x"`) + `,"mcp_servers":[{}]`, wire.Bounds{Unlimited: "mcp_servers.max_uses"}},
		"fast":      {user(`"x"`) + `,"speed":"fast"`, wire.Bounds{Tier: "fast"}},
		"us":        {user(`"x"`) + `,"inference_geo":"us"`, wire.Bounds{Tier: "standard@us"}},
		"fast, us":  {user(`"x"`) + `,"inference_geo":"us","speed":"fast"`, wire.Bounds{Tier: "fast@us"}},
		"as usual":  {user(`"x"`) + `,"inference_geo":null,"speed":"standard"`, wire.Bounds{}},
		"search":    {user(`"x"`) + `,"tools":[{"type":"web_search_20250305","max_uses":3}]`, wire.Bounds{Uses: 3}},
		"unlimited": {user(`"x"`) + `,"tools":[{"name":"a"},{"type":"bash_20250124"},{"type":"web_fetch_20250910"}]`, wire.Bounds{Unlimited: "tools[2].max_uses"}},
	} {
		r, e := readRequest([]byte(`{"model":"m",` + c.body + `}`))
		if e != nil {
			t.Fatal(name, e)
		}
		got, e := r.Bounds()
		if e != nil || got.Text < wire.Framing {
			t.Errorf("%s: %+v, %v", name, got, e)
		}
		got.Text, c.want.Choices, c.want.MaxTokens = 0, 1, c.want.Limit > 0
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// The edit in place and the one of the decoded request put the same breakpoints.
func TestAutoCache(t *testing.T) {
	long := strings.Repeat("a long story ", 500)
	longer := strings.Repeat("a longer story ", 600)
	mark := func(text string) string {
		return strings.Replace(text, "@", `,"cache_control":{"type":"ephemeral"}`, 1)
	}
	for name, c := range map[string]struct{ in, want string }{
		"tools, system, long messages": {
			`{"model":"m","tools":[{"name":"a"},{"name":"b"}],"system":"be kind","messages":[{"role":"user","content":"` + long + `"},{"role":"assistant","content":[{"type":"text","text":"` + longer + `"},{"type":"thinking","thinking":"t","signature":"s"}]},{"role":"user","content":"short"},{"role":"assistant","content":"` + long + `"},{"role":"user","content":"` + longer + `"}]}`,
			mark(`{"model":"m","tools":[{"name":"a"},{"name":"b"@}],`) + mark(`"system":[{"type":"text","text":"be kind"@}],`) + mark(`"messages":[{"role":"user","content":[{"type":"text","text":"`+long+`"@}]},`) +
				mark(`{"role":"assistant","content":[{"type":"text","text":"`+longer+`"@},{"type":"thinking","thinking":"t","signature":"s"}]},{"role":"user","content":"short"},{"role":"assistant","content":"`+long+`"},{"role":"user","content":"`+longer+`"}]}`)},
		"blocks of system": {
			`{"model":"m","system":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"messages":[{"role":"user","content":"x"}]}`,
			mark(`{"model":"m","system":[{"type":"text","text":"a"},{"type":"text","text":"b"@}],"messages":[{"role":"user","content":"x"}]}`)},
		"null": {
			`{"model":"m","tools":[{"name":"a","cache_control":null}],"messages":[{"role":"user","content":"x"}]}`,
			`{"model":"m","tools":[{"name":"a","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":"x"}]}`},
		"the client's own":                 {`{"model":"m","system":"s","messages":[{"role":"user","content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]}]}`, ""},
		"the client's own inside a result": {`{"model":"m","system":"s","messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]}]}]}`, ""},
		"the client's own, automatic":      {`{"model":"m","system":"s","cache_control":{"type":"ephemeral"},"messages":[{"role":"user","content":"x"}]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			want := c.want
			if want == "" {
				want = c.in
			}
			r, e := readRequest([]byte(c.in))
			if e != nil {
				t.Fatal(e)
			}
			up := r.Upstream("m", wire.Lowered{AutoCache: true})
			if diff := cmp.Diff(want, string(up)); diff != "" {
				t.Error(diff)
			}
			if !json.Valid(up) {
				t.Error("no JSON")
			}
			g := decode(t, []byte(c.in))
			g.AutoCache(genai.Chat)
			if diff := cmp.Diff(decode(t, []byte(c.in)), g); diff != "" {
				t.Errorf("a protocol without breakpoints: %s", diff)
			}
			g.AutoCache(genai.Anthropic)
			if diff := cmp.Diff(decode(t, up), g); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCount(t *testing.T) {
	r, e := Count{}.ReadRequest([]byte(`{"model":"p/m","stream":true,"messages":[{"role":"user","content":"x"}]}`))
	if e != nil || r.Head().Stream {
		t.Fatal(e)
	}
	if got := string(r.Upstream("own", wire.Lowered{Limit: 5})); strings.Contains(got, "max_tokens") || !strings.Contains(got, `"own"`) {
		t.Error(got)
	}
	a, e := Count{}.ReadAnswer([]byte(`{ "input_tokens": 14 }`), reply())
	if e != nil {
		t.Fatal(e)
	}
	if got := string(a.Append(nil, genai.Usage{}, nil)); got != `{ "input_tokens": 14 }` || a.Seen().Usage != (genai.Usage{}) {
		t.Error(got, a.Seen())
	}
	if got := string(AppendCount(nil, 7)); got != `{"input_tokens":7}` {
		t.Error(got)
	}
	for _, bad := range []string{``, `[]`, `{}`, `{"input_tokens":-1}`, `{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}`} {
		if _, e := (Count{}).ReadAnswer([]byte(bad), reply()); e == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}
