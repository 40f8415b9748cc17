package e2e_test

import (
	"encoding/json"
	"fmt"
	"strings"
)

// object is JSON.
type object = map[string]any

// dialect is a format that clients speak, as far as the matrix must speak it.
type dialect struct {
	name, path string
	// ask is a request for one of the matrix's columns.
	ask func(model, column string) object
	// read takes a plain answer, and event one event of a stream; both add to what was heard.
	read  func(h *heard, body object)
	event func(h *heard, event object)
}

// heard is what a client got out of an answer.
type heard struct {
	text, thinking, tool, arguments string
	stop, model                     string
	input, output                   float64
	ended                           bool
	failed                          string // the type of an error
}

// question is what is asked in a column.
func question(column string) string {
	if column == "tools" {
		return "Please use the tool."
	}
	return "What does the river carry?"
}

const (
	pixel  = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	schema = `{"type":"object","properties":{"answer":{"type":"string"}},"required":["answer"],"additionalProperties":false}`
	tool   = `{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}`
)

func raw(text string) json.RawMessage { return json.RawMessage(text) }

// at walks into JSON by names and indices; nil where there is nothing.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(object)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

func text(v any, path ...any) string {
	s, _ := at(v, path...).(string)
	return s
}

func number(v any, path ...any) float64 {
	n, _ := at(v, path...).(float64)
	return n
}

func list(v any, path ...any) []any {
	l, _ := at(v, path...).([]any)
	return l
}

// dialects are all formats for conversations.
func dialects() []dialect { return []dialect{chatDialect(), responsesDialect(), messagesDialect()} }

func chatDialect() dialect {
	return dialect{name: "chat.completions", path: "/v1/chat/completions",
		ask: func(model, column string) object {
			r := object{"model": model, "max_tokens": 4000, "messages": []object{{"role": "system", "content": "Be brief."}, {"role": "user", "content": question(column)}}}
			switch column {
			case "tools":
				r["tools"] = []object{{"type": "function", "function": object{"name": "get_weather", "parameters": raw(tool)}}}
			case "structured":
				r["response_format"] = object{"type": "json_schema", "json_schema": object{"name": "answer", "strict": true, "schema": raw(schema)}}
			case "image":
				r["messages"] = []object{{"role": "user", "content": []object{{"type": "text", "text": "What is this?"},
					{"type": "image_url", "image_url": object{"url": "data:image/png;base64," + pixel}}}}}
			case "reasoning":
				r["reasoning_effort"] = "low"
			}
			return r
		},
		read: func(h *heard, b object) {
			h.failed = text(b, "error", "type")
			m := at(b, "choices", 0, "message")
			h.text, h.thinking = text(m, "content"), text(m, "reasoning_content")
			h.tool, h.arguments = text(m, "tool_calls", 0, "function", "name"), text(m, "tool_calls", 0, "function", "arguments")
			h.stop, h.model = text(b, "choices", 0, "finish_reason"), text(b, "model")
			h.input, h.output = number(b, "usage", "prompt_tokens"), number(b, "usage", "completion_tokens")
			h.ended = true
		},
		event: func(h *heard, e object) {
			if e["error"] != nil {
				h.failed = text(e, "error", "type")
			}
			d := at(e, "choices", 0, "delta")
			h.text += text(d, "content")
			h.thinking += text(d, "reasoning_content")
			h.tool += text(d, "tool_calls", 0, "function", "name")
			h.arguments += text(d, "tool_calls", 0, "function", "arguments")
			h.stop += text(e, "choices", 0, "finish_reason")
			h.model = text(e, "model")
			if at(e, "usage", "prompt_tokens") != nil {
				h.input, h.output = number(e, "usage", "prompt_tokens"), number(e, "usage", "completion_tokens")
			}
		}}
}

