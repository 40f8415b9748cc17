package gemini

import (
	"strings"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/wire"
)

// conversation writes the messages of a request.
type conversation struct {
	*writer
	model family
	names map[string]string // of calls, by their ids
}

// write writes systemInstruction and contents.
func (c conversation) write() *apierror.Error {
	system, turns, e := c.notes.Turns(sayable)
	if e != nil {
		return e
	}
	if len(system) > 0 {
		c.Open("systemInstruction", '{')
		c.parts(system)
		c.Close('}')
	}
	c.Open("contents", '[')
	for i := range turns {
		c.Open("", '{')
		if turns[i].Model {
			c.Text("role", "model")
		} else {
			c.Text("role", "user")
		}
		c.parts(turns[i].Parts)
		c.Close('}')
	}
	c.Close(']')
	return nil
}

// sayable tells what the API takes: thinking without text is the signature of what stood
// before it.
func sayable(_ *genai.Message, p *genai.Part) (bool, genai.Adaptation) {
	switch p.Kind {
	case genai.Thinking:
		return p.Text != "" || signed(p), genai.Same
	case genai.ServerTool:
		return p.From == genai.Gemini && len(p.Raw) > 0, genai.Same // the table has it
	}
	return true, genai.Same
}

// signed tells that thinking has a signature that the API can check.
func signed(p *genai.Part) bool {
	return p.Proof != nil && p.Proof.From == genai.Gemini && p.Proof.Signature != ""
}

func (c conversation) parts(parts []*genai.Part) {
	calls := 0
	c.Open("parts", '[')
	for _, p := range parts {
		switch p.Kind {
		case genai.Text, genai.Refusal:
			c.textPart(p.Text)
		case genai.Image, genai.Audio, genai.File:
			c.media(p)
		case genai.Call:
			c.call(p.Call, calls)
			calls++
		case genai.Result:
			c.result(p.Result)
		case genai.Thinking:
			c.thought(p)
		case genai.ServerTool:
			c.Raw("", p.Raw)
		}
	}
	c.Close(']')
}

// textPart leaves out empty texts, which the API refuses.
func (c conversation) textPart(text string) {
	if text != "" {
		c.Open("", '{')
		c.Text("text", text)
		c.Close('}')
	}
}

// thought writes thinking back as it came.
func (c conversation) thought(p *genai.Part) {
	c.Open("", '{')
	c.Text("text", p.Text)
	if p.Text != "" {
		c.Bool("thought", true)
	}
	if signed(p) {
		c.Text("thoughtSignature", p.Proof.Signature)
	}
	c.Close('}')
}

// noSignature is what Google lets a call be signed with that comes from another model
// (ai.google.dev/gemini-api/docs/thought-signatures): from Gemini 3 on the first call of
// a step is refused without one.
const noSignature = "skip_thought_signature_validator"

func (c conversation) call(call *genai.ToolCall, before int) {
	c.names[call.ID] = call.Name
	c.Open("", '{')
	c.Open("functionCall", '{')
	if call.ID != "" {
		c.Text("id", call.ID)
	}
	c.Text("name", call.Name)
	c.Arguments("args", call.Arguments)
	c.Close('}')
	switch {
	case call.Signature != "":
		c.Text("thoughtSignature", call.Signature)
	case c.model.levels() && before == 0:
		c.Text("thoughtSignature", noSignature)
	}
	c.Close('}')
}

// result writes what a call gave, under the API's own names output and error. Pictures
// and files belong to it from Gemini 3 on; before, they stand beside it.
func (c conversation) result(r *genai.ToolResult) {
	name := r.Name
	if known, ok := c.names[r.CallID]; ok {
		name = known
	}
	c.Open("", '{')
	c.Open("functionResponse", '{')
	if r.CallID != "" {
		c.Text("id", r.CallID)
	}
	c.Text("name", name)
	var text strings.Builder
	media := 0
	for i := range r.Parts {
		if r.Parts[i].Media != nil {
			media++
			continue
		}
		if text.Len() > 0 {
			text.WriteByte('\n')
		}
		text.WriteString(r.Parts[i].Text)
	}
	c.Open("response", '{')
	key := "output"
	if r.Failed {
		key = "error"
	}
	if said := text.String(); wire.IsObject([]byte(said)) {
		c.Raw(key, []byte(said))
	} else {
		c.Text(key, said)
	}
	c.Close('}')
	inside := c.model.levels() && media > 0
	if inside {
		c.Open("parts", '[')
		c.allMedia(r.Parts)
		c.Close(']')
	}
	c.Close('}', '}')
	if !inside {
		c.allMedia(r.Parts)
	}
}
