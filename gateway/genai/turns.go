package genai

import (
	"strings"

	"weir/gateway/apierror"
)

// Opening stands where an API insists on words of the user's that nobody said.
const Opening = "…"

// Turn is what one side says until the other one does.
type Turn struct {
	Model bool
	// Parts are those of consecutive messages. In the user's turns results come first:
	// APIs that want turns to alternate want them directly behind the calls.
	Parts []*Part
	// Index is that of the first message.
	Index int
}

// Turns makes of the messages what APIs take in which turns alternate and begin with
// the user's: the instructions at the beginning are system, later ones are said by the
// user where they stood, and what says nothing is left out. say tells for a part with
// something to it whether the protocol can say it, and what of it is lost.
func (n *Notes) Turns(say func(m *Message, p *Part) (bool, Adaptation)) (system []*Part, turns []Turn, e *apierror.Error) {
	r := n.request
	turns = make([]Turn, 0, len(r.Messages)+1)
	for i := range r.Messages {
		m := &r.Messages[i]
		instructs := m.Role == System || m.Role == Developer
		for k := range m.Parts {
			p := &m.Parts[k]
			if (p.Kind == Text || p.Kind == Refusal) && blank(p.Text) {
				continue
			}
			ok, lost := say(m, p)
			if n.At(lost, m.Index); !ok {
				continue
			}
			if instructs && len(turns) == 0 && p.Kind == Text {
				system = append(system, p)
				continue
			}
			if instructs {
				n.At(LateSystem, m.Index)
			}
			turns = add(turns, m, p)
		}
	}
	if len(turns) == 0 && len(system) > 0 { // instructions alone are a question elsewhere
		turns, system = append(turns, Turn{Parts: system}), nil
	}
	switch {
	case len(turns) == 0:
		field := "messages"
		if r.From == Responses {
			field = "input"
		}
		return nil, nil, apierror.Invalid(field, "'"+field+"' hold nothing that can be said to this provider: give a message a text.")
	case turns[0].Model:
		n.Add(OpeningTurn)
		turns = append([]Turn{{Parts: []*Part{{Text: Opening}}, Index: -1}}, turns...)
	}
	return system, turns, nil
}

// add adds a part to the turn of its side.
func add(turns []Turn, m *Message, p *Part) []Turn {
	model := m.Role == Assistant
	if len(turns) == 0 || turns[len(turns)-1].Model != model {
		turns = append(turns, Turn{Model: model, Parts: make([]*Part, 0, len(m.Parts)), Index: m.Index})
	}
	t := &turns[len(turns)-1]
	t.Parts = append(t.Parts, p)
	if p.Kind == Result && !model {
		at := len(t.Parts) - 1
		for ; at > 0 && t.Parts[at-1].Kind != Result; at-- {
			t.Parts[at] = t.Parts[at-1]
		}
		t.Parts[at] = p
	}
	return turns
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }
