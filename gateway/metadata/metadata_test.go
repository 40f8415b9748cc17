package metadata

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"weir/gateway/jsonscan"
)

func object(text string) Body {
	b := Body{Text: []byte(text)}
	for m := jsonscan.Object(b.Text, 0); m.Next(); {
		switch string(m.Name()) {
		case "requesty":
			b.Requesty = m.Value
		case "metadata":
			b.Metadata = m.Value
		case "user":
			b.User = jsonscan.String(b.Text, m.Value)
		}
	}
	return b
}

func TestRead(t *testing.T) {
	header := http.Header{}
	header.Set("HTTP-Referer", "https://site.example")
	header.Set("X-Title", "App")
	header.Set("X-Requesty-Feature", "from header")
	header.Set("x-requesty-team", "blue")
	got, e := Read(object(`{"user":"openai-user","metadata":{"feature":"from metadata","n":1.5,"no":null},
		"requesty":{"tags":["a","b","a",""],"trace_id":"t","extra":{"deep":true},"auto_cache":true,"unknown":[]}}`), header)
	if e != nil {
		t.Fatal(e)
	}
	want := Metadata{Tags: []string{"a", "b"}, UserID: "openai-user", TraceID: "t", OriginReferer: "https://site.example", OriginTitle: "App", AutoCache: true,
		Extra: map[string]string{"feature": "from metadata", "team": "blue", "n": "1.5", "deep": "true"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got, e = Read(object(`{"user":"openai-user","requesty":{"user_id":"ours","extra":{"feature":"body"}}}`), header)
	if e != nil || got.UserID != "ours" || got.Extra["feature"] != "body" {
		t.Errorf("got %+v, %v", got, e)
	}
}

func TestReadRefuses(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	entries := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `%s"k%d":"v"`, map[bool]string{true: ","}[i > 0], i)
		}
		return b.String()
	}
	for body, param := range map[string]string{
		`{"requesty":{"tags":"a"}}`:                                                                    "requesty.tags",
		`{"requesty":{"tags":[1]}}`:                                                                    "requesty.tags[0]",
		`{"requesty":{"tags":["` + long(129) + `"]}}`:                                                  "requesty.tags[0]",
		`{"requesty":{"tags":[` + strings.Repeat(`"a",`, 64) + `"a"]}}`:                                "requesty.tags",
		`{"requesty":{"tags":[],"tags":[]}}`:                                                           "requesty.tags",
		`{"requesty":{"user_id":1}}`:                                                                   "requesty.user_id",
		`{"requesty":{"user_id":"` + long(257) + `"}}`:                                                 "requesty.user_id",
		`{"requesty":{"trace_id":"` + long(257) + `"}}`:                                                "requesty.trace_id",
		`{"requesty":{"auto_cache":"yes"}}`:                                                            "requesty.auto_cache",
		`{"requesty":{"extra":[]}}`:                                                                    "requesty.extra",
		`{"requesty":{"extra":{"a":{}}}}`:                                                              "requesty.extra.a",
		`{"requesty":{"extra":{"a":"` + long(513) + `"}}}`:                                             "requesty.extra.a",
		`{"requesty":{"extra":{"` + long(65) + `":"v"}}}`:                                              "requesty.extra." + long(64),
		`{"requesty":{"extra":{` + entries(65) + `}}}`:                                                 "requesty.extra",
		`{"metadata":{` + entries(60) + `},"requesty":{"extra":{"a":"","b":"","c":"","d":"","e":""}}}`: "requesty.extra",
		`{"metadata":{"a":[]}}`:                                                                        "metadata.a",
		`{"user":"` + long(257) + `"}`:                                                                 "user",
	} {
		if _, e := Read(object(body), nil); e == nil || e.Status != 400 || e.Param != param {
			t.Errorf("%s: got %+v, want a 400 with param %q", body, e, param)
		}
	}
	for name, value := range map[string]string{"X-Title": long(513), "Http-Referer": long(513), "X-Requesty-A": long(513)} {
		if _, e := Read(Body{}, http.Header{name: {value}}); e == nil || !strings.EqualFold(e.Param, name) {
			t.Errorf("%s: got %+v", name, e)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"requesty":{"tags":["a"],"extra":{"k":"v"}},"metadata":{"\ud800":"x"},"user":"u"}`, "h\xff")
	f.Fuzz(func(t *testing.T, text, header string) {
		if !json.Valid([]byte(text)) || !strings.HasPrefix(text, "{") {
			return
		}
		var kinds map[string]any
		if json.Unmarshal([]byte(text), &kinds) != nil {
			return
		}
		for _, name := range []string{"requesty", "metadata"} {
			if _, ok := kinds[name].(map[string]any); !ok && kinds[name] != nil || strings.Count(text, name) > 1 {
				return
			}
		}
		if _, ok := kinds["user"].(string); !ok && kinds["user"] != nil || strings.Count(text, "user") > 1 || strings.Contains(text, "null") || strings.Contains(text, `\`) {
			return
		}
		m, e := Read(object(text), http.Header{"X-Requesty-H": {header}, "X-Title": {header}})
		if e != nil {
			return
		}
		for _, s := range append(m.Tags, m.UserID, m.TraceID, m.OriginTitle, m.Extra["h"]) {
			if !utf8.ValidString(s) || len(s) > 3*MaxValue {
				t.Fatalf("%q, %q gave %+v", text, header, m)
			}
		}
	})
}
