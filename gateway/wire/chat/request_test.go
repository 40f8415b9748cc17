package chat

import (
	"encoding/json"
	"strings"
	"testing"
	"weir/gateway/wire"

	"github.com/google/go-cmp/cmp"
)

func TestUpstreamChangesNothingElse(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"model": {`{"model":"p/m","messages":[1]}`, `{"model":"own","messages":[1]}`},
		"spacing, escapes, order and unknown fields": {
			" {\n\t\"messages\" : [ {\"content\":\"\\u00e9\\/\"} ] , \"x\":1.50e+0,\r\n\"model\":\t\"p\\/m\" } \n",
			" {\n\t\"messages\" : [ {\"content\":\"\\u00e9\\/\"} ] , \"x\":1.50e+0,\r\n\"model\":\t\"own\" } \n"},
		"requesty first":        {`{"requesty":{"tags":["a"]}, "model":"p/m","messages":[1]}`, `{"model":"own","messages":[1]}`},
		"requesty middle":       {`{"model":"p/m", "requesty":null , "messages":[1]}`, `{"model":"own", "messages":[1]}`},
		"requesty last":         {`{"model":"p/m","messages":[1] , "requesty":{} }`, `{"model":"own","messages":[1] }`},
		"requesty escaped":      {`{"model":"p/m","messages":[1],"\u0072equesty":{}}`, `{"model":"own","messages":[1]}`},
		"requesty deeper stays": {`{"model":"p/m","messages":[{"requesty":1}]}`, `{"model":"own","messages":[{"requesty":1}]}`},
		"stream": {`{"model":"p/m","messages":[1],"stream":true}`,
			`{"model":"own","messages":[1],"stream":true,"stream_options":{"include_usage":true}}`},
		"stream, requesty last": {`{"model":"p/m","messages":[1],"stream":true,"requesty":{}}`,
			`{"model":"own","messages":[1],"stream":true,"stream_options":{"include_usage":true}}`},
		"stream, model last": {`{"messages":[1],"stream":true,"model":"p/m"}`,
			`{"messages":[1],"stream":true,"model":"own","stream_options":{"include_usage":true}}`},
		"stream options null": {`{"model":"p/m","messages":[1],"stream":true,"stream_options":null}`,
			`{"model":"own","messages":[1],"stream":true,"stream_options":{"include_usage":true}}`},
		"stream options empty": {`{"model":"p/m","messages":[1],"stream":true,"stream_options":{ }}`,
			`{"model":"own","messages":[1],"stream":true,"stream_options":{"include_usage":true }}`},
		"stream options others": {`{"model":"p/m","messages":[1],"stream":true,"stream_options":{"a":1}}`,
			`{"model":"own","messages":[1],"stream":true,"stream_options":{"include_usage":true,"a":1}}`},
		"usage false": {`{"model":"p/m","messages":[1],"stream":true,"stream_options":{"include_usage": false}}`,
			`{"model":"own","messages":[1],"stream":true,"stream_options":{"include_usage": true}}`},
		"usage asked": {`{"model":"p/m","messages":[1],"stream":true,"stream_options":{"include_usage":true}}`,
			`{"model":"own","messages":[1],"stream":true,"stream_options":{"include_usage":true}}`},
		"not a stream": {`{"model":"p/m","messages":[1],"stream":false,"stream_options":{"include_usage":false}}`,
			`{"model":"own","messages":[1],"stream":false,"stream_options":{"include_usage":false}}`},
	} {
		t.Run(name, func(t *testing.T) {
			r, e := readRequest([]byte(c.in))
			if e != nil {
				t.Fatal(e)
			}
			if diff := cmp.Diff(c.want, string(r.Upstream("own", wire.Lowered{}))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadRequestRefuses(t *testing.T) {
	const rest = `"messages":[1]`
	for body, param := range map[string]string{
		`{"model":"m",` + rest: "", `[]`: "", `"x"`: "", ``: "", `{"model":"m",` + rest + `} x`: "", `{"model":"m",}`: "",
		`{` + rest + `}`: "model", `{"model":1,` + rest + `}`: "model", `{"model":null,` + rest + `}`: "model",
		`{"model":"",` + rest + `}`: "model", `{"model":"` + strings.Repeat("m", 257) + `",` + rest + `}`: "model",
		`{"model":"m"}`: "messages", `{"model":"m","messages":"hi"}`: "messages", `{"model":"m","messages":[ ]}`: "messages",
		`{"model":"m","messages":null}`:                                                            "messages",
		`{"model":"m","stream":"yes",` + rest + `}`:                                                "stream",
		`{"model":"m","stream_options":[],` + rest + `}`:                                           "stream_options",
		`{"model":"m","stream_options":{"include_usage":1},` + rest + `}`:                          "stream_options.include_usage",
		`{"model":"m","stream_options":{"include_usage":true,"include_usage":false},` + rest + `}`: "stream_options.include_usage",
		`{"model":"m","user":{},` + rest + `}`:                                                     "user",
		`{"model":"m","metadata":"a",` + rest + `}`:                                                "metadata",
		`{"model":"m","requesty":[],` + rest + `}`:                                                 "requesty",
		`{"model":"m","n":"1",` + rest + `}`:                                                       "n",
		`{"model":"m","max_tokens":true,` + rest + `}`:                                             "max_tokens",
		`{"model":"m","max_completion_tokens":"9",` + rest + `}`:                                   "max_completion_tokens",
		`{"model":"m","tools":{},` + rest + `}`:                                                    "tools",
		`{"model":"m","model":"n",` + rest + `}`:                                                   "model",
		`{"model":"m","mod\u0065l":"n",` + rest + `}`:                                              "model",
		`{"model":"m","Model":"n",` + rest + `}`:                                                   "model",
		`{"model":"m","` + "me\u017f\u017fages" + `":[2],` + rest + `}`:                            "messages",
		`{"model":"m",` + rest + `,"messages":[2]}`:                                                "messages",
	} {
		_, e := readRequest([]byte(body))
		if e == nil || e.Status != 400 || e.Param != param {
			t.Errorf("%s: got %+v, want a 400 with param %q", body, e, param)
		}
	}
}

// The property that matters: for any accepted body, what the provider decodes
// is what the client sent, but for the three fields that the gateway owns.
func FuzzUpstream(f *testing.F) {
	f.Add(`{"model":"p/m","messages":[1],"stream":true,"requesty":{}}`)
	f.Add(`{"requesty":{},"stream_options":{ "x":1},"stream":true,"model":"p/m","messages":[{"a":null}],"y":"\u0000"}`)
	f.Fuzz(func(t *testing.T, body string) {
		r, e := readRequest([]byte(body))
		if e != nil {
			return
		}
		var before, after map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &before); err != nil {
			t.Fatalf("accepted what is not JSON: %q: %v", body, err)
		}
		out := r.Upstream("own", wire.Lowered{})
		if err := json.Unmarshal(out, &after); err != nil {
			t.Fatalf("%q became %q: %v", body, out, err)
		}
		if string(after["model"]) != `"own"` || after["requesty"] != nil {
			t.Fatalf("%q became %q", body, out)
		}
		if r.head.Stream {
			var options struct {
				IncludeUsage bool `json:"include_usage"`
			}
			if err := json.Unmarshal(after["stream_options"], &options); err != nil || !options.IncludeUsage {
				t.Fatalf("%q became %q", body, out)
			}
			delete(before, "stream_options")
			delete(after, "stream_options")
		}
		for _, own := range []string{"model", "requesty"} {
			delete(before, own)
			delete(after, own)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatalf("%q became %q: %s", body, out, diff)
		}
	})
}

func BenchmarkReadAndPatch1kB(b *testing.B) {
	body := []byte(`{"model":"mock/small","messages":[{"role":"user","content":"` + strings.Repeat("lorem ipsum ", 75) +
		`"}],"temperature":0.5,"stream":true,"requesty":{"tags":["a","b"],"user_id":"u"}}`)
	b.ReportAllocs()
	for b.Loop() {
		r, e := readRequest(body)
		if e != nil {
			b.Fatal(e)
		}
		r.Upstream("small", wire.Lowered{})
	}
}
