package converse

import (
	"weir/gateway/genai"
	"weir/gateway/wire"
	"weir/gateway/wire/claude"
)

// own writes what is not the same for all models: sampling, the form of the answer,
// thinking, top_k and the service tier.
func (w *writer) own(r *genai.Request, o wire.Options) {
	v := vendorOf(o.Model)
	topK := r.TopK
	var think claude.Thinking
	if v == claudes {
		think = claude.Think(r, o.Model, r.MaxTokens, signed, w.notes)
		var temperature, topP string
		temperature, topP, topK = claude.Sampled(r, o.Model, think.On(), w.notes)
		w.inference(r, temperature, topP)
	} else {
		w.inference(r, w.notes.Temperature(), r.TopP)
	}
	before := len(w.JSON)
	w.Open("additionalModelRequestFields", '{')
	if v == claudes {
		w.thinking(&think, o.Model)
	} else if r.Reasoning != nil {
		w.effort(r.Reasoning, v)
	}
	switch {
	case topK == "":
	case v == nova:
		w.Raw("inferenceConfig", []byte(`{"topK":`+topK+`}`))
	default:
		w.Number("top_k", topK)
	}
	w.Shut(before, '}')
	if v == claudes && len(r.Stop) > 0 {
		w.Raw("additionalModelResponseFieldPaths", []byte(`["/stop_sequence"]`))
	}
	w.output(r.Output, think.Level)
	w.tier(r.ServiceTier)
}

// effort writes how much those are to think that are not Claude.
func (w *writer) effort(r *genai.Reasoning, v vendor) {
	level := r.Level()
	switch {
	case r.Disabled():
		if v != nova { // which does not think unless it is told to
			w.notes.Add(genai.ThinkingStays)
		}
		return
	case level == "":
		return
	case v != nova:
		w.Text("reasoning_effort", level)
		return
	case level == "minimal":
		level = "low"
	case level == "xhigh":
		level = "high"
	}
	if r.Effort != "" && level != r.Effort {
		w.notes.Add(genai.EffortNearest)
	}
	w.Open("reasoningConfig", '{')
	w.Text("type", "enabled")
	w.Text("maxReasoningEffort", level)
	w.Close('}')
}

// thinking writes Claude's; one that is older than the efforts thinks only when told to.
func (w *writer) thinking(t *claude.Thinking, model string) {
	switch {
	case t.Off && claude.Version(model) >= 406:
		w.Raw("thinking", []byte(`{"type":"disabled"}`))
	case t.Adaptive:
		w.Raw("thinking", []byte(`{"type":"adaptive"}`))
	case t.Budget > 0:
		w.Open("thinking", '{')
		w.Text("type", "enabled")
		w.Int("budget_tokens", t.Budget)
		w.Close('}')
	}
}

func (w *writer) output(o *genai.Output, effort string) {
	if o == nil && effort == "" {
		return
	}
	w.Open("outputConfig", '{')
	if effort != "" {
		w.Text("effort", effort)
	}
	if o != nil {
		w.Open("textFormat", '{')
		w.Text("type", "json_schema")
		w.Open("structure", '{')
		w.Open("jsonSchema", '{')
		w.Text("schema", string(o.Schema)) // the schema as text
		if o.Name != "" {
			w.Text("name", o.Name)
		}
		if o.Description != "" {
			w.Text("description", o.Description)
		}
		w.Close('}', '}', '}')
	}
	w.Close('}')
}

// tier writes serviceTier; standard_only is Anthropic's word for no other than the
// default.
func (w *writer) tier(name string) {
	switch name {
	case "", "auto":
		return
	case "standard_only":
		name = "default"
	}
	w.Open("serviceTier", '{')
	w.Text("type", name)
	w.Close('}')
}
