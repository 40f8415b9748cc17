package gemini

import (
	"strings"
	"testing"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

// TestTheBodyHasWhatTheTableKeeps asks for each feature that the table keeps here.
func TestTheBodyHasWhatTheTableKeeps(t *testing.T) {
	kept := map[genai.Feature]struct {
		ask  func(*genai.Request)
		want string
	}{
		genai.TopK:             {func(r *genai.Request) { r.TopK = "7" }, `"topK":7`},
		genai.Seed:             {func(r *genai.Request) { r.Seed = "7" }, `"seed":7`},
		genai.Penalties:        {func(r *genai.Request) { r.Presence = "0.5" }, `"presencePenalty":0.5`},
		genai.StopSequences:    {func(r *genai.Request) { r.Stop = []string{"x"} }, `"stopSequences":["x"]`},
		genai.ManyChoices:      {func(r *genai.Request) { r.Choices = 2 }, `"candidateCount":2`},
		genai.LogProbabilities: {func(r *genai.Request) { r.LogProbs = true }, `"responseLogprobs":true`},
		genai.NoTools: {func(r *genai.Request) {
			r.Tools, r.Choice.Mode = []genai.Tool{{Name: "f"}}, genai.ToolNone
		}, `"mode":"NONE"`},
		genai.JSONObject: {func(r *genai.Request) { r.Output = &genai.Output{} }, `"responseMimeType":"application/json"`},
		genai.JSONSchema: {func(r *genai.Request) { r.Output = &genai.Output{Schema: []byte(weather)} }, `"responseSchema":{`},
		genai.Effort:     {func(r *genai.Request) { r.Reasoning = &genai.Reasoning{Effort: "low"} }, `"thinkingBudget":1024`},
		genai.Tier:       {func(r *genai.Request) { r.ServiceTier = "flex" }, `"serviceTier":"flex"`},
		genai.ImageURL:   {part(media(genai.Image, genai.Media{URL: "https://a/b.png"})), `"fileUri":"https://a/b.png"`},
		genai.FileData:   {part(media(genai.File, genai.Media{Data: "YQ=="})), `"data":"YQ=="`},
		genai.FileURL:    {part(media(genai.File, genai.Media{URL: "https://a/b.pdf"})), `"fileUri":"https://a/b.pdf"`},
		genai.AudioInput: {part(media(genai.Audio, genai.Media{MIME: "wav", Data: "YQ=="})), `"mimeType":"audio/wav"`},
		genai.StrictTools: {func(r *genai.Request) {
			yes := true
			r.Tools = []genai.Tool{{Name: "f", Strict: &yes}}
		}, `"mode":"VALIDATED"`},
		genai.WebSearch: {func(r *genai.Request) { r.Tools = []genai.Tool{{Server: "web_search"}} }, `"googleSearch":{}`},
	}
	for f := genai.Feature(0); f < genai.FeatureCount; f++ {
		c, there := kept[f]
		if there != (f.Of(genai.Gemini) == genai.Kept) {
			t.Errorf("%v: the table and this test do not agree", f)
		}
		if !there {
			continue
		}
		r := genai.Request{Messages: []genai.Message{say(genai.User, text("hi"))}, From: genai.Chat}
		c.ask(&r)
		warnings, e := genai.Fit(&r, genai.Gemini, New(API).Knows)
		if e != nil || len(warnings) > 0 {
			t.Errorf("%v: %v %v", f, warnings, e)
			continue
		}
		body, _, e := New(API).Encode(&r, wire.Options{Model: "gemini-2.5-flash"})
		if e != nil || !strings.Contains(string(body), c.want) {
			t.Errorf("%v: %v, no %s in %s", f, e, c.want, body)
		}
	}
}

func part(p genai.Part) func(*genai.Request) {
	return func(r *genai.Request) { r.Messages[0].Parts = append(r.Messages[0].Parts, p) }
}
