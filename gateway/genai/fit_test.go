package genai

import (
	"slices"
	"strings"
	"testing"
)

// The table is complete: a verdict for each protocol, a remedy where something is
// refused, and the field of each format.
func TestTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	protocols := Protocols()
	for f := range FeatureCount {
		r := table(f)
		if len(r.verdicts) != len(protocols) || strings.Trim(r.verdicts, "KDR") != "" || r.name == "" || seen[r.name] {
			t.Errorf("feature %d: %+v", f, r)
		}
		seen[r.name] = true
		if refused := strings.Contains(r.verdicts, "R"); refused != (r.remedy != "") {
			t.Errorf("%s: refused is %v, and the remedy %q", r.name, refused, r.remedy)
		}
		for i, field := range r.fields {
			if field == "" && f != Unknown {
				t.Errorf("%s: no field in %s", r.name, protocols[i])
			}
		}
	}
}

func ask(change func(r *Request)) *Request {
	r := &Request{From: Chat, Messages: []Message{{Role: User, Parts: []Part{{Text: "hi"}}}}}
	change(r)
	return r
}

func TestFit(t *testing.T) {
	no := false
	knows := func(name string) bool { return name == "known" }
	for name, c := range map[string]struct {
		protocol string
		in       *Request
		warns    []string // beginnings
		refuses  string   // the param
		left     func(r *Request) bool
	}{
		"nothing to do":   {Anthropic, ask(func(*Request) {}), nil, "", func(r *Request) bool { return len(r.Messages) == 1 }},
		"dropped":         {Anthropic, ask(func(r *Request) { r.Seed = "7" }), []string{"seed was left out"}, "", func(r *Request) bool { return r.Seed == "" }},
		"kept":            {Gemini, ask(func(r *Request) { r.Seed = "7" }), nil, "", func(r *Request) bool { return r.Seed == "7" }},
		"refused":         {Bedrock, ask(func(r *Request) { r.Choices = 2 }), nil, "n", nil},
		"by another name": {Responses, ask(func(r *Request) { r.From, r.Stop = Anthropic, []string{"x"} }), nil, "stop_sequences", nil},
		"in a message": {Bedrock, ask(func(r *Request) {
			r.Messages[0].Index = 3
			r.Messages[0].Parts[0] = Part{Kind: Image, Media: &Media{URL: "https://x"}}
		}), nil, "messages[3].content", nil},
		"in a result": {Anthropic, ask(func(r *Request) {
			r.Messages[0].Parts[0] = Part{Kind: Result, Result: &ToolResult{Parts: []Part{{Kind: Audio, Media: &Media{}}}}}
		}), nil, "messages[0].content", nil},
		"in the system": {Chat, ask(func(r *Request) {
			r.From = Anthropic
			r.Messages[0] = Message{Index: -1, Role: System, Parts: []Part{{Text: "x", Cache: &Cache{}}}}
		}), []string{"cache_control was left out"}, "", func(r *Request) bool { return r.Messages[0].Parts[0].Cache == nil }},
		"unknown fields": {Gemini, ask(func(r *Request) { r.Extra = []Field{{"known", nil}, {"odd\n", nil}} }), []string{`odd\n was left out`}, "",
			func(r *Request) bool { return len(r.Extra) == 1 && r.Extra[0].Name == "known" }},
		"foreign thinking": {Anthropic, ask(func(r *Request) {
			r.Messages[0].Parts = append(r.Messages[0].Parts, Part{Kind: Thinking, Proof: &Proof{From: Gemini}}, Part{Kind: Thinking, Proof: &Proof{From: Anthropic}})
		}), []string{"messages[0] was left out"}, "", func(r *Request) bool { return len(r.Messages[0].Parts) == 2 }},
		"a foreign file":       {Anthropic, ask(func(r *Request) { r.Messages[0].Parts[0] = Part{Kind: File, Media: &Media{FileID: "f"}} }), nil, "messages[0].content", nil},
		"a file of the family": {Responses, ask(func(r *Request) { r.Messages[0].Parts[0] = Part{Kind: File, Media: &Media{FileID: "f"}} }), nil, "", nil},
		"tools in turn":        {Gemini, ask(func(r *Request) { r.Parallel, r.Tools = &no, []Tool{{Name: "t"}} }), []string{"parallel_tool_calls was left out"}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			warnings, e := Fit(c.in, c.protocol, knows)
			if c.refuses != "" {
				if e == nil || e.Param != c.refuses || e.Status != 400 || !strings.Contains(e.Message, c.refuses) {
					t.Fatalf("got %+v, want a refusal of %s", e, c.refuses)
				}
				return
			}
			if e != nil {
				t.Fatal(e)
			}
			if !slices.EqualFunc(warnings, c.warns, strings.HasPrefix) {
				t.Errorf("got warnings %q, want %q", warnings, c.warns)
			}
			if c.left != nil && !c.left(c.in) {
				t.Errorf("left %+v", c.in)
			}
		})
	}
}
