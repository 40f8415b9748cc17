package chat

import "weir/gateway/jsonscan"

// body is one JSON object of an answer, a plain one or a stream's chunk, with
// the places that the gateway edits.
type body struct {
	text    []byte
	start   int           // the brace
	choices bool          // there is an array of choices
	content bool          // and something in it
	err     jsonscan.Span // of error; empty when absent or null
	usage   jsonscan.Span // empty when absent or null
	none    jsonscan.Span // of usage when it is null
	last    int           // the end of the last member's value
	empty   bool
}

// read walks the object at text[start] and notes model edits in edits. It is
// false when the text from start on is not one JSON object.
func (b *body) read(text []byte, start int, model []byte, edits []jsonscan.Edit, seen *seen) ([]jsonscan.Edit, bool) {
	*b = body{text: text, start: start, last: start + 1, empty: true}
	hasModel := false
	var inner jsonscan.Span
	m := jsonscan.Object(text, start)
	for m.Advance() {
		kind, name := m.Kind(), m.Name()
		if kind == '[' && string(name) == "choices" {
			choices := m.Array()
			inner, b.content = seen.choices(text, &choices)
			m.Resume(choices.Pos(), choices.OK())
			b.choices, b.last, b.empty = true, m.Value.End, false
			continue
		}
		if !m.Skip() {
			break
		}
		b.last, b.empty = m.Value.End, false
		switch string(name) {
		case "id":
			if kind == '"' && seen.ID == "" {
				seen.ID = jsonscan.String(text, m.Value)
			}
		case "model":
			edits, hasModel = append(edits, jsonscan.Replace(m.Value, model)), true
		case "error":
			if kind != 'n' {
				b.err = m.Value
			}
		case "usage":
			if kind == '{' {
				b.usage = m.Value
			} else {
				b.none = m.Value
			}
		case "service_tier":
			if kind == '"' {
				seen.tier = append(seen.tier[:0], m.Value.Of(text)...)
			}
		}
	}
	if !m.OK() || jsonscan.Space(text, m.Pos()) != len(text) {
		return edits, false
	}
	if !hasModel && b.err.Empty() {
		edits = append(edits, b.insertModel(model))
	}
	if b.usage.Empty() && !inner.Empty() {
		seen.Usage, _ = readUsage(text, inner)
		seen.HasUsage = true
	}
	return edits, true
}

func (b *body) insertModel(model []byte) jsonscan.Edit {
	text := append([]byte(`"model":`), model...)
	if !b.empty {
		text = append(text, ',')
	}
	return jsonscan.InsertAt(b.start+1, text)
}
