package jsonscan_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"weir/gateway/jsonscan"
)

func TestValidAgreesWithEncodingJSON(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, `""`, `0`, `-0`, `-`, `01`, `1.`, `1.5e`, `1.5e+3`, `1E9`, `.5`, `+1`, `nul`, `null`, `true`, `falsey`,
		`{"a":1}`, `{"a":1,}`, `{"a" 1}`, `{"a":}`, `{,}`, `{"a":1 "b":2}`, `{"a":[1,2,{"b":null}]}`, `[1,]`, `[,1]`, `[1 2]`,
		`"\u12g4"`, `"\u12"`, `"\x"`, `"a`, `"a\`, "\"a\tb\"", `"\ud800"`, ` {"a": 1 } `, "\xef\xbb\xbf{}", `{} {}`, ``, ` `,
		`{"abcdefghijklmnop":"qrstuvwxyz0123456789\"\\"}`, "\"abcdefgh\x1fijk\"", "\"abcdefg\x80\xffijklmnop\"",
	} {
		if _, got := jsonscan.Valid([]byte(text)); got != json.Valid([]byte(text)) {
			t.Errorf("Valid(%q) = %v, want %v", text, got, !got)
		}
	}
}

func TestDepthIsBounded(t *testing.T) {
	nested := func(n int) []byte {
		return []byte(strings.Repeat(`[`, n) + strings.Repeat(`]`, n))
	}
	if _, ok := jsonscan.Valid(nested(jsonscan.MaxDepth)); !ok {
		t.Errorf("Valid at MaxDepth = false")
	}
	if _, ok := jsonscan.Valid(nested(jsonscan.MaxDepth + 1)); ok {
		t.Errorf("Valid beyond MaxDepth = true")
	}
	if at, ok := jsonscan.Valid([]byte(strings.Repeat(`{"a":`, 5_000_000))); ok || at > 5*(jsonscan.MaxDepth+1) {
		t.Errorf("bomb: stopped at %d, ok %v", at, ok)
	}
}

func TestMembersGiveNamesDecodedAndValuesAsTheyStand(t *testing.T) {
	text := []byte(` { "mod\u0065l" : "a" , "n":[1, 2],"x":{"model":"inner"} } tail`)
	m := jsonscan.Object(text, 1)
	var got []string
	for m.Next() {
		got = append(got, string(m.Name())+"="+string(m.Value.Of(text)))
	}
	want := `model="a"|n=[1, 2]|x={"model":"inner"}`
	if strings.Join(got, "|") != want || !m.OK() || string(text[m.Pos():]) != " tail" {
		t.Errorf("got %q, ok %v, rest %q", got, m.OK(), text[m.Pos():])
	}
}

func TestStringsSurviveARoundTrip(t *testing.T) {
	for _, s := range []string{"", "plain", `q"b\`, "tab\tnul\x00", "é\u2028😀"} {
		b := jsonscan.AppendString(nil, s)
		var std string
		if err := json.Unmarshal(b, &std); err != nil || std != s {
			t.Errorf("AppendString(%q) = %s, read back as %q, %v", s, b, std, err)
		}
		if got := jsonscan.String(b, jsonscan.Span{End: len(b)}); got != s {
			t.Errorf("String(%s) = %q", b, got)
		}
	}
}

func FuzzValid(f *testing.F) {
	f.Add([]byte(`{"a":[1,2.5e3,"x\u0041",{"b":null}],"c":true}`))
	f.Add([]byte(`[[[[]]]]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, got := jsonscan.Valid(text)
		if want := json.Valid(text); got != want && !(want && bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > jsonscan.MaxDepth) {
			t.Fatalf("Valid(%q) = %v, want %v", text, got, want)
		}
	})
}

func BenchmarkValid1kB(b *testing.B) {
	text := []byte(`{"model":"mock/small","messages":[{"role":"user","content":"` + strings.Repeat("lorem ipsum ", 80) + `"}]}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := jsonscan.Valid(text); !ok {
			b.Fatal("not valid")
		}
	}
}
