package converse

import (
	"encoding/base64"
	"slices"
	"strings"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
)

// conversation writes the messages of a request.
type conversation struct {
	*writer
	vendor    vendor
	called    map[string]bool
	order     []string // the names of the tools that were called
	documents []string // the names that are taken
}

// opening stands where a conversation begins with the model's words: the API insists on
// the user's, and refuses blank ones.
const opening = "…"

// write writes system and messages. System messages that stand within the conversation
// stay where they are, as the user's.
func (c *conversation) write(messages []genai.Message) {
	lead := 0
	for lead < len(messages) && (messages[lead].Role == genai.System || messages[lead].Role == genai.Developer) {
		lead++
	}
	if lead == len(messages) {
		lead = 0 // there must be a message
	}
	if lead > 0 {
		before := len(c.B)
		c.Open(`"system":[`)
		empty := len(c.B)
		for i := range messages[:lead] {
			c.parts(messages[i].Parts, false)
		}
		if len(c.B) == empty {
			c.B = c.B[:before]
		} else {
			c.Close("]")
		}
	}
	c.Open(`"messages":[`)
	first := true
	for i := lead; i < len(messages); {
		end := i + 1
		model := messages[i].Role == genai.Assistant
		for end < len(messages) && (messages[end].Role == genai.Assistant) == model {
			end++
		}
		if first && model {
			c.Open(`{"role":"user","content":[`)
			c.text(opening)
			c.Close("]}")
		}
		role := "user"
		if model {
			role = "assistant"
		}
		c.message(role, messages[i:end])
		first, i = false, end
	}
	c.Close("]")
}

// message writes one message of several: their results first, then all else.
func (c *conversation) message(role string, messages []genai.Message) {
	before := len(c.B)
	c.Open(`{"role":"`)
	c.Close(role)
	c.Close(`","content":[`)
	empty := len(c.B)
	said, document := false, false
	for i := range messages {
		c.parts(messages[i].Parts, true)
	}
	for i := range messages {
		for j := range messages[i].Parts {
			p := &messages[i].Parts[j]
			said = said || p.Kind == genai.Text && !blank(p.Text)
			document = document || p.Kind == genai.File
		}
		c.parts(messages[i].Parts, false)
	}
	if len(c.B) == empty {
		c.B = c.B[:before]
		return
	}
	if document && !said { // a document must be spoken of
		c.text(opening)
	}
	c.Close("]}")
}

// parts writes the results among the parts, or all others, and their cache points.
func (c *conversation) parts(parts []genai.Part, results bool) {
	for i := range parts {
		p := &parts[i]
		if (p.Kind == genai.Result) != results {
			continue
		}
		switch p.Kind {
		case genai.Text, genai.Refusal:
			c.text(p.Text)
		case genai.Image:
			c.image(p.Media)
		case genai.File:
			c.document(p.Media)
		case genai.Call:
			c.call(p.Call)
		case genai.Result:
			c.result(p.Result)
		case genai.Thinking:
			c.thought(p)
		}
		if p.Cache != nil {
			c.cachePoint(p.Cache)
		}
	}
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }

// text leaves out blank texts, which the API refuses.
func (c *conversation) text(text string) {
	if !blank(text) {
		c.Open("{")
		c.Text("text", text)
		c.Close("}")
	}
}

// thought writes reasoning back as it came. What nobody signed is left out: no model
// takes it.
func (c *conversation) thought(p *genai.Part) {
	if p.Proof == nil || p.Proof.From != genai.Bedrock {
		return
	}
	if p.Proof.Redacted != "" {
		c.Open(`{"reasoningContent":{`)
		c.Text("redactedContent", p.Proof.Redacted)
		c.Close("}}")
		return
	}
	if p.Proof.Signature == "" {
		return
	}
	c.Open(`{"reasoningContent":{"reasoningText":{`)
	c.Text("text", p.Text)
	c.Text("signature", p.Proof.Signature)
	c.Close("}}}")
}

func (c *conversation) call(call *genai.ToolCall) {
	if !c.called[call.Name] {
		c.called[call.Name] = true
		c.order = append(c.order, call.Name)
	}
	c.Open(`{"toolUse":{`)
	c.Text("toolUseId", idOf(call.ID))
	c.Text("name", call.Name)
	switch {
	case call.Arguments == "":
		c.Raw("input", []byte("{}"))
	case isObject(call.Arguments):
		c.Raw("input", []byte(call.Arguments))
	default: // input must be an object
		c.Open(`"input":{`)
		c.Text("input", call.Arguments)
		c.Close("}")
	}
	c.Close("}}")
}

func isObject(text string) bool {
	b := []byte(text)
	at := jsonscan.Space(b, 0)
	if at >= len(b) || b[at] != '{' {
		return false
	}
	_, ok := jsonscan.Valid(b)
	return ok
}

func (c *conversation) result(r *genai.ToolResult) {
	c.Open(`{"toolResult":{`)
	c.Text("toolUseId", idOf(r.CallID))
	c.Open(`"content":[`)
	empty := len(c.B)
	var cache *genai.Cache
	for _, p := range r.Parts {
		if p.Cache != nil { // a result has no room for it inside
			cache, p.Cache = p.Cache, nil
		}
		c.parts([]genai.Part{p}, false)
	}
	if len(c.B) == empty {
		c.Open(`{"json":{}}`)
	}
	c.Close("]")
	if r.Failed {
		c.Text("status", "error")
	}
	c.Close("}}")
	if cache != nil {
		c.cachePoint(cache)
	}
}

func (c *conversation) image(m *genai.Media) {
	c.Open(`{"image":{`)
	c.Text("format", imageFormat(m))
	c.Open(`"source":{`)
	c.Text("bytes", m.Data)
	c.Close("}}}")
}

// imageFormat follows the type that the client gave, or the first bytes.
func imageFormat(m *genai.Media) string {
	_, format, _ := strings.Cut(m.MIME, "image/")
	switch {
	case format == "jpg":
		return "jpeg"
	case format != "":
		return format
	case strings.HasPrefix(m.Data, "/9j/"):
		return "jpeg"
	case strings.HasPrefix(m.Data, "R0lG"):
		return "gif"
	case strings.HasPrefix(m.Data, "UklG"):
		return "webp"
	}
	return "png"
}

func (c *conversation) document(m *genai.Media) {
	c.Open(`{"document":{`)
	c.Text("format", documentFormat(m))
	c.Text("name", c.nameOf(m))
	c.Open(`"source":{`)
	if m.Plain {
		c.Text("bytes", base64.StdEncoding.EncodeToString([]byte(m.Data)))
	} else {
		c.Text("bytes", m.Data)
	}
	c.Close("}")
	if m.Context != "" {
		c.Text("context", m.Context)
	}
	if m.Cited {
		c.Raw("citations", []byte(`{"enabled":true}`))
	}
	c.Close("}}")
}

func (c *conversation) nameOf(m *genai.Media) string {
	name := documentName(m)
	for base, n := name, 2; slices.Contains(c.documents, name); n++ {
		name = numbered(base, n)
	}
	c.documents = append(c.documents, name)
	return name
}
