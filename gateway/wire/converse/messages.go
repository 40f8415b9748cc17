package converse

import (
	"encoding/base64"
	"slices"
	"strings"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/wire"
)

// conversation writes the messages of a request.
type conversation struct {
	*writer
	vendor    vendor
	called    map[string]bool
	order     []string // the names of the tools that were called
	documents []string // the names that are taken
}

// write writes system and messages.
func (c *conversation) write() *apierror.Error {
	system, turns, e := c.notes.Turns(sayable)
	if e != nil {
		return e
	}
	if len(system) > 0 {
		c.Open("system", '[')
		c.parts(system)
		c.Close(']')
	}
	c.Open("messages", '[')
	for i := range turns {
		c.turn(&turns[i])
	}
	c.Close(']')
	return nil
}

// sayable tells what the API takes: no thinking that nobody signed.
func sayable(_ *genai.Message, p *genai.Part) (bool, genai.Adaptation) {
	switch p.Kind {
	case genai.Thinking:
		if !signed(p) {
			return false, genai.EarlierThinking
		}
	case genai.Call:
		if p.Call.Signature != "" {
			return true, genai.CallProof
		}
	case genai.ServerTool, genai.Audio:
		return false, genai.Same // the table has them
	}
	return true, genai.Same
}

// signed tells that thinking has a proof that the API can check.
func signed(p *genai.Part) bool {
	return p.Kind == genai.Thinking && p.Proof != nil && p.Proof.From == genai.Bedrock && (p.Proof.Redacted != "" || p.Proof.Signature != "")
}

func (c *conversation) turn(t *genai.Turn) {
	c.Open("", '{')
	role := "user"
	if t.Model {
		role = "assistant"
	}
	c.Text("role", role)
	c.Open("content", '[')
	c.parts(t.Parts)
	said, document := false, false
	for _, p := range t.Parts {
		said = said || p.Kind == genai.Text
		document = document || p.Kind == genai.File
	}
	if document && !said { // a document must be spoken of
		c.notes.At(genai.DocumentWords, t.Index)
		c.text(genai.Opening)
	}
	c.Close(']', '}')
}

// parts writes parts, and their cache points.
func (c *conversation) parts(parts []*genai.Part) {
	for _, p := range parts {
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

// text leaves out blank texts, which the API refuses.
func (c *conversation) text(text string) {
	if strings.TrimSpace(text) != "" {
		c.Open("", '{')
		c.Text("text", text)
		c.Close('}')
	}
}

// thought writes reasoning back as it came.
func (c *conversation) thought(p *genai.Part) {
	c.Open("", '{')
	c.Open("reasoningContent", '{')
	if p.Proof.Redacted != "" {
		c.Text("redactedContent", p.Proof.Redacted)
	} else {
		c.Open("reasoningText", '{')
		c.Text("text", p.Text)
		c.Text("signature", p.Proof.Signature)
		c.Close('}')
	}
	c.Close('}', '}')
}

func (c *conversation) call(call *genai.ToolCall) {
	if !c.called[call.Name] {
		c.called[call.Name] = true
		c.order = append(c.order, call.Name)
	}
	c.Open("", '{')
	c.Open("toolUse", '{')
	c.Text("toolUseId", wire.CallID(call.ID))
	c.Text("name", call.Name)
	c.Arguments("input", call.Arguments)
	c.Close('}', '}')
}

func (c *conversation) result(r *genai.ToolResult) {
	c.Open("", '{')
	c.Open("toolResult", '{')
	c.Text("toolUseId", wire.CallID(r.CallID))
	c.Open("content", '[')
	var cache *genai.Cache
	for i := range r.Parts {
		p := r.Parts[i]
		if p.Cache != nil { // a result has no room for it inside
			cache, p.Cache = p.Cache, nil
		}
		c.parts([]*genai.Part{&p})
	}
	if c.JSON[len(c.JSON)-1] == '[' {
		c.Raw("", []byte(`{"json":{}}`))
	}
	c.Close(']')
	if r.Failed {
		c.Text("status", "error")
	}
	c.Close('}', '}')
	if cache != nil {
		c.cachePoint(cache)
	}
}

func (c *conversation) image(m *genai.Media) {
	c.Open("", '{')
	c.Open("image", '{')
	c.Text("format", strings.TrimPrefix(m.ImageType(), "image/"))
	c.Open("source", '{')
	c.Text("bytes", m.Data)
	c.Close('}', '}', '}')
}

func (c *conversation) document(m *genai.Media) {
	c.Open("", '{')
	c.Open("document", '{')
	c.Text("format", documentFormat(m))
	c.Text("name", c.nameOf(m))
	c.Open("source", '{')
	if m.Plain {
		c.Text("bytes", base64.StdEncoding.EncodeToString([]byte(m.Data)))
	} else {
		c.Text("bytes", m.Data)
	}
	c.Close('}')
	if m.Context != "" {
		c.Text("context", m.Context)
	}
	if m.Cited {
		c.Raw("citations", []byte(`{"enabled":true}`))
	}
	c.Close('}', '}')
}

func (c *conversation) nameOf(m *genai.Media) string {
	name := documentName(m)
	for base, n := name, 2; slices.Contains(c.documents, name); n++ {
		name = numbered(base, n)
	}
	c.documents = append(c.documents, name)
	return name
}
