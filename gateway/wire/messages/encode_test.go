package messages

import (
	"strings"
	"testing"

	"weir/gateway/genai"
	"weir/gateway/wire"

	"github.com/google/go-cmp/cmp"
)

func text(s string) []genai.Part { return []genai.Part{{Text: s}} }

func call(id, name, arguments string) genai.Part {
	return genai.Part{Kind: genai.Call, Call: &genai.ToolCall{ID: id, Name: name, Arguments: arguments}}
}

func result(id string, parts ...genai.Part) genai.Message {
	return genai.Message{Parts: []genai.Part{{Kind: genai.Result, Result: &genai.ToolResult{CallID: id, Parts: parts}}}}
}

// What another format allows in a conversation becomes what this API takes.
func TestConversationsOfOthers(t *testing.T) {
	serial := false
	for name, c := range map[string]struct {
		in   genai.Request
		want string // behind the limit
	}{
		"system in between, results apart, empty texts": {genai.Request{Messages: []genai.Message{
			{Role: genai.System, Parts: text("Be brief.")}, {Role: genai.Developer, Parts: text("In French.")},
			{Parts: text("Weather?")}, {Parts: text("Quick!")},
			{Role: genai.Assistant, Parts: []genai.Part{{Text: " "}, call("call.1", "w", `{"a":1}`), call("call:2", "w", ``)}},
			{Role: genai.System, Parts: text("Now in German.")},
			result("call.1", genai.Part{Text: "15"}), result("call:2", genai.Part{Text: ""}),
			{Role: genai.Assistant, Parts: []genai.Part{{Kind: genai.Thinking, Text: "unsigned"}, {Kind: genai.Refusal, Text: "No."}}},
		}}, `"system":[{"type":"text","text":"Be brief."},{"type":"text","text":"In French."}],"messages":[` +
			`{"role":"user","content":[{"type":"text","text":"Weather?"},{"type":"text","text":"Quick!"}]},` +
			`{"role":"assistant","content":[{"type":"tool_use","id":"call_1_29veinikmu37g","name":"w","input":{"a":1}},{"type":"tool_use","id":"call_2_29yk9p3ctnf5t","name":"w","input":{}}]},` +
			`{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1_29veinikmu37g","content":[{"type":"text","text":"15"}]},{"type":"tool_result","tool_use_id":"call_2_29yk9p3ctnf5t"},{"type":"text","text":"Now in German."}]},` +
			`{"role":"assistant","content":[{"type":"text","text":"No."}]}]`},
		"system alone": {genai.Request{Messages: []genai.Message{{Role: genai.System, Parts: text("Say hi")}}},
			`"messages":[{"role":"user","content":[{"type":"text","text":"Say hi"}]}]`},
		"assistant first": {genai.Request{Messages: []genai.Message{{Role: genai.Assistant, Parts: text("Hi")}, {Parts: text("Yo")}}},
			`"messages":[{"role":"user","content":[{"type":"text","text":"…"}]},{"role":"assistant","content":[{"type":"text","text":"Hi"}]},{"role":"user","content":[{"type":"text","text":"Yo"}]}]`},
		"arguments that are no object": {genai.Request{Messages: []genai.Message{{Parts: text("x")}, {Role: genai.Assistant, Parts: []genai.Part{call("a", "f", `{"x":`)}}, result("a", genai.Part{Text: "bad"})}},
			`"messages":[{"role":"user","content":[{"type":"text","text":"x"}]},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{"input":"{\"x\":"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"bad"}]}]}]`},
		"files and images": {genai.Request{Messages: []genai.Message{{Parts: []genai.Part{
			{Kind: genai.Image, Media: &genai.Media{Data: "/9j/4A=="}},
			{Kind: genai.File, Media: &genai.Media{MIME: "text/csv", Data: "YSxi", Name: "a.csv"}},
			{Kind: genai.File, Media: &genai.Media{Data: "JVBERi0=", Name: "a.pdf"}}}}}},
			`"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"/9j/4A=="}},` +
				`{"type":"document","source":{"type":"text","media_type":"text/plain","data":"a,b"},"title":"a.csv"},` +
				`{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="},"title":"a.pdf"}]}]`},
		"tools": {genai.Request{Messages: []genai.Message{{Parts: text("x")}}, Parallel: &serial, Temperature: "1.7", Stop: []string{"\n", "END"},
			Tools: []genai.Tool{{Name: "a"}, {Name: "b", Parameters: []byte(`{"properties":{}}`)}, {Name: "web_search", Server: "web_search", MaxUses: 2, From: genai.Chat, Raw: []byte("{}")}}},
			`"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"tools":[{"name":"a","input_schema":{"type":"object","properties":{}}},{"name":"b","input_schema":{"type":"object","properties":{}}},` +
				`{"type":"web_search_20250305","name":"web_search","max_uses":2}],"tool_choice":{"type":"auto","disable_parallel_tool_use":true},"temperature":1,"stop_sequences":["END"]`},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, e := Protocol{}.Encode(&c.in, wire.Options{Model: "m", MaxOutput: 9})
			if e != nil {
				t.Fatal(e)
			}
			if diff := cmp.Diff(`{"model":"m","max_tokens":9,`+c.want+`}`, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, _, e := (Protocol{}).Encode(&genai.Request{Messages: []genai.Message{{Parts: text(" ")}}}, wire.Options{}); e == nil || e.Param != "messages" {
		t.Errorf("nothing to say: %v", e)
	}
}

func TestThinking(t *testing.T) {
	const old, middle, latest = "claude-sonnet-4-5-20250929", "us.anthropic.claude-opus-4-6-v1:0", "claude-opus-4-7"
	loop := []genai.Message{{Parts: text("x")}, {Role: genai.Assistant, Parts: []genai.Part{call("a", "f", "{}")}}, result("a")}
	said := result("a")
	said.Parts = append(said.Parts, genai.Part{Text: "And now?"})
	beside := append(loop[:2:2], said)
	for name, c := range map[string]struct {
		in    genai.Request
		model string
		want  string
	}{
		"none":             {genai.Request{Temperature: "0.5"}, old, `"max_tokens":4096,"temperature":0.5`},
		"latest":           {genai.Request{Temperature: "0.5"}, latest, `"max_tokens":4096`},
		"effort":           {genai.Request{Reasoning: &genai.Reasoning{Effort: "medium"}, Temperature: "0.5"}, old, `"max_tokens":12288,"thinking":{"type":"enabled","budget_tokens":8192}`},
		"budget":           {genai.Request{MaxTokens: 9000, Reasoning: &genai.Reasoning{Budget: 2000}}, old, `"max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":2000}`},
		"small limit":      {genai.Request{MaxTokens: 4000, Reasoning: &genai.Reasoning{Effort: "high"}}, old, `"max_tokens":4000,"thinking":{"type":"enabled","budget_tokens":2000}`},
		"too small":        {genai.Request{MaxTokens: 1000, Reasoning: &genai.Reasoning{Effort: "high"}}, old, `"max_tokens":1000`},
		"off":              {genai.Request{Reasoning: &genai.Reasoning{Effort: "none", Off: true}}, old, `"max_tokens":4096,"thinking":{"type":"disabled"}`},
		"forced":           {genai.Request{MaxTokens: 9000, Reasoning: &genai.Reasoning{Effort: "low"}, Choice: genai.ToolChoice{Mode: genai.ToolRequired}}, old, `"max_tokens":9000`},
		"in a turn":        {genai.Request{MaxTokens: 9000, Reasoning: &genai.Reasoning{Effort: "low"}, Messages: loop}, old, `"max_tokens":9000`},
		"beside a result":  {genai.Request{MaxTokens: 9000, Reasoning: &genai.Reasoning{Effort: "low"}, Messages: beside}, old, `"max_tokens":9000`},
		"behind a result":  {genai.Request{MaxTokens: 9000, Reasoning: &genai.Reasoning{Effort: "low"}, Messages: append(loop[:3:3], genai.Message{Parts: text("And now?")})}, old, `"max_tokens":9000`},
		"after a turn":     {genai.Request{MaxTokens: 9000, Reasoning: &genai.Reasoning{Budget: 2000}, Messages: append(loop[:3:3], genai.Message{Role: genai.Assistant, Parts: text("7")}, genai.Message{Parts: text("And now?")})}, old, `"max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":2000}`},
		"begun":            {genai.Request{MaxTokens: 9000, Reasoning: &genai.Reasoning{Effort: "low"}, Messages: loop[:2]}, old, `"max_tokens":9000`},
		"adaptive":         {genai.Request{MaxTokens: 9000, Reasoning: &genai.Reasoning{Effort: "xhigh"}, Messages: loop}, middle, `"max_tokens":9000,"thinking":{"type":"adaptive"},"output_config":{"effort":"max"}`},
		"adaptive, latest": {genai.Request{MaxTokens: 9000, Reasoning: &genai.Reasoning{Effort: "xhigh", Summary: "auto"}}, latest, `"max_tokens":9000,"thinking":{"type":"adaptive","display":"summarized"},"output_config":{"effort":"xhigh"}`},
		"adaptive, budget": {genai.Request{MaxTokens: 9000, Reasoning: &genai.Reasoning{Budget: 8000}}, latest, `"max_tokens":9000,"thinking":{"type":"adaptive"},"output_config":{"effort":"medium"}`},
		"adaptive, forced": {genai.Request{MaxTokens: 9000, Reasoning: &genai.Reasoning{Effort: "minimal"}, Choice: genai.ToolChoice{Mode: genai.ToolNamed}}, latest, `"max_tokens":9000,"output_config":{"effort":"low"}`},
	} {
		in := c.in
		if in.Messages == nil {
			in.Messages = []genai.Message{{Parts: text("x")}}
		}
		got, _, e := Protocol{}.Encode(&in, wire.Options{Model: c.model})
		if e != nil {
			t.Fatal(name, e)
		}
		messages := wire.Member(got, whole(got), "messages")
		bare := strings.Replace(string(got), `,"messages":`+string(messages.Of(got)), "", 1)
		bare = strings.Replace(bare, `"model":"`+c.model+`",`, "", 1)
		if diff := cmp.Diff("{"+c.want+"}", bare); diff != "" {
			t.Errorf("%s: %s\n%s", name, diff, got)
		}
	}
}

// What another protocol wants back comes back through a client of Messages.
func TestForeignProofs(t *testing.T) {
	for _, p := range []genai.Proof{
		{From: genai.Gemini, Signature: "c2ln"}, {From: genai.Responses, ID: "rs_1", Redacted: "gAAA=="}, {From: genai.Responses, ID: "rs_1"},
		{From: genai.Bedrock, Signature: "EqQ="}, {From: genai.Anthropic, Signature: "EqQ="},
	} {
		if diff := cmp.Diff(&p, proofOf(signature(&p))); diff != "" {
			t.Error(diff)
		}
	}
	w := Format{}.NewEncoder(reply())
	var out []byte
	for _, e := range []genai.Event{{Kind: genai.Start}, {Kind: genai.PartStart, Part: genai.Part{Kind: genai.Thinking, Proof: &genai.Proof{From: genai.Gemini}}},
		{Kind: genai.Delta, Text: "hm"}, {Kind: genai.Delta, Delta: genai.DeltaSignature, Text: "c2"}, {Kind: genai.Delta, Delta: genai.DeltaSignature, Text: "ln"}, {Kind: genai.PartEnd}} {
		out = w.Encode(out, &e)
	}
	if got := string(out); !strings.Contains(got, `"signature":"gemini::sc2"`) || !strings.Contains(got, `"signature":"ln"`) || !strings.Contains(got, `"id":"msg_req-1"`) {
		t.Error(got)
	}
}
