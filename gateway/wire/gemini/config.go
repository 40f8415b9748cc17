package gemini

import (
	"strings"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
)

// config writes generationConfig, where there is anything to say.
func (w *writer) config(r *genai.Request, model family) {
	before := len(w.JSON)
	w.Open("generationConfig", '{')
	w.Number("temperature", r.Temperature)
	w.Number("topP", r.TopP)
	w.Number("topK", r.TopK)
	w.Number("seed", r.Seed)
	w.Number("presencePenalty", r.Presence)
	w.Number("frequencyPenalty", r.Frequency)
	if r.MaxTokens > 0 {
		w.Int("maxOutputTokens", r.MaxTokens)
	}
	if r.Choices > 1 {
		w.Int("candidateCount", r.Choices)
	}
	if len(r.Stop) > 0 {
		w.Open("stopSequences", '[')
		for _, stop := range r.Stop {
			w.Text("", stop)
		}
		w.Close(']')
	}
	if r.LogProbs || r.TopLogProbs != "" {
		w.Bool("responseLogprobs", true)
		w.Number("logprobs", r.TopLogProbs)
	}
	w.output(r.Output)
	w.thinking(r.Reasoning, model)
	for _, field := range r.Extra {
		if field.Name == "modalities" {
			w.modalities(field.Raw)
		}
	}
	w.Shut(before, '}')
}

func (w *writer) output(o *genai.Output) {
	if o == nil {
		return
	}
	w.Text("responseMimeType", "application/json")
	if o.Description != "" {
		w.notes.Add(genai.SchemaWords)
	}
	switch {
	case o.Schema == nil:
	case plainSchema(o.Schema) && !noProperties(o.Schema):
		w.Raw("responseSchema", o.Schema)
	default:
		w.Raw("responseJsonSchema", o.Schema)
	}
}

// thinking writes thinkingConfig. Thoughts are asked for wherever the model is to
// think: they are billed either way.
func (w *writer) thinking(r *genai.Reasoning, model family) {
	if r == nil {
		return
	}
	off := r.Disabled()
	if off && !model.levels() && model.major*10+model.minor < 25 {
		return // it does not think, and does not know the field
	}
	level, tokens := r.Level(), r.Tokens()
	if off && (model.levels() || model.pro) {
		w.notes.Add(genai.ThinkingStays)
	}
	w.Open("thinkingConfig", '{')
	switch {
	case model.levels() && (off || level != ""):
		own := model.level(level)
		if w.Text("thinkingLevel", own); !off && r.Effort != "" && own != r.Effort {
			w.notes.Add(genai.EffortNearest)
		}
	case !model.levels() && (off || tokens > 0):
		own := model.budget(tokens)
		if w.Int("thinkingBudget", own); !off && own != tokens {
			w.notes.Add(genai.EffortNearest)
		}
	}
	if !off {
		w.Bool("includeThoughts", true)
	}
	w.Close('}')
}

// modalities writes OpenAI's ["text", "image"] in Google's letters.
func (w *writer) modalities(raw []byte) {
	if len(raw) == 0 || raw[0] != '[' {
		return
	}
	w.Open("responseModalities", '[')
	for e := jsonscan.Array(raw, 0); e.Next(); {
		if e.Kind() == '"' {
			w.Text("", strings.ToUpper(jsonscan.String(raw, e.Value)))
		}
	}
	w.Close(']')
}