func responsesDialect() dialect {
	output := func(h *heard, r any) {
		for _, item := range list(r, "output") {
			switch text(item, "type") {
			case "message":
				h.text += text(item, "content", 0, "text")
			case "reasoning":
				h.thinking += text(item, "summary", 0, "text") + text(item, "content", 0, "text")
			case "function_call":
				h.tool, h.arguments = text(item, "name"), text(item, "arguments")
			}
		}
		h.stop, h.model = text(r, "status"), text(r, "model")
		h.input, h.output = number(r, "usage", "input_tokens"), number(r, "usage", "output_tokens")
		h.ended = true
	}
	return dialect{name: "responses", path: "/v1/responses",
		ask: func(model, column string) object {
			r := object{"model": model, "max_output_tokens": 4000, "instructions": "Be brief.", "input": question(column)}
			switch column {
			case "tools":
				r["tools"] = []object{{"type": "function", "name": "get_weather", "parameters": raw(tool), "strict": true}}
			case "structured":
				r["text"] = object{"format": object{"type": "json_schema", "name": "answer", "strict": true, "schema": raw(schema)}}
			case "image":
				r["input"] = []object{{"role": "user", "content": []object{{"type": "input_text", "text": "What is this?"},
					{"type": "input_image", "image_url": "data:image/png;base64," + pixel}}}}
			case "reasoning":
				r["reasoning"] = object{"effort": "low", "summary": "auto"}
			}
			return r
		},
		read: func(h *heard, b object) {
			h.failed = text(b, "error", "type")
			output(h, b)
		},
		event: func(h *heard, e object) {
			switch kind := text(e, "type"); kind {
			case "response.output_text.delta":
				h.text += text(e, "delta")
			case "response.reasoning_summary_text.delta", "response.reasoning_text.delta":
				h.thinking += text(e, "delta")
			case "response.output_item.added":
				h.tool += text(e, "item", "name")
			case "response.function_call_arguments.delta":
				h.arguments += text(e, "delta")
			case "response.completed":
				streamed := *h
				*h = heard{}
				output(h, e["response"])
				if h.text != streamed.text || h.arguments != streamed.arguments || h.tool != streamed.tool {
					h.failed = fmt.Sprintf("the end of the stream says %+v, its deltas %+v", *h, streamed)
				}
			case "response.failed":
				h.failed = text(e, "response", "error", "code")
			case "error":
				h.failed = "error " + text(e, "code")
			}
		}}
}

func messagesDialect() dialect {
	return dialect{name: "messages", path: "/v1/messages",
		ask: func(model, column string) object {
			r := object{"model": model, "max_tokens": 4000, "system": "Be brief.", "messages": []object{{"role": "user", "content": question(column)}}}
			switch column {
			case "tools":
				r["tools"] = []object{{"name": "get_weather", "input_schema": raw(tool)}}
			case "structured":
				r["output_config"] = object{"format": object{"type": "json_schema", "schema": raw(schema)}}
			case "image":
				r["messages"] = []object{{"role": "user", "content": []object{{"type": "text", "text": "What is this?"},
					{"type": "image", "source": object{"type": "base64", "media_type": "image/png", "data": pixel}}}}}
			case "reasoning":
				r["thinking"] = object{"type": "enabled", "budget_tokens": 2000}
			}
			return r
		},
		read: func(h *heard, b object) {
			if b["type"] == "error" {
				h.failed = text(b, "error", "type")
			}
			for _, block := range list(b, "content") {
				h.text += text(block, "text")
				h.thinking += text(block, "thinking")
				if text(block, "type") == "tool_use" {
					arguments, _ := json.Marshal(at(block, "input"))
					h.tool, h.arguments = text(block, "name"), string(arguments)
				}
			}
			h.stop, h.model = text(b, "stop_reason"), text(b, "model")
			h.input = number(b, "usage", "input_tokens") + number(b, "usage", "cache_read_input_tokens") + number(b, "usage", "cache_creation_input_tokens")
			h.output, h.ended = number(b, "usage", "output_tokens"), true
		},
		event: func(h *heard, e object) {
			switch text(e, "type") {
			case "error":
				h.failed = text(e, "error", "type")
			case "message_start":
				h.model = text(e, "message", "model")
			case "content_block_start":
				h.tool += text(e, "content_block", "name")
			case "content_block_delta":
				h.text += text(e, "delta", "text")
				h.thinking += text(e, "delta", "thinking")
				h.arguments += text(e, "delta", "partial_json")
			case "message_delta":
				h.stop = text(e, "delta", "stop_reason")
				h.input = number(e, "usage", "input_tokens") + number(e, "usage", "cache_read_input_tokens") + number(e, "usage", "cache_creation_input_tokens")
				h.output = number(e, "usage", "output_tokens")
			case "message_stop":
				h.ended = true
			}
		}}
}

// hear takes a whole answer, plain or streamed.
func (d dialect) hear(body string, stream bool) (h heard, err error) {
	if !stream {
		var b object
		err = json.Unmarshal([]byte(body), &b)
		d.read(&h, b)
		return h, err
	}
	for line := range strings.Lines(body) {
		data, found := strings.CutPrefix(strings.TrimSpace(line), "data:")
		if data = strings.TrimSpace(data); !found || data == "" {
			continue
		}
		if data == "[DONE]" {
			h.ended = true
			continue
		}
		var e object
		if err = json.Unmarshal([]byte(data), &e); err != nil {
			return h, fmt.Errorf("%w in %s", err, data)
		}
		d.event(&h, e)
	}
	return h, nil
}
