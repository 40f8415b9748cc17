package converse

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
		genai.TopK:            {func(r *genai.Request) { r.TopK = "7" }, `"top_k":7`},
		genai.StopSequences:   {func(r *genai.Request) { r.Stop = []string{"x"} }, `"stopSequences":["x"]`},
		genai.JSONSchema:      {func(r *genai.Request) { r.Output = &genai.Output{Schema: []byte(weather)} }, `"type":"json_schema"`},
		genai.Effort:          {func(r *genai.Request) { r.Reasoning = &genai.Reasoning{Effort: "low"} }, `"budget_tokens":1024`},
		genai.Tier:            {func(r *genai.Request) { r.ServiceTier = "flex" }, `"serviceTier":{"type":"flex"}`},
		genai.FileData:        {part(media(genai.File, genai.Media{Data: "YQ=="})), `"bytes":"YQ=="`},
		genai.CacheBreakpoint: {part(cached(text("long"), "1h")), `{"cachePoint":{"type":"default","ttl":"1h"}}`},
		genai.StrictTools: {func(r *genai.Request) {
			yes := true
			r.Tools = []genai.Tool{{Name: "f", Strict: &yes}}
		}, `"strict":true`},
		genai.CitationsAsked: {part(media(genai.File, genai.Media{Data: "YQ==", Cited: true})), `"citations":{"enabled":true}`},
	}
	for f := genai.Feature(0); f < genai.FeatureCount; f++ {
		c, there := kept[f]
		if there != (f.Of(genai.Bedrock) == genai.Kept) {
			t.Errorf("%v: the table and this test do not agree", f)
		}
		if !there {
			continue
		}
		r := genai.Request{Messages: []genai.Message{say(genai.User, text("hi"))}, From: genai.Anthropic}
		c.ask(&r)
		warnings, e := genai.Fit(&r, genai.Bedrock, Protocol{}.Knows)
		if e != nil || len(warnings) > 0 {
			t.Errorf("%v: %v %v", f, warnings, e)
			continue
		}
		body, _, e := Protocol{}.Encode(&r, wire.Options{Model: sonnet})
		if e != nil || !strings.Contains(string(body), c.want) {
			t.Errorf("%v: %v, no %s in %s", f, e, c.want, body)
		}
	}
}

func part(p genai.Part) func(*genai.Request) {
	return func(r *genai.Request) { r.Messages[0].Parts = append(r.Messages[0].Parts, p) }
}
