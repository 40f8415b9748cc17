package openai

import (
	"encoding/json"
	"net/http"
	"slices"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
)

// sealed is what encrypted reasoning begins with, before its signature.
const sealed = "enc_"

// responsesFields are the fields that OpenAI takes; any other is refused.
func responsesFields() []string {
	return []string{"access_programs", "background", "background_options", "context_management", "conversation", "image", "include", "input", "instructions", "max_output_tokens",
		"max_tool_calls", "metadata", "model", "moderation", "parallel_tool_calls", "previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_options",
		"prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store", "stream", "stream_options",
		"temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user"}
}

// responsesRequest is what is read of a response's body.
type responsesRequest struct {
	Model     string          `json:"model"`
	Input     json.RawMessage `json:"input"`
	Stream    bool            `json:"stream"`
	Include   []string        `json:"include"`
	Previous  string          `json:"previous_response_id"`
	MaxTokens *int64          `json:"max_output_tokens"`
	Reasoning *struct {
		Summary string `json:"summary"`
	} `json:"reasoning"`
	Text struct {
		Format struct {
			Type   string          `json:"type"`
			Name   string          `json:"name"`
			Schema json.RawMessage `json:"schema"`
			Strict bool            `json:"strict"`
		} `json:"format"`
	} `json:"text"`
	Tools []struct {
		Type       string          `json:"type"`
		Name       string          `json:"name"`
		Parameters json.RawMessage `json:"parameters"`
	} `json:"tools"`
	ToolChoice json.RawMessage `json:"tool_choice"`
}

// inputItem is one item of the input. A message may have no type.
type inputItem struct {
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	Role      string          `json:"role"`
	Content   json.RawMessage `json:"content"`
	CallID    string          `json:"call_id"`
	Encrypted string          `json:"encrypted_content"`
	Summary   []struct {
		Text string `json:"text"`
	} `json:"summary"`
}

func readResponses(_ *http.Request, body []byte) (answer.Wish, exchange.Writer, error) {
	q := new(responsesRequest)
	if err := exchange.Decode(body, q); err != nil {
		return answer.Wish{}, nil, err
	}
	wish := answer.Wish{Model: q.Model, Stream: q.Stream, Prompt: q.Input}
	if err := q.check(body); err != nil {
		return wish, nil, err
	}
	lastUser, err := q.checkInput()
	if err != nil {
		return wish, nil, err
	}
	wish.UserText = lastUser
	if q.MaxTokens != nil {
		wish.MaxTokens = *q.MaxTokens
	}
	for _, t := range q.Tools {
		if t.Type == "function" {
			wish.Tools = append(wish.Tools, answer.Tool{Name: t.Name, Schema: t.Parameters})
		}
	}
	var named struct{ Type, Name string }
	switch {
	case json.Unmarshal(q.ToolChoice, &wish.Choice.Mode) == nil:
	case json.Unmarshal(q.ToolChoice, &named) == nil && named.Type == "function":
		wish.Choice = answer.Choice{Mode: "named", Name: named.Name}
	}
	switch q.Text.Format.Type {
	case "json_schema":
		wish.Schema = q.Text.Format.Schema
	case "json_object":
		wish.Object = true
	}
	return wish, func(a *answer.Answer) exchange.Wire {
		return &responsesWire{a: a,
			summary:   q.Reasoning != nil && q.Reasoning.Summary != "" || a.Shown,
			encrypted: slices.Contains(q.Include, "reasoning.encrypted_content")}
	}, nil
}

