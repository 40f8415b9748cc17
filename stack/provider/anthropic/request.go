package anthropic

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
)

// fields are those that Anthropic takes; any other is refused.
func fields() []string {
	return []string{"cache_control", "container", "context_management", "diagnostics", "inference_geo", "max_tokens", "mcp_servers", "messages",
		"metadata", "model", "output_config", "output_format", "service_tier", "speed", "stop_sequences", "stream", "system",
		"temperature", "thinking", "tool_choice", "tools", "top_k", "top_p"}
}

// request is what is read of a message's body.
type request struct {
	Model       string          `json:"model"`
	MaxTokens   *int64          `json:"max_tokens"`
	Messages    []message       `json:"messages"`
	System      json.RawMessage `json:"system"`
	Stream      bool            `json:"stream"`
	Temperature *float64        `json:"temperature"`
	Metadata    map[string]any  `json:"metadata"`
	Thinking    *struct {
		Type   string `json:"type"`
		Budget *int64 `json:"budget_tokens"`
	} `json:"thinking"`
	Tools []struct {
		Type   string          `json:"type"`
		Name   string          `json:"name"`
		Schema json.RawMessage `json:"input_schema"`
	} `json:"tools"`
	ToolChoice *struct {
		Type string `json:"type"`
		Name string `json:"name"`
	} `json:"tool_choice"`
	OutputFormat *format `json:"output_format"`
	OutputConfig struct {
		Format *format `json:"format"`
	} `json:"output_config"`
	Stops []string `json:"stop_sequences"`
}

type format struct {
	Type   string          `json:"type"`
	Schema json.RawMessage `json:"schema"`
}

func readMessages(r *http.Request, body []byte) (answer.Wish, exchange.Writer, error) {
	q, wish, err := read(r, body)
	if err != nil {
		return wish, nil, err
	}
	if err := q.checkLimits(); err != nil {
		return wish, nil, err
	}
	wish.MaxTokens = *q.MaxTokens
	return wish, func(a *answer.Answer) exchange.Wire { return &wire{a: a, stops: q.Stops} }, nil
}

// readCount is for the count of the tokens alone, which is free and has no limit to its answer.
func readCount(r *http.Request, body []byte) (answer.Wish, exchange.Writer, error) {
	q, wish, err := read(r, body)
	if err != nil {
		return wish, nil, err
	}
	for name, there := range map[string]bool{"max_tokens": q.MaxTokens != nil, "stream": q.Stream, "temperature": q.Temperature != nil,
		"metadata": q.Metadata != nil, "stop_sequences": q.Stops != nil} {
		if there {
			return wish, nil, answer.Invalid(name, "%s: Extra inputs are not permitted", name)
		}
	}
	wish.Free, wish.Stream = true, false
	return wish, func(a *answer.Answer) exchange.Wire { return &countWire{a: a} }, nil
}

// read does what both have in common.
func read(r *http.Request, body []byte) (*request, answer.Wish, error) {
	if err := checkHeaders(r); err != nil {
		return nil, answer.Wish{}, err
	}
	q := new(request)
	if err := exchange.Decode(body, q); err != nil {
		return nil, answer.Wish{}, err
	}
	var raw map[string]json.RawMessage
	if err := exchange.Decode(body, &raw); err != nil {
		return nil, answer.Wish{}, err
	}
	wish := answer.Wish{Model: q.Model, Stream: q.Stream, Prompt: slices.Concat(raw["system"], raw["messages"])}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if !slices.Contains(fields(), name) {
			return nil, wish, answer.Invalid(name, "%s: Extra inputs are not permitted", name)
		}
	}
	if err := q.checkFields(body); err != nil {
		return nil, wish, err
	}
	thinking := q.Thinking != nil && q.Thinking.Type != "disabled"
	lastUser, err := checkMessages(q.Messages, thinking)
	if err != nil {
		return nil, wish, err
	}
	wish.UserText = lastUser
	for _, t := range q.Tools {
		if t.Type == "" || t.Type == "custom" {
			wish.Tools = append(wish.Tools, answer.Tool{Name: t.Name, Schema: t.Schema})
		}
	}
	if c := q.ToolChoice; c != nil {
		wish.Choice = answer.Choice{Mode: map[string]string{"any": "required", "tool": "named", "none": "none"}[c.Type], Name: c.Name}
	}
	for _, f := range []*format{q.OutputFormat, q.OutputConfig.Format} {
		if f != nil {
			wish.Schema = f.Schema
		}
	}
	return q, wish, nil
}

