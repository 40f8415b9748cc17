package messages

import (
	"strings"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/wire"
)

// turn is consecutive messages of one role.
type turn struct {
	assistant bool
	parts     []*genai.Part
}

// encodeTurns writes system and messages: what instructions the conversation begins with
// are system, later ones are said by the user where they stood; turns alternate and
// begin with the user's; results come first in theirs; empty texts are left out.
func encodeTurns(j *wire.JSON, r *genai.Request) *apierror.Error {
	var system []*genai.Part
	turns := make([]turn, 0, len(r.Messages))
	for i := range r.Messages {
		m := &r.Messages[i]
		instructs := m.Role == genai.System || m.Role == genai.Developer
		if instructs && len(turns) == 0 {
			for k := range m.Parts {
				if p := &m.Parts[k]; p.Kind == genai.Text && said(p) {
					system = append(system, p)
				}
			}
			continue
		}
		turns = gather(turns, m)
	}
	if len(turns) == 0 && len(system) > 0 {
		// Instructions alone are a question elsewhere.
		turns, system = []turn{{parts: system}}, nil
	}
	if len(turns) == 0 {
		return apierror.Invalid("messages", "The messages hold nothing that can be said to this provider: give one a text.")
	}
	if len(system) > 0 {
		j.Open("system", '[')
		for _, p := range system {
			encodeText(j, p, p.Text)
		}
		j.Close(']')
	}
	j.Open("messages", '[')
	if turns[0].assistant {
		j.Raw("", []byte(`{"role":"user","content":[{"type":"text","text":"."}]}`))
	}
	for i := range turns {
		turns[i].encode(j, i == len(turns)-1)
	}
	j.Close(']')
	return nil
}

// said tells that a text is one that the API takes.
func said(p *genai.Part) bool { return strings.TrimSpace(p.Text) != "" }

// gather adds the parts of a message that can be said to the turn of its role.
func gather(turns []turn, m *genai.Message) []turn {
	assistant := m.Role == genai.Assistant
	for k := range m.Parts {
		p := &m.Parts[k]
		switch p.Kind {
		case genai.Text, genai.Refusal:
			if !said(p) {
				continue
			}
		case genai.Thinking:
			if !sendable(p) || !assistant {
				continue // what is not signed is refused
			}
		case genai.Image, genai.Audio, genai.File:
			if assistant {
				continue // the API takes what a model made from the user alone
			}
		case genai.ServerTool:
			if p.From != genai.Anthropic {
				continue
			}
		}
		if n := len(turns); n == 0 || turns[n-1].assistant != assistant {
			turns = append(turns, turn{assistant: assistant, parts: make([]*genai.Part, 0, len(m.Parts))})
		}
		last := &turns[len(turns)-1]
		last.parts = append(last.parts, p)
	}
	return turns
}

func (t *turn) encode(j *wire.JSON, last bool) {
	j.Open("", '{')
	if !t.assistant {
		j.Text("role", "user")
		j.Open("content", '[')
		for _, p := range t.parts {
			if p.Kind == genai.Result {
				encodePart(j, p)
			}
		}
		for _, p := range t.parts {
			if p.Kind != genai.Result {
				encodePart(j, p)
			}
		}
	} else {
		j.Text("role", "assistant")
		j.Open("content", '[')
		for i, p := range t.parts {
			if last && i == len(t.parts)-1 && (p.Kind == genai.Text || p.Kind == genai.Refusal) {
				// An answer that is to be gone on with must not end in white space.
				encodeText(j, p, strings.TrimRight(p.Text, " \t\r\n"))
				continue
			}
			encodePart(j, p)
		}
	}
	j.Close(']')
	j.Close('}')
}
