package messages

import (
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// Prompt gathers what a provider would count of system, messages and tools.
func (r *Request) Prompt() (text string, messages int64) {
	var b wire.Prompt
	if !r.system.Empty() {
		b.Gather(r.head.Body, r.system)
		messages++
	}
	for e := jsonscan.Array(r.head.Body, r.messages.Start); e.Next(); messages++ {
		b.Gather(r.head.Body, e.Value)
		r.documents(&b, wire.Member(r.head.Body, e.Value, "content"))
	}
	if !r.tools.Empty() {
		b.Write(r.tools.Of(r.head.Body)) // the schema is given to the model as text
	}
	return b.String(), messages
}

// documents gathers those that are text: what else is a source is no text, and left out.
func (r *Request) documents(b *wire.Prompt, at jsonscan.Span) {
	body := r.head.Body
	if at.Empty() || body[at.Start] != '[' {
		return
	}
	for e := jsonscan.Array(body, at.Start); e.Next(); {
		source := wire.Member(body, e.Value, "source")
		switch wire.String(body, wire.Member(body, source, "type")) {
		case "text":
			b.WriteString(wire.String(body, wire.Member(body, source, "data")))
			b.WriteByte('\n')
		case "content":
			if inner := wire.Member(body, source, "content"); !inner.Empty() {
				b.Gather(body, inner)
			}
		}
	}
}