func (q *request) checkFields(body []byte) error {
	switch {
	case q.Model == "":
		return answer.Invalid("model", "model: Field required")
	case len(q.Messages) == 0:
		return answer.Invalid("messages", "messages: at least one message is required")
	case q.Temperature != nil && (*q.Temperature < 0 || *q.Temperature > 1):
		return answer.Invalid("temperature", "temperature: range: 0..1")
	}
	if n := breakpoints(body); n > 4 {
		return answer.Invalid("cache_control", "A maximum of 4 blocks with cache_control may be provided. Found %d.", n)
	}
	for _, stop := range q.Stops {
		if strings.TrimSpace(stop) == "" {
			return answer.Invalid("stop_sequences", "stop_sequences: each stop sequence must contain non-whitespace")
		}
	}
	for name := range q.Metadata {
		if name != "user_id" {
			return answer.Invalid("metadata", "metadata.%s: Extra inputs are not permitted", name)
		}
	}
	for i, t := range q.Tools {
		var schema struct{ Type string }
		switch {
		case t.Name == "":
			return answer.Invalid("tools", "tools.%d.custom.name: Field required", i)
		case t.Type != "" && t.Type != "custom":
		case !answer.IsName(t.Name, 128):
			return answer.Invalid("tools", "tools.%d.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'", i)
		case len(t.Schema) == 0:
			return answer.Invalid("tools", "tools.%d.custom.input_schema: Field required", i)
		case json.Unmarshal(t.Schema, &schema) != nil || schema.Type != "object":
			return answer.Invalid("tools", "tools.%d.custom.input_schema.type: Input should be 'object'", i)
		}
	}
	for _, f := range []*format{q.OutputFormat, q.OutputConfig.Format} {
		if f != nil && (f.Type != "json_schema" || len(f.Schema) == 0) {
			return answer.Invalid("output_config", "output_config.format: Input should be a json_schema with a schema")
		}
		if f == nil {
			continue
		}
		if err := answer.CheckClosed(f.Schema, unsupported()); err != nil {
			return answer.Invalid("output_config", "output_config.format.schema: %v", err)
		}
	}
	return q.checkChoice()
}

// unsupported are the words of JSON Schema that Anthropic does not take in the schema of an answer.
func unsupported() []string {
	return []string{"exclusiveMaximum", "exclusiveMinimum", "maxItems", "maxLength", "maximum", "minLength", "minimum", "multipleOf"}
}

// breakpoints counts the places where a cache is asked for.
func breakpoints(raw []byte) int {
	var object map[string]json.RawMessage
	var list []json.RawMessage
	n := 0
	if json.Unmarshal(raw, &object) == nil {
		for name, below := range object {
			switch {
			case name == "input" || name == "input_schema": // the client's own words
			case name == "cache_control" && string(below) != "null":
				n++
			default:
				n += breakpoints(below)
			}
		}
	} else if json.Unmarshal(raw, &list) == nil {
		for _, below := range list {
			n += breakpoints(below)
		}
	}
	return n
}

func (q *request) checkChoice() error {
	c := q.ToolChoice
	if c == nil {
		return nil
	}
	switch {
	case !slices.Contains([]string{"auto", "any", "tool", "none"}, c.Type):
		return answer.Invalid("tool_choice", "tool_choice: Input tag '%s' found using 'type' does not match any of the expected tags: 'auto', 'any', 'tool', 'none'", c.Type)
	case len(q.Tools) == 0 && c.Type != "none":
		return answer.Invalid("tool_choice", "tool_choice: may only be specified while providing tools")
	case c.Type == "tool" && !slices.ContainsFunc(q.wishedNames(), func(name string) bool { return name == c.Name }):
		return answer.Invalid("tool_choice", "tool_choice: Tool '%s' not found in provided tools", c.Name)
	case (c.Type == "any" || c.Type == "tool") && q.Thinking != nil && q.Thinking.Type != "disabled":
		return answer.Invalid("tool_choice", "Thinking may not be enabled when tool_choice forces tool use.")
	}
	return nil
}

func (q *request) wishedNames() []string {
	names := make([]string, len(q.Tools))
	for i, t := range q.Tools {
		names[i] = t.Name
	}
	return names
}

// checkLimits checks what limits the answer.
func (q *request) checkLimits() error {
	switch {
	case q.MaxTokens == nil:
		return answer.Invalid("max_tokens", "max_tokens: Field required")
	case *q.MaxTokens < 0:
		return answer.Invalid("max_tokens", "max_tokens: must be greater than or equal to 0")
	case q.Thinking == nil:
		return nil
	}
	switch t := q.Thinking; {
	case slices.Contains([]string{"disabled", "adaptive", "between_tools"}, t.Type):
		if t.Budget != nil {
			return answer.Invalid("thinking", "thinking.%s.budget_tokens: Extra inputs are not permitted", t.Type)
		}
		return nil
	case t.Type != "enabled":
		return answer.Invalid("thinking", "thinking: Input tag '%s' found using 'type' does not match any of the expected tags: 'adaptive', 'between_tools', 'disabled', 'enabled'", t.Type)
	case t.Budget == nil:
		return answer.Invalid("thinking", "thinking.enabled.budget_tokens: Field required")
	case *t.Budget < 1024:
		return answer.Invalid("thinking", "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
	case *t.Budget >= *q.MaxTokens:
		return answer.Invalid("thinking", "`max_tokens` must be greater than `thinking.budget_tokens`. "+
			"Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size")
	case q.Temperature != nil && *q.Temperature != 1:
		return answer.Invalid("temperature", "`temperature` may only be set to 1 when thinking is enabled.")
	}
	return nil
}

// at names a block as Anthropic's errors do.
func at(i, j int) string { return fmt.Sprintf("messages.%d.content.%d", i, j) }
