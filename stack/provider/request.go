package provider

import (
	"encoding/json"
	"errors"
	"hash/fnv"
	"io"
	"net/http"
	"strings"
)

// chatRequest is what the provider reads of a chat completion's body; other fields are accepted and
// have no effect.
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
	Tools               []tool          `json:"tools"`
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

type tool struct {
	Type     string `json:"type"`
	Function struct {
		Name       string          `json:"name"`
		Parameters json.RawMessage `json:"parameters"`
	} `json:"function"`
}

func readRequest(w http.ResponseWriter, r *http.Request) (*chatRequest, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, apiError{status: http.StatusRequestEntityTooLarge, kind: "invalid_request_error", message: "request body too large"}
	}
	if err != nil {
		return nil, invalid("", "the request body could not be read: %v", err)
	}
	req := new(chatRequest)
	if err := json.Unmarshal(body, req); err != nil {
		if kind := (*json.UnmarshalTypeError)(nil); errors.As(err, &kind) {
			return nil, invalid(kind.Field, "Invalid type for '%s': expected %s, but got %s instead.", kind.Field, kind.Type, kind.Value)
		}
		return nil, invalid("", "We could not parse the JSON body of your request: %v", err)
	}
	if err := req.check(); err != nil {
		return nil, err
	}
	return req, nil
}

func (q *chatRequest) check() error {
	switch {
	case q.Requesty != nil:
		return invalid("requesty", "Unrecognized request argument supplied: requesty")
	case q.Model == "":
		return invalid("model", "you must provide a model parameter")
	case len(q.Messages) == 0 || q.Messages[0] != '[':
		return invalid("messages", "Invalid type for 'messages': expected an array of objects.")
	case q.N != nil && (*q.N < 1 || *q.N > 128):
		return invalid("n", "Invalid 'n': expected a value between 1 and 128.")
	case q.StreamOptions != nil && !q.Stream:
		return invalid("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
	}
	return nil
}

func (q *chatRequest) choices() int {
	if q.N == nil {
		return 1
	}
	return *q.N
}

func (q *chatRequest) wantsUsage() bool {
	return !q.Stream || q.StreamOptions != nil && q.StreamOptions.IncludeUsage
}

// tokens settles the counts of the answer: what the options name, and for the rest figures that depend
// on the messages alone. limited says that max_tokens cut the answer short.
func (q *chatRequest) tokens(o options) (t Tokens, limited bool, err error) {
	t.Prompt = o.input
	if o.input == unset {
		t.Prompt = max((int64(len(q.Messages))+3)/4, o.cached+o.written)
	}
	t.Cached, t.Written = max(o.cached, 0), max(o.written, 0)
	t.Completion = o.output
	if o.output == unset {
		hash := fnv.New32a()
		hash.Write(q.Messages)
		t.Completion = max(16+int64(hash.Sum32()%49), o.reasoning)
		for _, limit := range []*int64{q.MaxTokens, q.MaxCompletionTokens} {
			if limit != nil && *limit > 0 && *limit < t.Completion {
				t.Completion, limited = *limit, true
			}
		}
	}
	t.Reasoning = max(o.reasoning, 0)
	switch {
	case t.Cached+t.Written > t.Prompt:
		return t, false, invalid("model", "the mock provider's cached and write options exceed its input tokens")
	case t.Reasoning > t.Completion:
		return t, false, invalid("model", "the mock provider's reasoning option exceeds its output tokens")
	}
	return t, limited, nil
}

// calledTool is the tool that the answer calls, nil for none. The rule: the function that tool_choice
// names; the first tool when tool_choice is "required"; the first tool when tool_choice is absent or
// "auto" and the last user message contains the word "tool".
func (q *chatRequest) calledTool() *tool {
	if len(q.Tools) == 0 {
		return nil
	}
	var mode string
	if json.Unmarshal(q.ToolChoice, &mode) == nil {
		switch mode {
		case "required":
			return &q.Tools[0]
		case "none":
			return nil
		}
	} else {
		var named tool
		if json.Unmarshal(q.ToolChoice, &named) == nil {
			for i := range q.Tools {
				if q.Tools[i].Function.Name == named.Function.Name {
					return &q.Tools[i]
				}
			}
		}
	}
	if strings.Contains(strings.ToLower(q.lastUserText()), "tool") {
		return &q.Tools[0]
	}
	return nil
}

// lastUserText is the content of the last user message as it stands in the body, quoted.
func (q *chatRequest) lastUserText() string {
	var messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	}
	if json.Unmarshal(q.Messages, &messages) != nil {
		return ""
	}
	for i := len(messages) - 1; i >= 0; i-- {
		if messages[i].Role == "user" {
			return string(messages[i].Content)
		}
	}
	return ""
}
