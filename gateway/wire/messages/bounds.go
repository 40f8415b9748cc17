package messages

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"

	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// bounds reads what a request says of the tokens that it may use.
type bounds struct {
	wire.Bounds
	fast, us bool
}

// Bounds reads the request once more, for callers that have a limit.
func (r *Request) Bounds() (wire.Bounds, *apierror.Error) {
	body := r.head.Body
	b := bounds{Bounds: wire.Bounds{Text: wire.Framing, Choices: 1}}
	if !r.maxTokens.Empty() {
		b.Limit = min(max(0, wire.Count(r.maxTokens.Of(body))), wire.MaxCount)
		b.MaxTokens = b.Limit > 0
	}
	for m := jsonscan.Object(body, jsonscan.Space(body, 0)); m.Next(); {
		b.member(body, &m)
	}
	if !utf8.Valid(body) {
		b.Text *= utf8.UTFMax - 1 // each bad byte may become a character of three
	}
	b.Tier = pricedTier("", b.fast, b.us)
	return b.Bounds, nil
}

// member reads a member of the request. What is not known is text: a knob, as a rule.
func (b *bounds) member(text []byte, m *jsonscan.Members) {
	switch name := m.Name(); string(name) {
	case "model", "metadata", "requesty", "stream", "max_tokens", "service_tier":
		return // the model does not see them
	case "speed": // null and standard are what everybody has; what is not known is dearer
		b.fast = b.fast || m.Kind() != 'n' && string(m.Value.Of(text)) != `"standard"`
	case "inference_geo":
		b.us = b.us || m.Kind() != 'n' && string(m.Value.Of(text)) != `"global"`
	case "messages":
		b.messages(text, m.Value)
		return
	case "system":
		b.content(text, m.Value, "system")
	case "tools":
		b.tools(text, m.Value)
	case "mcp_servers":
		if m.Kind() == '[' && text[jsonscan.Space(text, m.Value.Start+1)] != ']' {
			b.ServerTool(0, string(name)) // they are called as often as the model likes
		}
	case "container":
		if m.Kind() != 'n' {
			b.May(string(name)) // what it holds is read by the model
		}
	}
	b.Text += int64(m.Value.End - m.Key.Start)
}

func (b *bounds) messages(text []byte, at jsonscan.Span) {
	i := 0
	for e := jsonscan.Array(text, at.Start); e.Next(); i++ {
		b.Text += int64(e.Value.End - e.Value.Start)
		if e.Kind() != '{' {
			continue
		}
		for m := jsonscan.Object(text, e.Value.Start); m.Next(); {
			switch kind := m.Kind(); string(m.Name()) {
			case "content":
				b.content(text, m.Value, fmt.Sprintf("messages[%d].content", i))
			case "role":
			default:
				if kind == '"' || kind == '[' || kind == '{' {
					b.May(fmt.Sprintf("messages[%d].%.64s", i, m.Name()))
				}
			}
		}
	}
}

// content reads the blocks of a message, of system or of a tool's result. What is no text
// leaves Text.
func (b *bounds) content(text []byte, at jsonscan.Span, field string) {
	if text[at.Start] != '[' {
		return
	}
	i := 0
	for e := jsonscan.Array(text, at.Start); e.Next(); i++ {
		if e.Kind() != '{' {
			continue
		}
		size := int64(e.Value.End - e.Value.Start)
		switch kind, inner, data := blockKind(text, e.Value); kind {
		case "text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "mcp_tool_use", "web_search_tool_result", "search_result":
		case "tool_result", "mcp_tool_result":
			if !inner.Empty() {
				b.content(text, inner, field+"["+strconv.Itoa(i)+"].content")
			}
		case "image":
			b.Text -= size
			if data == "base64" {
				b.Images++
			} else {
				b.May(field + "[" + strconv.Itoa(i) + "]")
			}
		case "document":
			if data == "text" {
				continue
			}
			if data == "content" {
				b.source(text, inner, field+"["+strconv.Itoa(i)+"].source.content")
				continue
			}
			b.Text -= size
			b.May(field + "[" + strconv.Itoa(i) + "]")
		default:
			b.May(field + "[" + strconv.Itoa(i) + "]")
		}
	}
}

// source reads a document that is made of blocks.
func (b *bounds) source(text []byte, at jsonscan.Span, field string) {
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		if string(m.Name()) == "content" {
			b.content(text, m.Value, field)
		}
	}
}

// blockKind is a block's type, its content or source, and the source's type. A member
// that is given twice makes it no type that is known: two readers could differ.
func blockKind(text []byte, at jsonscan.Span) (kind string, inner jsonscan.Span, data string) {
	types := 0
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		switch string(m.Name()) {
		case "type":
			types++
			kind = scalar(text, m.Value)
		case "content":
			if !inner.Empty() {
				types++
			}
			inner = m.Value
		case "source":
			if m.Kind() != '{' {
				continue // of a search result
			}
			if !inner.Empty() {
				types++
			}
			inner = m.Value
			sources := 0
			for s := jsonscan.Object(text, m.Value.Start); s.Next(); {
				if string(s.Name()) == "type" {
					data = scalar(text, s.Value)
					sources++
				}
			}
			if sources != 1 {
				data = ""
			}
		}
	}
	if types != 1 {
		return "", inner, ""
	}
	return kind, inner, data
}

// scalar is a string's content, "" for the rest.
func scalar(text []byte, at jsonscan.Span) string {
	if text[at.Start] != '"' {
		return ""
	}
	return jsonscan.String(text, at)
}

func (b *bounds) tools(text []byte, at jsonscan.Span) {
	if text[at.Start] != '[' {
		return
	}
	i := 0
	for e := jsonscan.Array(text, at.Start); e.Next(); i++ {
		if i == 0 {
			b.Text += wire.ToolFraming
		}
		var uses int64
		client := e.Kind() == '{'
		for m := jsonscan.Object(text, e.Value.Start); e.Kind() == '{' && m.Next(); {
			switch string(m.Name()) {
			case "type":
				client = client && clientTool(m.Value.Of(text))
			case "max_uses":
				uses = max(uses, wire.Count(m.Value.Of(text)))
			}
		}
		if !client {
			b.ServerTool(uses, "tools["+strconv.Itoa(i)+"]")
		}
	}
}

// clientTool tells that a tool of the type is run by the client: the client's own, and
// those whose form is Anthropic's.
func clientTool(quoted []byte) bool {
	if string(quoted) == "null" || string(quoted) == `"custom"` {
		return true
	}
	for _, prefix := range [...]string{`"bash_`, `"text_editor_`, `"computer_`, `"memory_`} {
		if bytes.HasPrefix(quoted, []byte(prefix)) {
			return true
		}
	}
	return false
}
