package converse

import (
	"weir/gateway/genai"
	"weir/gateway/wire"
)

// own writes what is not the same for all models: the form of the answer, thinking,
// top_k and the service tier.
func (w *writer) own(r *genai.Request, o wire.Options) {
	v := vendorOf(o.Model)
	effort := ""
	before := len(w.B)
	w.Open(`"additionalModelRequestFields":{`)
	empty := len(w.B)
	if r.Reasoning != nil {
		effort = w.reasoning(r, v, o.Model)
	}
	switch {
	case r.TopK == "":
	case v == nova:
		w.Raw("inferenceConfig", []byte(`{"topK":`+r.TopK+`}`))
	default:
		w.Number("top_k", r.TopK)
	}
	if len(w.B) == empty {
		w.B = w.B[:before]
	} else {
		w.Close("}")
	}
	if v == claude && len(r.Stop) > 0 {
		w.Raw("additionalModelResponseFieldPaths", []byte(`["/stop_sequence"]`))
	}
	w.output(r.Output, effort)
	w.tier(r.ServiceTier)
}

// leastBudget is the least that Claude may be told to think.
const leastBudget = 1024

// reasoning writes the vendor's own fields; it returns the effort where that is for
// outputConfig.
func (w *writer) reasoning(r *genai.Request, v vendor, model string) (effort string) {
	level := r.Reasoning.Level()
	switch v {
	case claude:
		return w.claudeThinking(r, model)
	case nova:
		switch level {
		case "", "none":
			return ""
		case "minimal":
			level = "low"
		case "xhigh":
			level = "high"
		}
		w.Open(`"reasoningConfig":{"type":"enabled"`)
		w.Text("maxReasoningEffort", level)
		w.Close("}")
	default:
		if level != "" && level != "none" && !r.Reasoning.Off {
			w.Text("reasoning_effort", level)
		}
	}
	return ""
}

// claudeThinking writes thinking. A budget must be below the limit of output tokens; one
// that does not fit is lowered, and where there is no room at all Claude does not think.
func (w *writer) claudeThinking(r *genai.Request, model string) (effort string) {
	tokens := r.Reasoning.Tokens()
	switch {
	case r.Reasoning.Disabled():
		if adaptive(model) {
			w.Raw("thinking", []byte(`{"type":"disabled"}`))
		}
	case adaptive(model):
		w.Raw("thinking", []byte(`{"type":"adaptive"}`))
		switch effort = r.Reasoning.Level(); effort {
		case "minimal":
			effort = "low"
		case "xhigh":
			if version(model) == 406 {
				effort = "max" // it has no xhigh
			}
		}
		return effort
	case tokens > 0:
		tokens = max(tokens, leastBudget)
		if r.MaxTokens > 0 && (r.Reasoning.Budget == 0 || tokens >= r.MaxTokens) {
			tokens = min(tokens, r.MaxTokens*3/4) // the rest is for the answer
		}
		if tokens >= leastBudget {
			w.Open(`"thinking":{"type":"enabled"`)
			w.Integer("budget_tokens", tokens)
			w.Close("}")
		}
	}
	return ""
}

func (w *writer) output(o *genai.Output, effort string) {
	if o == nil && effort == "" {
		return
	}
	w.Open(`"outputConfig":{`)
	if effort != "" {
		w.Text("effort", effort)
	}
	if o != nil {
		w.Open(`"textFormat":{"type":"json_schema","structure":{"jsonSchema":{`)
		w.Text("schema", string(o.Schema)) // the schema as text
		if o.Name != "" {
			w.Text("name", o.Name)
		}
		if o.Description != "" {
			w.Text("description", o.Description)
		}
		w.Close("}}}")
	}
	w.Close("}")
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
	w.Open(`"serviceTier":{`)
	w.Text("type", name)
	w.Close("}")
}
