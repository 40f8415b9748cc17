package genai

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLongest(t *testing.T) {
	for name, c := range map[string]struct{ sizes, want []int }{
		"none":           {nil, nil},
		"the last alone": {[]int{9000}, nil},
		"short":          {[]int{10, 4095, 10}, nil},
		"one":            {[]int{10, 4096, 10}, []int{1}},
		"longest first":  {[]int{5000, 7000, 6000, 9000}, []int{1, 2}},
		"equal":          {[]int{5000, 5000, 5000, 1}, []int{0, 1}},
	} {
		if diff := cmp.Diff(c.want, Longest(c.sizes)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Four breakpoints at most, on what can have one, and none beside the client's own.
func TestAutoCache(t *testing.T) {
	long := strings.Repeat("x", longMessage)
	request := func() *Request {
		return &Request{
			Tools: []Tool{{Name: "a"}, {Name: "b"}},
			Messages: []Message{
				{Role: System, Parts: []Part{{Text: "one"}}}, {Role: Developer, Parts: []Part{{Text: "two"}, {Text: ""}}},
				{Parts: []Part{{Text: long}}}, {Role: Assistant, Parts: []Part{{Text: long}, {Kind: Thinking, Text: "t"}}},
				{Parts: []Part{{Text: long}}}, {Parts: []Part{{Text: long + long}}},
			},
		}
	}
	want, got := request(), request()
	want.Tools[1].Cache = &Cache{}
	want.Messages[1].Parts[0].Cache = &Cache{}
	want.Messages[2].Parts[0].Cache = &Cache{}
	want.Messages[3].Parts[0].Cache = &Cache{}
	got.AutoCache(Bedrock)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, protocol := range []string{Chat, Responses, Gemini} {
		got := request()
		got.AutoCache(protocol)
		if diff := cmp.Diff(request(), got); diff != "" {
			t.Errorf("%s: %s", protocol, diff)
		}
	}
	want, got = request(), request()
	for _, r := range []*Request{want, got} {
		r.Messages[5].Parts = append(r.Messages[5].Parts, Part{Kind: Result, Result: &ToolResult{Parts: []Part{{Text: "r", Cache: &Cache{TTL: "1h"}}}}})
	}
	got.AutoCache(Anthropic)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the client's own: %s", diff)
	}
}
