package converse

import (
	"strings"
	"testing"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

func text(s string) genai.Part { return genai.Part{Kind: genai.Text, Text: s} }

func say(role genai.Role, parts ...genai.Part) genai.Message {
	return genai.Message{Role: role, Parts: parts}
}

func call(id, name, arguments string) genai.Part {
	return genai.Part{Kind: genai.Call, Call: &genai.ToolCall{ID: id, Name: name, Arguments: arguments}}
}

func result(id string, failed bool, parts ...genai.Part) genai.Part {
	return genai.Part{Kind: genai.Result, Result: &genai.ToolResult{CallID: id, Failed: failed, Parts: parts}}
}

func media(kind genai.PartKind, m genai.Media) genai.Part { return genai.Part{Kind: kind, Media: &m} }

func cached(p genai.Part, ttl string) genai.Part {
	p.Cache = &genai.Cache{TTL: ttl}
	return p
}

const (
	sonnet  = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
	weather = `{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}`
)

func TestRequests(t *testing.T) {
	strict := true
	hi := []genai.Message{say(genai.User, text("hi"))}
	for name, c := range map[string]struct {
		model string
		r     genai.Request
	}{
		"text": {sonnet, genai.Request{Messages: hi}},
		"turns": {sonnet, genai.Request{
			Messages: []genai.Message{
				say(genai.System, cached(text("be brief"), "1h")), say(genai.Developer, text("and kind")),
				say(genai.User, text("a")), say(genai.User, text("b"), text(" ")),
				say(genai.Assistant, text("")), say(genai.Assistant, text("c")),
				say(genai.System, text("now in French")), say(genai.User, cached(text("d"), "")),
			},
			MaxTokens: 100, Temperature: "0.5", TopP: "0.9", TopK: "40", Stop: []string{"END"}, ServiceTier: "priority",
		}},
		"system alone":    {sonnet, genai.Request{Messages: []genai.Message{say(genai.System, text("say hi"))}}},
		"assistant first": {sonnet, genai.Request{Messages: []genai.Message{say(genai.Assistant, text("welcome")), say(genai.User, text("hi"))}}},
		"media": {sonnet, genai.Request{Messages: []genai.Message{say(genai.User,
			media(genai.Image, genai.Media{MIME: "image/jpg", Data: "/9j/"}),
			media(genai.Image, genai.Media{Data: "R0lGODlh"}),
			media(genai.File, genai.Media{MIME: "application/pdf", Data: "JVBERg==", Name: "a_b  c.pdf", Cited: true, Context: "of 2024"}),
			media(genai.File, genai.Media{Data: "plain words", Plain: true, Title: "a b c"}),
			media(genai.File, genai.Media{MIME: "text/csv", Data: "YQ=="}),
		)}}},
		"tools": {sonnet, genai.Request{
			Messages: []genai.Message{
				say(genai.User, text("weather?")),
				say(genai.Assistant, text("I look."), call("call:1", "weather", `{"city":"Bern"}`), call("c2", "weather", "not json")),
				say(genai.User, text("meanwhile"), result("call:1", false, cached(text("3 degrees"), ""), media(genai.Image, genai.Media{MIME: "image/png", Data: "aGk="}))),
				say(genai.User, result("c2", true)),
			},
			Tools: []genai.Tool{
				{Name: "weather", Description: "The weather", Parameters: []byte(weather), Strict: &strict},
				{Name: "nothing", Cache: &genai.Cache{TTL: "5m"}},
				{Name: "untyped", Parameters: []byte(` {"properties":{"a":{}}}`)},
				{Name: "empty", Parameters: []byte(`{ }`)},
			},
			Choice: genai.ToolChoice{Mode: genai.ToolNamed, Name: "weather"},
		}},
		"tools of the past": {"meta.llama3", genai.Request{Messages: []genai.Message{
			say(genai.User, text("a")), say(genai.Assistant, call("c", "old", "")), say(genai.User, result("c", false, text("b")))}}},
		"tool choice any":  {sonnet, genai.Request{Messages: hi, Tools: []genai.Tool{{Name: "see"}}, Choice: genai.ToolChoice{Mode: genai.ToolRequired}}},
		"tool choice auto": {sonnet, genai.Request{Messages: hi, Tools: []genai.Tool{{Name: "see"}}, Choice: genai.ToolChoice{Mode: genai.ToolAuto}}},
		"reasoning and its return": {sonnet, genai.Request{
			Messages: []genai.Message{
				say(genai.User, text("think")),
				say(genai.Assistant,
					genai.Part{Kind: genai.Thinking, Text: "hm", Proof: &genai.Proof{Signature: "YQ==", From: genai.Bedrock}},
					genai.Part{Kind: genai.Thinking, Proof: &genai.Proof{Redacted: "Yg==", From: genai.Bedrock}},
					genai.Part{Kind: genai.Thinking, Text: "unsigned"}, text("done")),
				say(genai.User, text("go on")),
			},
			MaxTokens: 4000, Reasoning: &genai.Reasoning{Effort: "medium"},
		}},
		"adaptive thinking": {"global.anthropic.claude-opus-4-7-v1", genai.Request{Messages: hi, Reasoning: &genai.Reasoning{Effort: "xhigh"},
			Output: &genai.Output{Schema: []byte(weather), Name: "weather", Description: "where"}}},
		"thinking off":        {"anthropic.claude-opus-4-6-v1", genai.Request{Messages: hi, Reasoning: &genai.Reasoning{Off: true}}},
		"nova":                {"amazon.nova-2-lite-v1:0", genai.Request{Messages: hi, TopK: "5", Reasoning: &genai.Reasoning{Effort: "minimal"}}},
		"another vendor":      {"openai.gpt-oss-120b-1:0", genai.Request{Messages: hi, Reasoning: &genai.Reasoning{Effort: "low"}}},
		"no room for thought": {sonnet, genai.Request{Messages: hi, MaxTokens: 500, Reasoning: &genai.Reasoning{Budget: 2000}}},
		"extra": {sonnet, genai.Request{Messages: hi, ServiceTier: "standard_only",
			Extra: []genai.Field{{Name: "guardrailConfig", Raw: []byte(`{"guardrailIdentifier":"g"}`)}, {Name: "foreign", Raw: []byte(`1`)}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, e := Protocol{}.Encode(&c.r, wire.Options{Model: c.model})
			if e != nil {
				t.Fatal(e)
			}
			golden(t, strings.ReplaceAll(name, " ", "-")+".request.json", got)
		})
	}
}

func TestCall(t *testing.T) {
	for model, want := range map[string]string{
		sonnet: "model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream",
		"arn:aws:bedrock:eu-west-1:1:application-inference-profile/a": "model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Aapplication-inference-profile%2Fa/converse-stream",
	} {
		if path, query := (Protocol{}).Call(model, true); path != want || query != "" {
			t.Errorf("got %s?%s, want %s", path, query, want)
		}
	}
}
