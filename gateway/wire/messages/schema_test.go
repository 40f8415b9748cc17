package messages

import (
	"encoding/json"
	"testing"

	"weir/gateway/genai"
	"weir/gateway/wire"

	"github.com/google/go-cmp/cmp"
)

func TestSchemasAreAdapted(t *testing.T) {
	for in, want := range map[string]string{
		`{"type":"object","properties":{"minimum":{"type":"integer","minimum":1},"list":{"type":"array","minItems":1,"maxItems":3,"items":{"type":"object","properties":{}}}},"required":["minimum"]}`: `{"type":"object","properties":{"minimum":{"type":"integer"},"list":{"type":"array","minItems":1,"items":{"type":"object","properties":{},"additionalProperties":false}}},"required":["minimum"],"additionalProperties":false}`,
		`{"oneOf":[{"type":"string","maxLength":3},{"$ref":"#/$defs/a"}],"$defs":{"a":{"type":"object","additionalProperties":true}}}`:                                                                 `{"anyOf":[{"type":"string"},{"$ref":"#/$defs/a"}],"$defs":{"a":{"type":"object","additionalProperties":false}}}`,
		`true`: `true`,
	} {
		var j wire.JSON
		encodeSchema(&j, "", []byte(in), genai.Chat, nil)
		if diff := cmp.Diff(want, string(j)); diff != "" {
			t.Error(diff)
		}
		j = nil
		encodeSchema(&j, "", []byte(in), genai.Anthropic, nil)
		if string(j) != in {
			t.Errorf("its own became %s", j)
		}
	}
}

func FuzzSchema(f *testing.F) {
	f.Add([]byte(`{"type":"object","properties":{"a":{"items":[]}},"anyOf":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) || text[0] != '{' || deep(text) {
			return
		}
		var j wire.JSON
		encodeSchema(&j, "", text, genai.Chat, nil)
		if !json.Valid(j) {
			t.Fatalf("%q became %q", text, j)
		}
	})
}

// deep tells that a text nests deeper than a request may.
func deep(text []byte) bool {
	open := 0
	for _, c := range text {
		if c == '{' || c == '[' {
			open++
		}
	}
	return open > 500
}
