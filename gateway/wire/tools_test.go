package wire

import (
	"strings"
	"testing"
)

func TestCallIDs(t *testing.T) {
	long := strings.Repeat("x", 70)
	for _, id := range []string{"call_1-A", "", "call:1", "call.1", long, long + "y", "ü"} {
		got := CallID(id)
		if len(got) == 0 || len(got) > maxCallID || strings.Trim(got, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
			t.Errorf("%q became %q", id, got)
		}
	}
	if CallID("a:1") == CallID("a.1") || CallID(long+"y") == CallID(long+"z") {
		t.Error("two ids became one")
	}
}

func TestArguments(t *testing.T) {
	for arguments, want := range map[string]string{
		"": `"a":{}`, "\n{}": `"a":{}`, `{"x":1}`: `"a":{"x":1}`, `[1]`: `"a":{"input":"[1]"}`, `{"x":`: `"a":{"input":"{\"x\":"}`,
	} {
		var j JSON
		if j.Arguments("a", arguments); string(j) != want {
			t.Errorf("%q became %s", arguments, j)
		}
	}
}

func TestObjectSchema(t *testing.T) {
	for schema, want := range map[string]string{
		"": `{"type":"object","properties":{}}`, "\n{}": `{"type":"object","properties":{}}`, "true": `{"type":"object","properties":{}}`,
		`{"type":"object"}`: `{"type":"object"}`, "\n{\"properties\":{}}": `{"type":"object","properties":{}}`,
	} {
		if got := string(ObjectSchema([]byte(schema))); got != want {
			t.Errorf("%q became %s", schema, got)
		}
	}
}
