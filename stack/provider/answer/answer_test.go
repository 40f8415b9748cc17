package answer_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/stack/provider/answer"
	"weir/stack/provider/ledger"
)

func compose(t *testing.T, wish answer.Wish, name string) (*answer.Answer, error) {
	t.Helper()
	model, o, err := answer.ReadOptions(name, http.Header{})
	if err != nil {
		return nil, err
	}
	return wish.Compose(1, model, o)
}

func TestSchemasAreSatisfied(t *testing.T) {
	f := func(schema, want string) {
		t.Helper()
		a, err := compose(t, answer.Wish{Schema: json.RawMessage(schema)}, "small")
		if err != nil {
			t.Fatalf("%s: %v", schema, err)
		}
		if a.Text != want {
			t.Errorf("%s: got %s, want %s", schema, a.Text, want)
		}
	}
	f(`{"type":"OBJECT","properties":{"a":{"type":"STRING"}}}`, `{"a":"mock"}`)
	f(`{"$ref":"#/$defs/x","$defs":{"x":{"type":"integer"}}}`, `7`)
	f(`{"anyOf":[{"type":"null"},{"type":"string"}]}`, `null`)
	f(`{"allOf":[{"const":"é"}]}`, `"é"`)
	tree := `{"$ref":"#/$defs/t","$defs":{"t":{"type":"object","properties":{"below":{"type":"array","items":{"$ref":"#/$defs/t"}}}}}}`
	a, err := compose(t, answer.Wish{Schema: json.RawMessage(tree)}, "small")
	if err != nil || !json.Valid([]byte(a.Text)) || !strings.HasSuffix(strings.Trim(a.Text, "]}"), "[") {
		t.Errorf("a schema that contains itself: %v %v", a, err)
	}
	for _, schema := range []string{`5`, `{"type":"odd"}`, `{"$ref":"#/other"}`, `{"type":"object","properties":{"a":{"type":"odd"}}}`} {
		if a, err := compose(t, answer.Wish{Schema: json.RawMessage(schema)}, "small"); err == nil {
			t.Errorf("%s was satisfied by %s", schema, a.Text)
		}
	}
}

// TestProduced has the counts of a part of an answer grow to those of the whole, never shrinking.
func TestProduced(t *testing.T) {
	a, err := compose(t, answer.Wish{Choices: 3, Tools: []answer.Tool{{Name: "x"}}, Choice: answer.Choice{Mode: "required"}},
		"small:in=9,out=100,reasoning=7,calls=2,chunks=2")
	if err != nil {
		t.Fatal(err)
	}
	if a.Chunks() != 12 {
		t.Fatalf("%d chunks", a.Chunks())
	}
	last := ledger.Tokens{Prompt: 9, Completion: 7, Reasoning: 7}
	if got := a.Produced(0); got != last {
		t.Errorf("nothing but the thought is %+v", got)
	}
	for i := 1; i <= 12; i++ {
		got := a.Produced(i)
		if got.Completion <= last.Completion {
			t.Errorf("chunk %d adds nothing: %+v", i, got)
		}
		last = got
	}
	if diff := cmp.Diff(a.Tokens, last); diff != "" {
		t.Errorf("the last chunk does not complete it (-want +got):\n%s", diff)
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	for _, name := range []string{"small:odd=1", "small:calls=0", "small:calls=17", "small:stop=never", "small:thoughts=maybe", "small:usage=words",
		"small:write=5,write1h=6", "small:in=5,tooluse=6", "small:status=399", "small:latency=-1s", "small:chunks=x"} {
		if a, err := compose(t, answer.Wish{Prompt: []byte("hello")}, name); err == nil {
			t.Errorf("%s: %+v", name, a)
		}
	}
}
