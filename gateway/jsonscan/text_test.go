package jsonscan

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

func FuzzString(f *testing.F) {
	for _, s := range []string{`"plain"`, `"a\n\t\"\\\/\b\f\r"`, `"\u00e9\uD83D\uDE00"`, `"\ud83d"`, `"\ud83d\u0041"`, `"\ude00\ud83d\ude00"`, "\"\\n\xff\xff\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		end, ok := Skip(raw, 0)
		if !ok || end != len(raw) || raw[0] != '"' {
			return
		}
		got := String(raw, Span{End: end})
		var want string
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		if utf8.Valid(raw) && got != want {
			t.Fatalf("%s: %q, want %q", raw, got, want)
		}
		var back string
		if err := json.Unmarshal(AppendString(nil, got), &back); err != nil || utf8.ValidString(got) && back != got {
			t.Fatalf("%q came back as %q: %v", got, back, err)
		}
	})
}