func (q *responsesRequest) check(body []byte) error {
	var fields map[string]json.RawMessage
	if err := exchange.Decode(body, &fields); err != nil {
		return err
	}
	for name := range fields {
		if !slices.Contains(responsesFields(), name) {
			f := answer.Invalid(name, "Unknown parameter: '%s'.", name)
			f.Code = "unknown_parameter"
			return f
		}
	}
	switch {
	case q.Model == "":
		return answer.Invalid("model", "Missing required parameter: 'model'.")
	case q.Previous != "":
		f := answer.Invalid("previous_response_id", "Previous response with id '%s' not found.", q.Previous)
		f.Code = "previous_response_not_found"
		return f
	case len(q.Input) == 0:
		return answer.Invalid("input", "Missing required parameter: 'input'.")
	case q.MaxTokens != nil && *q.MaxTokens < 16:
		return answer.Invalid("max_output_tokens", "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got %d instead.", *q.MaxTokens)
	case q.Text.Format.Type == "json_schema" && (q.Text.Format.Name == "" || len(q.Text.Format.Schema) == 0):
		return answer.Invalid("text.format.name", "Missing required parameter: 'text.format.name' or 'text.format.schema'.")
	}
	if q.Text.Format.Strict {
		if err := answer.CheckClosed(q.Text.Format.Schema, nil); err != nil {
			return answer.Invalid("text.format.schema", "Invalid schema for response_format '%s': %v", q.Text.Format.Name, err)
		}
	}
	for i, t := range q.Tools {
		if t.Type == "" || t.Type == "function" && t.Name == "" {
			return answer.Invalid("tools", "Missing required parameter: 'tools[%d].name'.", i)
		}
	}
	return nil
}

// checkInput refuses what does not belong together and returns the text of the last user message.
func (q *responsesRequest) checkInput() (lastUser string, err error) {
	var text string
	if json.Unmarshal(q.Input, &text) == nil {
		return text, nil
	}
	var items []inputItem
	if json.Unmarshal(q.Input, &items) != nil {
		return "", answer.Invalid("input", "Invalid type for 'input': expected one of a list of input items or string.")
	}
	open := map[string]bool{}
	for i, item := range items {
		switch item.Type {
		case "", "message":
			if !slices.Contains([]string{"user", "assistant", "system", "developer"}, item.Role) {
				return "", answer.Invalid("input", "Invalid value: '%s'. Supported values are: 'assistant', 'system', 'developer', and 'user'. (input[%d].role)", item.Role, i)
			}
			if err := checkContent(i, item); err != nil {
				return "", err
			}
			if item.Role == "user" {
				lastUser = string(item.Content)
			}
		case "function_call":
			open[item.CallID] = true
		case "function_call_output":
			if !open[item.CallID] {
				return "", answer.Invalid("input", "No tool call found for function call output with call_id %s.", item.CallID)
			}
			delete(open, item.CallID)
		case "reasoning":
			if item.Encrypted != "" && (len(item.Summary) > 0 && item.Encrypted != sealed+answer.Signature(item.Summary[0].Text)) {
				f := answer.Invalid("input", "The encrypted content for item %s could not be verified.", item.ID)
				f.Code = "invalid_encrypted_content"
				return "", f
			}
		}
	}
	for id := range open {
		return "", answer.Invalid("input", "No tool output found for function call %s.", id)
	}
	return lastUser, nil
}

// checkContent refuses parts that are another protocol's, or another role's.
func checkContent(i int, item inputItem) error {
	var text string
	if json.Unmarshal(item.Content, &text) == nil {
		return nil
	}
	var parts []struct {
		Type  string          `json:"type"`
		Image json.RawMessage `json:"image_url"`
	}
	if json.Unmarshal(item.Content, &parts) != nil {
		return answer.Invalid("input", "Invalid type for 'input[%d].content': expected one of a list of parts or string.", i)
	}
	kinds := []string{"input_text", "input_image", "input_file", "input_audio"}
	if item.Role == "assistant" {
		kinds = []string{"output_text", "refusal"}
	}
	for j, part := range parts {
		switch {
		case !slices.Contains(kinds, part.Type):
			return answer.Invalid("input", "Invalid value: '%s'. Supported values are: %q. (input[%d].content[%d])", part.Type, kinds, i, j)
		case part.Type == "input_image" && len(part.Image) > 0 && json.Unmarshal(part.Image, &text) != nil:
			return answer.Invalid("input", "Invalid type for 'input[%d].content[%d].image_url': expected an image URL, but got an object instead.", i, j)
		}
	}
	return nil
}
