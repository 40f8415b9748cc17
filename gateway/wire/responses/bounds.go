package responses

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// bounds reads what a request says of the tokens that it may use.
type bounds struct {
	wire.Bounds
	text  []byte
	uses  int64 // max_tool_calls, 0 for none
	tiers int   // how often a service tier is named
}

// Bounds reads the request once more, for callers that have a limit.
func (r *Request) Bounds() (wire.Bounds, *apierror.Error) {
	b := bounds{Bounds: wire.Bounds{Text: wire.Framing, Choices: 1}, text: r.head.Body, uses: r.number(r.maxTools)}
	b.Limit = min(r.number(r.maxOutput), wire.MaxCount)
	for m := jsonscan.Object(b.text, jsonscan.Space(b.text, 0)); m.Next(); {
		b.member(&m)
	}
	if !utf8.Valid(b.text) {
		b.Text *= utf8.UTFMax - 1 // each bad byte may become a character of three
	}
	return b.Bounds, nil
}

// member reads a member of the request. What is not known is text: a knob, as a rule.
func (b *bounds) member(m *jsonscan.Members) {
	name := string(m.Name())
	switch name {
	case "model", "user", "metadata", wire.Router, "stream", "stream_options", "max_output_tokens", "max_tool_calls", "store", "include", "background":
		return // the model does not see them
	case "service_tier":
		if b.tiers++; b.tiers > 1 || m.Kind() != '"' && m.Kind() != 'n' {
			b.Tier = "(more than one)"
		} else if m.Kind() == '"' {
			b.Tier = wire.String(b.text, m.Value)
		}
	case "tools":
		b.tools(m.Value)
	case "input", "instructions":
		if m.Kind() == '[' {
			b.items(m.Value, name)
		}
	default:
		if lower := strings.ToLower(name); m.Kind() != 'n' && m.Kind() != 'f' {
			switch lower {
			case "previous_response_id", "conversation", "prompt", "files", "file_ids", "attachments":
				b.May(name)
			}
		}
	}
	b.Text += int64(m.Value.End - m.Key.Start)
}

func (b *bounds) items(at jsonscan.Span, list string) {
	i := 0
	for e := jsonscan.Array(b.text, at.Start); e.Next(); i++ {
		if e.Kind() == '{' {
			b.item(e.Value, fmt.Sprintf("%s[%d]", list, i))
		}
	}
}

// item reads an item. Those of other types than these may stand for anything: a
// reference to what lies with the provider, a screenshot.
func (b *bounds) item(at jsonscan.Span, field string) {
	for m := jsonscan.Object(b.text, at.Start); m.Next(); {
		switch name := string(m.Name()); name {
		case "type":
			switch wire.String(b.text, m.Value) {
			case "message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output", "reasoning", "web_search_call":
			default:
				b.May(field)
			}
		case "content", "output":
			switch m.Kind() {
			case '[':
				i := 0
				for e := jsonscan.Array(b.text, m.Value.Start); e.Next(); i++ {
					if e.Kind() == '{' {
						b.part(e.Value, field, name, i)
					}
				}
			case '{':
				b.May(field + "." + name)
			}
		case "role", "id", "status", "name", "arguments", "input", "call_id", "summary", "encrypted_content", "action", "phase", "queries", "namespace":
		default:
			if kind := m.Kind(); kind == '"' || kind == '[' || kind == '{' {
				b.May(fmt.Sprintf("%s.%.64s", field, name))
			}
		}
	}
}

// part reads a part of a content. What is no text leaves Text.
func (b *bounds) part(at jsonscan.Span, field, member string, i int) {
	image, known := false, true
	url := ""
	for m := jsonscan.Object(b.text, at.Start); m.Next(); {
		switch string(m.Name()) {
		case "type":
			switch wire.String(b.text, m.Value) {
			case "input_text", "output_text", "refusal", "reasoning_text", "summary_text", "text":
			case "input_image":
				image = true
			default:
				known = false
			}
		case "image_url":
			url = wire.String(b.text, m.Value)
		case "text", "refusal", "annotations", "logprobs", "detail":
		default:
			known = known && m.Kind() == 'n'
		}
	}
	switch {
	case known && !image && url == "":
		return
	case known && image && len(url) > 5 && strings.EqualFold(url[:5], "data:"):
		b.Images++
	default:
		b.May(field + "." + member + "[" + strconv.Itoa(i) + "]")
	}
	b.Text -= int64(at.End - at.Start)
}

// tools reads the tools. Those that the provider runs share one limit.
func (b *bounds) tools(at jsonscan.Span) {
	if b.text[at.Start] != '[' {
		return
	}
	runs := false
	for e := jsonscan.Array(b.text, at.Start); e.Next(); {
		switch wire.String(b.text, wire.Member(b.text, e.Value, "type")) {
		case "function", "custom", "local_shell", "apply_patch":
		default:
			runs = true
		}
		b.Text += wire.ToolFraming
	}
	switch {
	case !runs:
	case b.uses > 0 && b.uses <= wire.MaxUses:
		b.Uses += b.uses
	default:
		b.Unlimited = "max_tool_calls"
	}
}
