package converse

import (
	"encoding/json"
	"maps"
	"slices"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
)

// request is what is read of a body.
type request struct {
	Messages  json.RawMessage `json:"messages"`
	System    json.RawMessage `json:"system"`
	Inference struct {
		MaxTokens   *int64   `json:"maxTokens"`
		Temperature *float64 `json:"temperature"`
	} `json:"inferenceConfig"`
	ToolConfig *struct {
		Tools []struct {
			Spec *struct {
				Name   string `json:"name"`
				Schema struct {
					JSON json.RawMessage `json:"json"`
				} `json:"inputSchema"`
			} `json:"toolSpec"`
			CachePoint json.RawMessage `json:"cachePoint"`
			System     json.RawMessage `json:"systemTool"`
		} `json:"tools"`
		Choice map[string]struct {
			Name string `json:"name"`
		} `json:"toolChoice"`
	} `json:"toolConfig"`
	Additional map[string]json.RawMessage `json:"additionalModelRequestFields"`
	Output     struct {
		TextFormat struct {
			Type      string `json:"type"`
			Structure struct {
				JSONSchema struct {
					Schema string `json:"schema"` // a schema as a text
				} `json:"jsonSchema"`
			} `json:"structure"`
		} `json:"textFormat"`
	} `json:"outputConfig"`
}

// requestFields are those of a request; any other is refused.
func requestFields() []string {
	return []string{"additionalModelRequestFields", "additionalModelResponseFieldPaths", "guardrailConfig", "inferenceConfig", "messages",
		"outputConfig", "performanceConfig", "promptVariables", "requestMetadata", "serviceTier", "system", "toolConfig"}
}

// additionalFields are those that the models behind Bedrock take.
func additionalFields() []string {
	return []string{"anthropic_beta", "inferenceConfig", "output_config", "reasoningConfig", "reasoning_config", "reasoning_effort", "thinking", "tool_choice", "tools", "top_k"}
}

// fill reads body into the wish.
func fill(wish *answer.Wish, body []byte) error {
	q := new(request)
	var raw map[string]json.RawMessage
	if err := exchange.Decode(body, &raw); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if !slices.Contains(requestFields(), name) {
			return answer.Invalid(name, "The request has a field that the operation does not know: %s", name)
		}
	}
	if err := exchange.Decode(body, q); err != nil {
		return err
	}
	wish.Prompt = slices.Concat(q.System, q.Messages)
	var tools bool
	var err error
	if wish.UserText, tools, err = checkMessages(q.Messages); err != nil {
		return err
	}
	if tools && q.ToolConfig == nil {
		return answer.Invalid("toolConfig", "The toolConfig field must be defined when using toolUse and toolResult content blocks.")
	}
	if q.Inference.MaxTokens != nil {
		if *q.Inference.MaxTokens < 1 {
			return answer.Invalid("inferenceConfig", "Value '%d' at 'inferenceConfig.maxTokens' failed to satisfy constraint: Member must have value greater than or equal to 1", *q.Inference.MaxTokens)
		}
		wish.MaxTokens = *q.Inference.MaxTokens
	}
	if t := q.Inference.Temperature; t != nil && (*t < 0 || *t > 1) {
		return answer.Invalid("inferenceConfig", "Value '%v' at 'inferenceConfig.temperature' failed to satisfy constraint: Member must have value less than or equal to 1", *t)
	}
	if err := q.checkAdditional(); err != nil {
		return err
	}
	if q.Output.TextFormat.Type == "json_schema" {
		wish.Schema = json.RawMessage(q.Output.TextFormat.Structure.JSONSchema.Schema)
		if !json.Valid(wish.Schema) {
			return answer.Invalid("outputConfig", "outputConfig.textFormat.structure.jsonSchema.schema must be a JSON schema as a string")
		}
	}
	return q.fillTools(wish)
}

func (q *request) fillTools(wish *answer.Wish) error {
	if q.ToolConfig == nil {
		return nil
	}
	for i, t := range q.ToolConfig.Tools {
		switch {
		case t.Spec == nil && len(t.CachePoint) == 0 && len(t.System) == 0:
			return answer.Invalid("toolConfig", "Value at 'toolConfig.tools.%d' failed to satisfy constraint: exactly one of toolSpec, systemTool, cachePoint must be set", i)
		case t.Spec == nil:
		case t.Spec.Name == "" || len(t.Spec.Schema.JSON) == 0 || t.Spec.Schema.JSON[0] != '{':
			return answer.Invalid("toolConfig", "Value at 'toolConfig.tools.%d.member.toolSpec' failed to satisfy constraint: name and inputSchema.json must not be null", i)
		case !answer.IsName(t.Spec.Name, 64):
			return answer.Invalid("toolConfig", "Value '%s' at 'toolConfig.tools.%d.member.toolSpec.name' failed to satisfy constraint: "+
				"Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+", t.Spec.Name, i+1)
		default:
			wish.Tools = append(wish.Tools, answer.Tool{Name: t.Spec.Name, Schema: t.Spec.Schema.JSON})
		}
	}
	if len(wish.Tools) == 0 {
		return answer.Invalid("toolConfig", "Value '[]' at 'toolConfig.tools' failed to satisfy constraint: Member must have length greater than or equal to 1")
	}
	if len(q.ToolConfig.Choice) > 1 {
		return answer.Invalid("toolConfig", "toolConfig.toolChoice must have exactly one member")
	}
	for mode, choice := range q.ToolConfig.Choice {
		switch mode {
		case "auto":
		case "any":
			wish.Choice.Mode = "required"
		case "tool":
			wish.Choice = answer.Choice{Mode: "named", Name: choice.Name}
		default:
			return answer.Invalid("toolConfig", "toolConfig.toolChoice has a member that is not known: %s", mode)
		}
	}
	return nil
}

// checkAdditional is what the model says of fields that Bedrock hands on to it.
func (q *request) checkAdditional() error {
	for _, name := range slices.Sorted(maps.Keys(q.Additional)) {
		if !slices.Contains(additionalFields(), name) {
			return answer.Invalid(name, "The model returned the following errors: %s: Extra inputs are not permitted", name)
		}
	}
	var thinking struct {
		Type   string `json:"type"`
		Budget int64  `json:"budget_tokens"`
	}
	raw := q.Additional["thinking"]
	if len(raw) == 0 {
		return nil
	}
	if json.Unmarshal(raw, &thinking) != nil {
		return answer.Invalid("thinking", "The model returned the following errors: thinking: Input should be an object")
	}
	switch limit := q.Inference.MaxTokens; {
	case thinking.Type != "enabled":
	case thinking.Budget < 1024:
		return answer.Invalid("thinking", "The model returned the following errors: thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
	case limit != nil && thinking.Budget >= *limit:
		return answer.Invalid("thinking", "The model returned the following errors: `max_tokens` must be greater than `thinking.budget_tokens`.")
	}
	return nil
}
