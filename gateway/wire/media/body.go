package media

import (
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// body is one JSON object of an answer, a plain one or an event's.
type body struct {
	model    jsonscan.Span
	err      jsonscan.Span // of error; empty when absent or null
	usage    jsonscan.Span // an object
	none     jsonscan.Span // usage that is null
	kind     jsonscan.Span // of an event
	text     jsonscan.Span // a transcript
	delta    jsonscan.Span // a piece of one
	duration jsonscan.Span
	data     jsonscan.Span // an array: vectors, pictures
	last     int           // the end of the last member's value
}

// read walks the object at text[start]; false when the text from there on is not one.
func (b *body) read(text []byte, start int) bool {
	m := jsonscan.Object(text, start)
	for m.Next() {
		b.last = m.Value.End
		kind := m.Kind()
		switch string(m.Name()) {
		case "model":
			b.model = m.Value
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
		case "type":
			b.kind = m.Value
		case "text":
			b.text = m.Value
		case "delta":
			b.delta = m.Value
		case "duration":
			b.duration = m.Value
		case "data":
			if kind == '[' {
				b.data = m.Value
			}
		}
	}
	return m.OK() && jsonscan.Space(text, m.Pos()) == len(text)
}

// edits are what the client is told in place: the model and the cost.
func (b *body) edits(edits []jsonscan.Edit, text, model []byte, bill func(genai.Usage) *wire.Bill) []jsonscan.Edit {
	if !b.model.Empty() {
		edits = append(edits, jsonscan.Replace(b.model, model))
	}
	if !b.usage.Empty() && bill != nil {
		u := readUsage(text, b.usage)
		edits = append(edits, u.edit(bill(u.Usage).Cost))
	}
	jsonscan.SortEdits(edits)
	return edits
}

// inner is a string's content as it stands, for counting.
func inner(text []byte, at jsonscan.Span) []byte {
	if at.Empty() || text[at.Start] != '"' {
		return nil
	}
	return text[at.Start+1 : at.End-1]
}
