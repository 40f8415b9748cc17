package wire_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

// What a protocol has but cannot say for this model, with these values or in this place
// is changed with a warning that names the client's field; what only says the same in
// another way is not warned of.
func TestAdaptations(t *testing.T) {
	yes := true
	said := func(parts ...genai.Part) genai.Message {
		return genai.Message{Index: 1, Role: genai.Assistant, Parts: parts}
	}
	asked := func(parts ...genai.Part) genai.Message { return genai.Message{Index: 2, Parts: parts} }
	hi := genai.Message{Parts: []genai.Part{{Text: "hi"}}}
	search := []genai.Tool{{Name: "web_search", Server: "web_search", From: genai.Anthropic, Raw: []byte(`{"type":"web_search_20250305","name":"web_search","allowed_domains":["a.b"]}`)}}
	photo := genai.Part{Kind: genai.Image, Media: &genai.Media{Data: "iVBO"}}
	thought := genai.Part{Kind: genai.Thinking, Text: "hm"}
	call := genai.Part{Kind: genai.Call, Call: &genai.ToolCall{ID: "c1", Name: "f", Signature: "c2ln"}}
	result := genai.Part{Kind: genai.Result, Result: &genai.ToolResult{CallID: "c1", Failed: true, Parts: []genai.Part{{Text: "no"}}}}
	think := func(effort string) *genai.Reasoning { return &genai.Reasoning{Effort: effort} }
	const chatP, responsesP, anthropic, google, bedrock = 0, 1, 2, 3, 4
	made := map[genai.Adaptation]bool{}
	for name, c := range map[string]struct {
		to    int
		model string
		in    genai.Request
		want  []genai.Adaptation
	}{
		"sampling, latest":  {anthropic, claude47, genai.Request{Temperature: "0.5", TopP: "0.5", TopK: "4"}, []genai.Adaptation{genai.TemperatureOut, genai.TopPOut, genai.TopKOut}},
		"sampling, thinks":  {bedrock, onAWS, genai.Request{Temperature: "0.5", Reasoning: think("low")}, []genai.Adaptation{genai.TemperatureOut}},
		"hot":               {anthropic, claude45, genai.Request{Temperature: "1.5"}, []genai.Adaptation{genai.TemperatureCapped}},
		"hot, nova":         {bedrock, "amazon.nova-lite-v1:0", genai.Request{Temperature: "1.5"}, []genai.Adaptation{genai.TemperatureCapped}},
		"warm":              {bedrock, "amazon.nova-lite-v1:0", genai.Request{Temperature: "1.0"}, nil},
		"budget":            {anthropic, claude45, genai.Request{MaxTokens: 4000, Reasoning: &genai.Reasoning{Budget: 5000}}, []genai.Adaptation{genai.BudgetLowered}},
		"budget, AWS":       {bedrock, onAWS, genai.Request{MaxTokens: 4000, Reasoning: &genai.Reasoning{Budget: 5000}}, []genai.Adaptation{genai.BudgetLowered}},
		"an effort fits":    {anthropic, claude45, genai.Request{MaxTokens: 4000, Reasoning: think("high")}, nil},
		"no room":           {bedrock, onAWS, genai.Request{MaxTokens: 100, Reasoning: think("low")}, []genai.Adaptation{genai.ThinkingNoRoom}},
		"forced":            {anthropic, claude45, genai.Request{MaxTokens: 9000, Reasoning: think("low"), Tools: []genai.Tool{{Name: "f"}}, Choice: genai.ToolChoice{Mode: genai.ToolRequired}}, []genai.Adaptation{genai.ThinkingForced}},
		"forced, adaptive":  {anthropic, claude47, genai.Request{Reasoning: think("low"), Choice: genai.ToolChoice{Mode: genai.ToolNamed}}, []genai.Adaptation{genai.ThinkingForced}},
		"in a turn":         {anthropic, claude45, genai.Request{MaxTokens: 9000, Reasoning: think("low"), Messages: []genai.Message{hi, said(call), asked(result)}}, []genai.Adaptation{genai.ThinkingMidTurn, genai.CallProof}},
		"not off":           {google, "gemini-3-flash", genai.Request{Reasoning: &genai.Reasoning{Off: true}}, []genai.Adaptation{genai.ThinkingStays}},
		"not off, pro":      {google, "gemini-2.5-pro", genai.Request{Reasoning: think("none")}, []genai.Adaptation{genai.ThinkingStays}},
		"off":               {google, "gemini-2.5-flash", genai.Request{Reasoning: think("none")}, nil},
		"not off, chat":     {chatP, "m", genai.Request{Reasoning: &genai.Reasoning{Off: true}}, []genai.Adaptation{genai.ThinkingStays}},
		"off, by effort":    {chatP, "m", genai.Request{Reasoning: think("none")}, nil},
		"not off, OpenAI":   {responsesP, "m", genai.Request{Reasoning: &genai.Reasoning{Off: true}}, []genai.Adaptation{genai.ThinkingStays}},
		"not off, AWS":      {bedrock, "openai.gpt-oss-120b", genai.Request{Reasoning: think("none")}, []genai.Adaptation{genai.ThinkingStays}},
		"nearest":           {google, "gemini-3.1-pro", genai.Request{Reasoning: think("minimal")}, []genai.Adaptation{genai.EffortNearest}},
		"nearest budget":    {google, "gemini-2.5-flash-lite", genai.Request{Reasoning: &genai.Reasoning{Budget: 100}}, []genai.Adaptation{genai.EffortNearest}},
		"nearest, Claude":   {anthropic, claude47, genai.Request{Reasoning: think("minimal")}, []genai.Adaptation{genai.EffortNearest}},
		"nearest, nova":     {bedrock, "amazon.nova-2-lite-v1:0", genai.Request{Reasoning: think("xhigh")}, []genai.Adaptation{genai.EffortNearest}},
		"unsigned":          {anthropic, claude45, genai.Request{Messages: []genai.Message{hi, said(thought, genai.Part{Text: "x"}), hi}}, []genai.Adaptation{genai.EarlierThinking}},
		"unsigned, AWS":     {bedrock, onAWS, genai.Request{Messages: []genai.Message{hi, said(thought, genai.Part{Text: "x"}), hi}}, []genai.Adaptation{genai.EarlierThinking}},
		"unsigned, OpenAI":  {responsesP, "m", genai.Request{Messages: []genai.Message{hi, said(thought, genai.Part{Text: "x"}), hi}}, []genai.Adaptation{genai.EarlierThinking}},
		"unsigned, chat":    {chatP, "m", genai.Request{From: genai.Anthropic, Messages: []genai.Message{hi, said(thought, genai.Part{Text: "x"}), hi}}, []genai.Adaptation{genai.EarlierThinking}},
		"unsigned, Google":  {google, "gemini-2.5-pro", genai.Request{Messages: []genai.Message{hi, said(thought, genai.Part{Text: "x"}), hi}}, nil},
		"the model's photo": {anthropic, claude45, genai.Request{Messages: []genai.Message{hi, said(genai.Part{Text: "x"}, photo), hi}}, []genai.Adaptation{genai.ModelMedia}},
		"the user's photo":  {anthropic, claude45, genai.Request{Messages: []genai.Message{asked(photo)}}, nil},
		"signed, Claude": {anthropic, claude45, genai.Request{Messages: []genai.Message{hi, said(genai.Part{Kind: genai.Thinking, Text: "hm", Proof: &genai.Proof{Signature: "c2ln", From: genai.Anthropic}},
			genai.Part{Text: "x"}), hi}}, nil},
		"signed, AWS": {bedrock, onAWS, genai.Request{Messages: []genai.Message{hi, said(genai.Part{Kind: genai.Thinking, Text: "hm", Proof: &genai.Proof{Signature: "c2ln", From: genai.Bedrock}},
			genai.Part{Text: "x"}), hi}}, nil},
		"photo, chat":      {chatP, "m", genai.Request{Messages: []genai.Message{hi, said(genai.Part{Text: "x"}, photo), hi}}, []genai.Adaptation{genai.ModelMedia}},
		"photo, OpenAI":    {responsesP, "m", genai.Request{Messages: []genai.Message{hi, said(genai.Part{Text: "x"}, photo), hi}}, []genai.Adaptation{genai.ModelMedia}},
		"signed call":      {bedrock, onAWS, genai.Request{Tools: []genai.Tool{{Name: "f"}}, Messages: []genai.Message{hi, said(call), asked(result)}}, []genai.Adaptation{genai.CallProof}},
		"signed, OpenAI":   {responsesP, "m", genai.Request{Messages: []genai.Message{hi, said(call), asked(result)}}, []genai.Adaptation{genai.CallProof}},
		"a failed result":  {chatP, "m", genai.Request{Messages: []genai.Message{hi, said(call), asked(result)}}, nil},
		"opening":          {anthropic, claude45, genai.Request{Messages: []genai.Message{said(genai.Part{Text: "x"}), hi}}, []genai.Adaptation{genai.OpeningTurn}},
		"opening, Google":  {google, "gemini-2.5-pro", genai.Request{Messages: []genai.Message{said(genai.Part{Text: "x"}), hi}}, []genai.Adaptation{genai.OpeningTurn}},
		"opening, AWS":     {bedrock, onAWS, genai.Request{Messages: []genai.Message{said(genai.Part{Text: "x"}), hi}}, []genai.Adaptation{genai.OpeningTurn}},
		"late system":      {google, "gemini-2.5-pro", genai.Request{Messages: []genai.Message{hi, {Role: genai.System, Index: 1, Parts: []genai.Part{{Text: "x"}}}}}, []genai.Adaptation{genai.LateSystem}},
		"early system":     {google, "gemini-2.5-pro", genai.Request{Messages: []genai.Message{{Role: genai.Developer, Parts: []genai.Part{{Text: "x"}}}, hi, hi}}, nil},
		"document alone":   {bedrock, onAWS, genai.Request{Messages: []genai.Message{asked(genai.Part{Kind: genai.File, Media: &genai.Media{Data: "YQ=="}})}}, []genai.Adaptation{genai.DocumentWords}},
		"blank stop":       {anthropic, claude45, genai.Request{Stop: []string{"\n", "x"}}, []genai.Adaptation{genai.BlankStop}},
		"tier":             {anthropic, claude45, genai.Request{ServiceTier: "flex"}, []genai.Adaptation{genai.TierNearest}},
		"choice of search": {google, "gemini-2.5-pro", genai.Request{Tools: search[:1:1], Choice: genai.ToolChoice{Mode: genai.ToolRequired}}, []genai.Adaptation{genai.SearchOptions, genai.ChoiceOut}},
		"choice, chat":     {chatP, "m", genai.Request{Tools: search, Choice: genai.ToolChoice{Mode: genai.ToolRequired}}, []genai.Adaptation{genai.ChoiceOut, genai.SearchOptions}},
		"search, OpenAI":   {responsesP, "m", genai.Request{Tools: search}, []genai.Adaptation{genai.SearchOptions}},
		"search, chat's": {anthropic, claude45, genai.Request{Tools: []genai.Tool{{Name: "web_search", Server: "web_search", From: genai.Chat, Raw: []byte(`{"search_context_size":"high"}`)}}},
			[]genai.Adaptation{genai.SearchOptions}},
		"bounds":              {anthropic, claude45, genai.Request{Output: &genai.Output{Schema: []byte(`{"type":"object","properties":{"n":{"type":"integer","minimum":1}}}`)}}, []genai.Adaptation{genai.SchemaBounds}},
		"bounds, strict tool": {anthropic, claude45, genai.Request{Tools: []genai.Tool{{Name: "f", Strict: &yes, Parameters: []byte(`{"type":"object","maxProperties":1}`)}}}, []genai.Adaptation{genai.SchemaBounds}},
		"described form":      {google, "gemini-2.5-pro", genai.Request{Output: &genai.Output{Schema: []byte(`{"type":"object"}`), Description: "d"}}, []genai.Adaptation{genai.SchemaWords}},
		"citations":           {anthropic, claude45, genai.Request{Messages: []genai.Message{hi, said(genai.Part{Text: "x", Citations: []genai.Citation{{URL: "https://a"}}}), hi}}, []genai.Adaptation{genai.OtherCitations}},
		"not strict":          {google, "gemini-2.0-flash", genai.Request{Tools: []genai.Tool{{Name: "f", Strict: &yes}}}, []genai.Adaptation{genai.StrictOut}},
		"strict":              {google, "gemini-2.5-flash", genai.Request{Tools: []genai.Tool{{Name: "f", Strict: &yes}}}, nil},
		"undeclared tools":    {bedrock, onAWS, genai.Request{Messages: []genai.Message{hi, said(genai.Part{Kind: genai.Call, Call: &genai.ToolCall{ID: "c1", Name: "f"}}), asked(result)}}, []genai.Adaptation{genai.ToolsDeclared}},
		"no limit":            {anthropic, claude45, genai.Request{}, []genai.Adaptation{genai.LimitSet}},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.in
			if r.From == "" {
				r.From = genai.Chat
			}
			if r.Messages == nil {
				r.Messages = []genai.Message{hi}
			}
			o := wire.Options{Model: c.model, MaxOutput: 64000}
			for _, a := range c.want {
				made[a] = true
				if a == genai.LimitSet {
					o.MaxOutput = 0
				}
			}
			want := genai.NotesOf(&r)
			for _, a := range c.want {
				want.At(a, 1)
				if a == genai.DocumentWords {
					want = genai.NotesOf(&r)
					want.At(a, 2)
				}
			}
			p := protocols()[c.to]
			_, got, e := p.Encode(&r, o)
			if e != nil {
				t.Fatal(e)
			}
			if diff := cmp.Diff(want.Warnings(), got); diff != "" {
				t.Error(diff)
			}
			for _, a := range c.want {
				if by := a.Of(); !strings.Contains(by, p.Name()) && !strings.HasPrefix(by, "all but") {
					t.Errorf("the list says that %v is made by %s, and %s makes it", a, by, p.Name())
				}
			}
		})
	}
	for a := genai.Same + 1; a < genai.AdaptationCount; a++ {
		if !made[a] {
			t.Errorf("no case makes %v", a)
		}
	}
}

// Whatever an encoder is given, the conversation that it writes has words.
func TestNothingToSay(t *testing.T) {
	for _, p := range protocols()[2:] {
		for _, m := range [][]genai.Message{nil, {{Parts: []genai.Part{{Text: " "}}}}, {{Role: genai.System}}} {
			_, _, e := p.Encode(&genai.Request{From: genai.Responses, Messages: m}, wire.Options{Model: "m"})
			if e == nil || e.Param != "input" || e.Status != 400 {
				t.Errorf("%s: %v", p.Name(), e)
			}
		}
	}
}
