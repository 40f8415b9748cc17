package gemini

import (
	"strings"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
)

// conversation writes the messages of a request.
type conversation struct {
	*writer
	model family
	names map[string]string // of calls, by their ids
}

// opening stands where a conversation begins with the model's turn: the API wants calls
// to follow a turn of the user's, and texts not to be empty.
const opening = "…"

// write writes systemInstruction and contents. Consecutive messages of one role are one
// content, so that user and model alternate. The results of calls stand directly behind
// the calls, as the API insists, and the user's words after them. System messages that stand within the conversation stay where
// they are, as the user's.
func (c conversation) write(messages []genai.Message) {
	lead := 0
	for lead < len(messages) && instructs(messages[lead].Role) {
		lead++
	}
	if lead == len(messages) {
		lead = 0 // there must be a content
	}
	if lead > 0 {
		before := len(c.B)
		c.Open(`"systemInstruction":{"parts":[`)
		empty := len(c.B)
		for i := range messages[:lead] {
			c.parts(messages[i].Parts, false)
		}
		if len(c.B) == empty {
			c.B = c.B[:before]
		} else {
			c.Close("]}")
		}
	}
	c.Open(`"contents":[`)
	if lead < len(messages) && messages[lead].Role == genai.Assistant {
		c.Open(`{"role":"user","parts":[`)
		c.textPart(opening)
		c.Close("]}")
	}
	for i := lead; i < len(messages); {
		end := i + 1
		model := messages[i].Role == genai.Assistant
		for end < len(messages) && (messages[end].Role == genai.Assistant) == model {
			end++
		}
		if model {
			c.content("model", messages[i:end])
		} else {
			c.content("user", messages[i:end])
		}
		i = end
	}
	c.Close("]")
}

func instructs(role genai.Role) bool { return role == genai.System || role == genai.Developer }

// content writes one content of several messages: their results first, then all else.
func (c conversation) content(role string, messages []genai.Message) {
	before := len(c.B)
	c.Open(`{"role":"`)
	c.Close(role)
	c.Close(`","parts":[`)
	empty := len(c.B)
	for i := range messages {
		c.parts(messages[i].Parts, true)
	}
	for i := range messages {
		c.parts(messages[i].Parts, false)
	}
	if len(c.B) == empty {
		c.B = c.B[:before]
		return
	}
	c.Close("]}")
}

// parts writes the results among the parts, or all others.
func (c conversation) parts(parts []genai.Part, results bool) {
	calls := 0
	for i := range parts {
		p := &parts[i]
		if (p.Kind == genai.Result) != results {
			continue
		}
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
			if p.From == genai.Gemini && len(p.Raw) > 0 {
				c.Separate()
				c.B = append(c.B, p.Raw...)
			}
		}
	}
}

// textPart leaves out empty texts, which the API refuses.
func (c conversation) textPart(text string) {
	if text != "" {
		c.Open("{")
		c.Text("text", text)
		c.Close("}")
	}
}

// thought writes thinking back as it came. Without text it is the signature of what
// stood before it.
func (c conversation) thought(p *genai.Part) {
	signed := p.Proof != nil && p.Proof.From == genai.Gemini && p.Proof.Signature != ""
	if p.Text == "" && !signed {
		return
	}
	c.Open("{")
	c.Text("text", p.Text)
	if p.Text != "" {
		c.Raw("thought", []byte("true"))
	}
	if signed {
		c.Text("thoughtSignature", p.Proof.Signature)
	}
	c.Close("}")
}

// noSignature is what Google lets a call be signed with that comes from another model
// (ai.google.dev/gemini-api/docs/thought-signatures): from Gemini 3 on the first call of
// a step is refused without one.
const noSignature = "skip_thought_signature_validator"

func (c conversation) call(call *genai.ToolCall, before int) {
	c.names[call.ID] = call.Name
	c.Open(`{"functionCall":{`)
	if call.ID != "" {
		c.Text("id", call.ID)
	}
	c.Text("name", call.Name)
	c.Name("args")
	switch arguments := []byte(call.Arguments); {
	case call.Arguments == "":
		c.Close("{}")
	case isObject(arguments):
		c.Close(call.Arguments)
	default: // args must be an object
		c.Open("{")
		c.Text("input", call.Arguments)
		c.Close("}")
	}
	c.Close("}")
	switch {
	case call.Signature != "":
		c.Text("thoughtSignature", call.Signature)
	case c.model.levels() && before == 0:
		c.Text("thoughtSignature", noSignature)
	}
	c.Close("}")
}

func isObject(text []byte) bool {
	at := jsonscan.Space(text, 0)
	if at >= len(text) || text[at] != '{' {
		return false
	}
	_, ok := jsonscan.Valid(text)
	return ok
}

// result writes what a call gave, under the API's own names output and error. Pictures
// and files belong to it from Gemini 3 on; before, they stand beside it.
func (c conversation) result(r *genai.ToolResult) {
	name := r.Name
	if known, ok := c.names[r.CallID]; ok {
		name = known
	}
	c.Open(`{"functionResponse":{`)
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
	c.Open(`"response":{`)
	key := "output"
	if r.Failed {
		key = "error"
	}
	if said := text.String(); isObject([]byte(said)) {
		c.Raw(key, []byte(said))
	} else {
		c.Text(key, said)
	}
	c.Close("}")
	inside := c.model.levels() && media > 0
	if inside {
		c.Open(`"parts":[`)
		c.allMedia(r.Parts)
		c.Close("]")
	}
	c.Close("}}")
	if !inside {
		c.allMedia(r.Parts)
	}
}
