package jsonscan

import (
	"encoding/json"
	"testing"
)

// Strings are what encoding/json makes of them, and come back from AppendString.
func FuzzString(f *testing.F) {
	for _, s := range []string{`"a\n\"\\\/\b\f\r\t"`, `"\u00e9\ud83d\ude00"`, `"\ud83d"`, `"\ud83dx\ude00"`, `"\ud83d\u0041"`, `"\ude00\ud83d\ude00"`, "\"\xff\\n\"", `"\u0000"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) == 0 || text[0] != '"' {
			return
		}
		if _, ok := Valid(text); !ok {
			return
		}
		end, _ := Skip(text, 0)
		at := Span{End: end}
		escaped := false
		for _, c := range text[:end] {
			escaped = escaped || c == '\\'
		}
		var want string
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		got := String(text, at)
		if escaped && got != want {
			t.Fatalf("%q: got %q, want %q", text, got, want)
		}
		again := AppendString(nil, got)
		if back := String(again, Span{End: len(again)}); back != got {
			t.Fatalf("%q came back as %q", got, back)
		}
	})
}
