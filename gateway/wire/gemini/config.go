package gemini

import (
	"strings"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
)

// config writes generationConfig, where there is anything to say.
func (w *writer) config(r *genai.Request, model family) {
	before := len(w.b)
	w.open(`"generationConfig":{`)
	empty := len(w.b)
	w.number("temperature", r.Temperature)
	w.number("topP", r.TopP)
	w.number("topK", r.TopK)
	w.number("seed", r.Seed)
	w.number("presencePenalty", r.Presence)
	w.number("frequencyPenalty", r.Frequency)
	if r.MaxTokens > 0 {
		w.integer("maxOutputTokens", r.MaxTokens)
	}
	if r.Choices > 1 {
		w.integer("candidateCount", r.Choices)
	}
	if len(r.Stop) > 0 {
		w.open(`"stopSequences":[`)
		for _, stop := range r.Stop {
			w.separate()
			w.b = jsonscan.AppendString(w.b, stop)
		}
		w.close("]")
	}
	if r.LogProbs || r.TopLogProbs != "" {
		w.raw("responseLogprobs", []byte("true"))
		w.number("logprobs", r.TopLogProbs)
	}
	w.output(r.Output)
	w.thinking(r.Reasoning, model)
	for _, field := range r.Extra {
		if field.Name == "modalities" {
			w.modalities(field.Raw)
		}
	}
	if len(w.b) == empty {
		w.b = w.b[:before]
		return
	}
	w.close("}")
}

func (w *writer) output(o *genai.Output) {
	if o == nil {
		return
	}
	w.text("responseMimeType", "application/json")
	switch {
	case o.Schema == nil:
	case plainSchema(o.Schema) && !noProperties(o.Schema):
		w.raw("responseSchema", o.Schema)
	default:
		w.raw("responseJsonSchema", o.Schema)
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
	w.open(`"thinkingConfig":{`)
	switch {
	case model.levels() && off:
		w.text("thinkingLevel", model.level("none"))
	case model.levels() && level != "":
		w.text("thinkingLevel", model.level(level))
	case !model.levels() && (off || tokens > 0):
		w.integer("thinkingBudget", model.budget(tokens))
	}
	if !off {
		w.raw("includeThoughts", []byte("true"))
	}
	w.close("}")
}

// modalities writes OpenAI's ["text", "image"] in Google's letters.
func (w *writer) modalities(raw []byte) {
	if len(raw) == 0 || raw[0] != '[' {
		return
	}
	w.open(`"responseModalities":[`)
	for e := jsonscan.Array(raw, 0); e.Next(); {
		if e.Kind() == '"' {
			w.separate()
			w.b = jsonscan.AppendString(w.b, strings.ToUpper(jsonscan.String(raw, e.Value)))
		}
	}
	w.close("]")
}
