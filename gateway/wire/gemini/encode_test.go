package gemini

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

func call(id, name, arguments, signature string) genai.Part {
	return genai.Part{Kind: genai.Call, Call: &genai.ToolCall{ID: id, Name: name, Arguments: arguments, Signature: signature}}
}

func result(id string, failed bool, parts ...genai.Part) genai.Part {
	return genai.Part{Kind: genai.Result, Result: &genai.ToolResult{CallID: id, Failed: failed, Parts: parts}}
}

func media(kind genai.PartKind, m genai.Media) genai.Part { return genai.Part{Kind: kind, Media: &m} }

const weather = `{"type":"object","properties":{"city":{"type":"string","description":"where"},"unit":{"type":"string","enum":["C","F"]}},"required":["city"]}`

func TestRequests(t *testing.T) {
	for name, c := range map[string]struct {
		model string
		r     genai.Request
	}{
		"text": {"gemini-2.5-flash", genai.Request{Messages: []genai.Message{say(genai.User, text("hi"))}}},
		"turns": {"gemini-2.5-flash", genai.Request{
			Messages: []genai.Message{
				say(genai.System, text("be brief")), say(genai.Developer, text("and kind")),
				say(genai.User, text("a")), say(genai.User, text("b"), text("")),
				say(genai.Assistant, text("")), say(genai.Assistant, text("c")),
				say(genai.System, text("now in French")), say(genai.User, text("d")),
			},
			MaxTokens: 100, Temperature: "0.5", TopP: "0.9", TopK: "40", Seed: "7", Presence: "0.1", Frequency: "-0.2",
			Stop: []string{"END", "\"q\""}, Choices: 2, LogProbs: true, TopLogProbs: "3",
		}},
		"system alone": {"gemini-2.5-flash", genai.Request{Messages: []genai.Message{say(genai.System, text("say hi"))}}},
		"model first": {"gemini-2.5-flash", genai.Request{Messages: []genai.Message{
			say(genai.Assistant, call("c1", "see", "{}", "")), say(genai.User, result("c1", false, text("a")))}}},
		"media": {"gemini-2.5-flash", genai.Request{Messages: []genai.Message{say(genai.User,
			media(genai.Image, genai.Media{MIME: "image/jpeg", Data: "aGk="}),
			media(genai.Image, genai.Media{URL: "https://example.com/a.webp?x=1"}),
			media(genai.File, genai.Media{MIME: "application/pdf", Data: "JVBERg==", Name: "a.pdf", Title: "The report"}),
			media(genai.File, genai.Media{URL: "gs://bucket/b.pdf"}),
			media(genai.File, genai.Media{Data: "plain words", Plain: true}),
			media(genai.Audio, genai.Media{MIME: "mp3", Data: "aGk="}),
			text("what is this?"),
		)}}},
		"tools": {"gemini-2.5-flash", genai.Request{
			Messages: []genai.Message{
				say(genai.User, text("weather in Bern and Rome?")),
				say(genai.Assistant, text("I look."), call("c1", "weather", `{"city":"Bern"}`, "c2ln"), call("c2", "weather", `{"city":"Rome"}`, "")),
				say(genai.User, text("meanwhile"), result("c1", false, text(`{"temp":3}`)), result("c2", true, text("no such city"))),
				say(genai.User, text("and?")),
			},
			Tools: []genai.Tool{
				{Name: "weather", Description: "The weather", Parameters: []byte(weather)},
				{Name: "strict", Parameters: []byte(`{"type":"object","properties":{"n":{"type":["integer","null"]}},"additionalProperties":false}`)},
				{Name: "nothing", Parameters: []byte(`{"type":"object","properties":{}}`)},
				{Server: "web_search"},
			},
			Choice: genai.ToolChoice{Mode: genai.ToolNamed, Name: "weather"},
		}},
		"tools of gemini 3": {"gemini-3-flash-preview", genai.Request{
			Messages: []genai.Message{
				say(genai.User, text("look")),
				say(genai.Assistant, call("c1", "see", `not json`, ""), call("c2", "see", "", "")),
				say(genai.User, result("c1", false, text("here"), media(genai.Image, genai.Media{MIME: "image/png", Data: "aGk="})), result("c2", false)),
			},
			Tools:       []genai.Tool{{Name: "see"}, {Server: "web_search"}},
			Choice:      genai.ToolChoice{Mode: genai.ToolRequired},
			ServiceTier: "flex",
		}},
		"pictures in results of gemini 2.5": {"gemini-2.5-pro", genai.Request{
			Messages: []genai.Message{
				say(genai.User, text("look")), say(genai.Assistant, call("c1", "see", "{}", "")),
				say(genai.User, result("c1", false, media(genai.Image, genai.Media{MIME: "image/png", Data: "aGk="}))),
			},
		}},
		"tool choice none": {"gemini-2.5-pro", genai.Request{
			Messages: []genai.Message{say(genai.User, text("hi"))}, Tools: []genai.Tool{{Name: "see"}}, Choice: genai.ToolChoice{Mode: genai.ToolNone},
		}},
		"tool choice auto": {"gemini-2.5-pro", genai.Request{
			Messages: []genai.Message{say(genai.User, text("hi"))}, Tools: []genai.Tool{{Name: "see"}}, Choice: genai.ToolChoice{Mode: genai.ToolAuto},
		}},
		"thinking and its return": {"gemini-3-pro-preview", genai.Request{
			Messages: []genai.Message{
				say(genai.User, text("think")),
				say(genai.Assistant,
					genai.Part{Kind: genai.Thinking, Text: "hm", Proof: &genai.Proof{Signature: "YQ==", From: genai.Gemini}},
					text("done"),
					genai.Part{Kind: genai.Thinking, Proof: &genai.Proof{Signature: "Yg==", From: genai.Gemini}},
					genai.Part{Kind: genai.Thinking, Text: "unsigned"},
					genai.Part{Kind: genai.ServerTool, From: genai.Gemini, Raw: []byte(`{"executableCode":{"language":"PYTHON","code":"1"}}`)}),
				say(genai.User, text("go on")),
			},
			Reasoning: &genai.Reasoning{Effort: "medium"},
		}},
		"json object": {"gemini-2.5-pro", genai.Request{Messages: []genai.Message{say(genai.User, text("hi"))}, Output: &genai.Output{}}},
		"plain schema": {"gemini-2.5-pro", genai.Request{Messages: []genai.Message{say(genai.User, text("hi"))},
			Output: &genai.Output{Schema: []byte(weather)}}},
		"json schema": {"gemini-2.5-pro", genai.Request{Messages: []genai.Message{say(genai.User, text("hi"))},
			Output: &genai.Output{Schema: []byte(`{"$defs":{"a":{"type":"string"}},"type":"object","properties":{"a":{"$ref":"#/$defs/a"}}}`)}}},
		"extra": {"gemini-2.5-flash-image", genai.Request{Messages: []genai.Message{say(genai.User, text("draw"))},
			Extra: []genai.Field{{Name: "modalities", Raw: []byte(`["text", "image"]`)}, {Name: "safety_settings", Raw: []byte(`[]`)}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, e := New(API).Encode(&c.r, wire.Options{Model: c.model})
			if e != nil {
				t.Fatal(e)
			}
			golden(t, strings.ReplaceAll(name, " ", "-")+".request.json", got)
		})
	}
}

func TestThinking(t *testing.T) {
	for name, c := range map[string]struct {
		model string
		r     genai.Reasoning
		want  string
	}{
		"budget":          {"gemini-2.5-flash", genai.Reasoning{Budget: 5000}, `{"thinkingBudget":5000,"includeThoughts":true}`},
		"effort":          {"gemini-2.5-flash", genai.Reasoning{Effort: "high"}, `{"thinkingBudget":24576,"includeThoughts":true}`},
		"xhigh":           {"gemini-2.5-pro", genai.Reasoning{Effort: "xhigh"}, `{"thinkingBudget":32768,"includeThoughts":true}`},
		"off":             {"gemini-2.5-flash", genai.Reasoning{Off: true}, `{"thinkingBudget":0}`},
		"off of pro":      {"gemini-2.5-pro", genai.Reasoning{Effort: "none"}, `{"thinkingBudget":128}`},
		"lite":            {"gemini-2.5-flash-lite", genai.Reasoning{Budget: 100}, `{"thinkingBudget":512,"includeThoughts":true}`},
		"level":           {"gemini-3-flash", genai.Reasoning{Effort: "minimal"}, `{"thinkingLevel":"minimal","includeThoughts":true}`},
		"level of budget": {"gemini-3.1-pro", genai.Reasoning{Budget: 6000}, `{"thinkingLevel":"medium","includeThoughts":true}`},
		"no medium":       {"gemini-3-pro-preview", genai.Reasoning{Effort: "medium"}, `{"thinkingLevel":"high","includeThoughts":true}`},
		"level off":       {"gemini-3-flash", genai.Reasoning{Off: true}, `{"thinkingLevel":"minimal"}`},
		"newest":          {"gemini-pro-latest", genai.Reasoning{Off: true}, `{"thinkingLevel":"low"}`},
		"shown only":      {"gemini-2.5-pro", genai.Reasoning{Summary: "auto"}, `{"includeThoughts":true}`},
		"cannot":          {"gemini-2.0-flash", genai.Reasoning{Off: true}, ``},
	} {
		t.Run(name, func(t *testing.T) {
			w := writer{}
			w.thinking(&c.r, familyOf(c.model))
			if got := strings.TrimPrefix(string(w.JSON), `"thinkingConfig":`); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestCall(t *testing.T) {
	for name, c := range map[string]struct {
		prefix      string
		stream      bool
		path, query string
	}{
		"plain":  {API, false, "models/gemini-2.5-pro:generateContent", ""},
		"stream": {API, true, "models/gemini-2.5-pro:streamGenerateContent", "alt=sse"},
		"vertex": {Vertex, true, "publishers/google/models/gemini-2.5-pro:streamGenerateContent", "alt=sse"},
	} {
		t.Run(name, func(t *testing.T) {
			path, query := New(c.prefix).Call("gemini-2.5-pro", c.stream)
			if path != c.path || query != c.query {
				t.Errorf("got %s?%s", path, query)
			}
		})
	}
	if path, _ := New(API).Call("../a/b?c", false); path != "models/..%2Fa%2Fb%3Fc:generateContent" {
		t.Errorf("a model's name must not leave its place: %s", path)
	}
}
