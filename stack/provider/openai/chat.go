package openai

import (
	"encoding/json"
	"net/http"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
)

// chatRequest is what is read of a chat completion's body; other fields are accepted and have no effect,
// since many vendors with fields of their own speak this protocol.
type chatRequest struct {
	Model         string          `json:"model"`
	Messages      json.RawMessage `json:"messages"`
	Stream        bool            `json:"stream"`
	StreamOptions *struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	N                   *int            `json:"n"`
	MaxTokens           *int64          `json:"max_tokens"`
	MaxCompletionTokens *int64          `json:"max_completion_tokens"`
	Tools               []chatTool      `json:"tools"`
	ToolChoice          json.RawMessage `json:"tool_choice"`
	ResponseFormat      *struct {
		Type       string `json:"type"`
		JSONSchema struct {
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`
	// Requesty is the router's own field. A provider must never see it and refuses it, as OpenAI
	// refuses an argument that it does not know.
	Requesty json.RawMessage `json:"requesty"`
}

type chatTool struct {
	Type     string `json:"type"`
	Function struct {
		Name       string          `json:"name"`
		Parameters json.RawMessage `json:"parameters"`
	} `json:"function"`
}

func readChat(r *http.Request, body []byte) (answer.Wish, exchange.Writer, error) {
	q := new(chatRequest)
	if err := exchange.Decode(body, q); err != nil {
		return answer.Wish{}, nil, err
	}
	if name := deployment(r); name != "" {
		q.Model = name
	}
	wish := answer.Wish{Model: q.Model, Stream: q.Stream, Prompt: q.Messages, Silent: !q.wantsUsage(), Choices: 1}
	if err := q.check(); err != nil {
		return wish, nil, err
	}
	lastUser, err := checkChat(q.Messages)
	if err != nil {
		return wish, nil, err
	}
	wish.UserText = lastUser
	if q.N != nil {
		wish.Choices = *q.N
	}
	for _, limit := range []*int64{q.MaxTokens, q.MaxCompletionTokens} {
		if limit != nil && *limit > 0 && (wish.MaxTokens == 0 || *limit < wish.MaxTokens) {
			wish.MaxTokens = *limit
		}
	}
	for _, t := range q.Tools {
		wish.Tools = append(wish.Tools, answer.Tool{Name: t.Function.Name, Schema: t.Function.Parameters})
	}
	wish.Choice = q.choice()
	if q.ResponseFormat != nil {
		switch q.ResponseFormat.Type {
		case "json_schema":
			wish.Schema = q.ResponseFormat.JSONSchema.Schema
			if len(wish.Schema) == 0 {
				wish.Schema = json.RawMessage("{}")
			}
		case "json_object":
			wish.Object = true
		}
	}
	nullUsage := q.wantsUsage()
	return wish, func(a *answer.Answer) exchange.Wire { return newChatWire(a, nullUsage) }, nil
}

func (q *chatRequest) check() error {
	switch {
	case q.Requesty != nil:
		return answer.Invalid("requesty", "Unrecognized request argument supplied: requesty")
	case q.Model == "":
		return answer.Invalid("model", "you must provide a model parameter")
	case len(q.Messages) == 0 || q.Messages[0] != '[':
		return answer.Invalid("messages", "Invalid type for 'messages': expected an array of objects.")
	case q.N != nil && (*q.N < 1 || *q.N > 128):
		return answer.Invalid("n", "Invalid 'n': expected a value between 1 and 128.")
	case q.StreamOptions != nil && !q.Stream:
		return answer.Invalid("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
	}
	return nil
}

func (q *chatRequest) wantsUsage() bool {
	return !q.Stream || q.StreamOptions != nil && q.StreamOptions.IncludeUsage
}

func (q *chatRequest) choice() answer.Choice {
	var mode string
	if json.Unmarshal(q.ToolChoice, &mode) == nil {
		return answer.Choice{Mode: mode}
	}
	var named chatTool
	if json.Unmarshal(q.ToolChoice, &named) == nil {
		return answer.Choice{Mode: "named", Name: named.Function.Name}
	}
	return answer.Choice{}
}

// checkChat refuses results of tools that nobody called and calls without results, and returns the content
// of the last user message as it stands in the body, quoted.
func checkChat(raw json.RawMessage) (lastUser string, err error) {
	var messages []struct {
		Role      string          `json:"role"`
		Content   json.RawMessage `json:"content"`
		CallID    string          `json:"tool_call_id"`
		ToolCalls []struct {
			ID string `json:"id"`
		} `json:"tool_calls"`
	}
	if json.Unmarshal(raw, &messages) != nil {
		return "", nil // what is no list of messages is up to the vendor
	}
	open := map[string]bool{} // calls of the last assistant message that have no result yet
	unanswered := answer.Invalid("messages", "An assistant message with 'tool_calls' must be followed by tool messages "+
		"responding to each 'tool_call_id'.")
	for i, m := range messages {
		if m.Role == "tool" {
			if !open[m.CallID] {
				return "", answer.Invalid("messages", "Invalid parameter: messages.[%d] with role 'tool' must be a response to "+
					"a preceding message with 'tool_calls'.", i)
			}
			delete(open, m.CallID)
			continue
		}
		if len(open) > 0 {
			return "", unanswered
		}
		for _, call := range m.ToolCalls {
			open[call.ID] = true
		}
		if m.Role == "user" {
			lastUser = string(m.Content)
		}
	}
	if len(open) > 0 {
		return "", unanswered
	}
	return lastUser, nil
}
