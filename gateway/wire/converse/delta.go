package converse

import (
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// content reads contentBlockStart and contentBlockDelta. Only blocks of tools are begun
// by the former; the others begin with their first delta.
func (d *decoder) content(text []byte, at jsonscan.Span) {
	var start, delta jsonscan.Span
	var block int64
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		switch name := string(m.Name()); {
		case name == "contentBlockIndex":
			block = wire.Count(m.Value.Of(text))
		case name == "start" && m.Kind() == '{':
			start = m.Value
		case name == "delta" && m.Kind() == '{':
			delta = m.Value
		}
	}
	if d.open && d.block != block {
		d.close()
	}
	d.block = block
	if !start.Empty() {
		for m := jsonscan.Object(text, start.Start); m.Next(); {
			if string(m.Name()) == "toolUse" && m.Kind() == '{' {
				d.call(text, m.Value)
			}
		}
	}
	if !delta.Empty() {
		for m := jsonscan.Object(text, delta.Start); m.Next(); {
			d.delta(text, &m)
		}
	}
}

func (d *decoder) call(text []byte, at jsonscan.Span) {
	call := &genai.ToolCall{ID: member(text, at, "toolUseId"), Name: member(text, at, "name")}
	d.begin(genai.Part{Kind: genai.Call, Call: call})
}

func (d *decoder) delta(text []byte, m *jsonscan.Members) {
	switch name, kind := string(m.Name()), m.Kind(); {
	case name == "text" && kind == '"':
		d.more(genai.Text, genai.DeltaText, jsonscan.String(text, m.Value))
	case kind != '{':
	case name == "toolUse":
		if d.open && d.kind == genai.Call {
			d.more(genai.Call, genai.DeltaArguments, member(text, m.Value, "input"))
		}
	case name == "reasoningContent":
		d.reasoning(text, m.Value)
	case name == "citation":
		c := readCitation(text, m.Value)
		d.within(genai.Text)
		d.emit(genai.Event{Kind: genai.Delta, Index: d.index, Delta: genai.DeltaCitation, Citation: &c})
	case name == "image":
		d.begin(genai.Part{Kind: genai.Image, Media: readImage(text, m.Value)})
		d.close()
	}
}

func (d *decoder) reasoning(text []byte, at jsonscan.Span) {
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		if m.Kind() != '"' {
			continue
		}
		said := jsonscan.String(text, m.Value)
		switch string(m.Name()) {
		case "text":
			d.more(genai.Thinking, genai.DeltaText, said)
		case "signature":
			d.more(genai.Thinking, genai.DeltaSignature, said)
		case "redactedContent":
			d.begin(genai.Part{Kind: genai.Thinking, Proof: &genai.Proof{Redacted: said, From: genai.Bedrock}})
		}
	}
}

// more goes on with a part of the kind; what says nothing is no event.
func (d *decoder) more(kind genai.PartKind, delta genai.DeltaKind, text string) {
	if text == "" {
		return
	}
	d.within(kind)
	d.emit(genai.Event{Kind: genai.Delta, Index: d.index, Delta: delta, Text: text})
}

// within opens a part of the kind, unless one is open.
func (d *decoder) within(kind genai.PartKind) {
	if d.open && d.kind == kind {
		return
	}
	p := genai.Part{Kind: kind}
	if kind == genai.Thinking {
		p.Proof = &genai.Proof{From: genai.Bedrock}
	}
	d.begin(p)
}

func (d *decoder) begin(p genai.Part) {
	d.close()
	d.open, d.kind = true, p.Kind
	d.emit(genai.Event{Kind: genai.PartStart, Index: d.index, Part: p})
}

func (d *decoder) close() {
	if d.open {
		d.open = false
		d.emit(genai.Event{Kind: genai.PartEnd, Index: d.index})
		d.index++
	}
}
