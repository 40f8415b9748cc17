package messages

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// NewDecoder reads a provider's stream.
func (Protocol) NewDecoder() wire.Decoder { return &decoder{part: -1} }

// decoder reads a stream, event by event.
type decoder struct {
	split  wire.Splitter
	joined []byte
	counts counts
	part   int // the index of the last part, or -1
	open   bool
	kind   genai.PartKind // of the part that is open
	begun  bool
	closed bool // message_delta came: the answer is whole, though its end may be missing
	ended  bool // End or Failure has been given
	raw    []byte
}

// Decode is wire.Decoder's.
func (d *decoder) Decode(events []genai.Event, text []byte, eof bool) (_ []genai.Event, used int) {
	for {
		e, n := d.split.Next(text[used:], eof)
		if n == 0 {
			if eof && d.begun && !d.closed {
				// Usage stands in message_start already: it does not say that the answer is whole.
				events = d.fail(events, brokenOff())
			}
			return events, used
		}
		used += n
		events = d.event(events, &e)
	}
}

// give appends an event; after the end only reports follow.
func (d *decoder) give(events []genai.Event, e genai.Event) []genai.Event {
	if d.ended && e.Kind != genai.Reported {
		return events
	}
	d.ended = d.ended || e.Kind == genai.Failure || e.Kind == genai.End
	return append(events, e)
}

func (d *decoder) fail(events []genai.Event, e *apierror.Error) []genai.Event {
	return d.give(events, genai.Event{Kind: genai.Failure, Err: e})
}

func (d *decoder) event(events []genai.Event, e *wire.SSE) []genai.Event {
	text, start := e.JSON(&d.joined)
	if len(text) == 0 {
		if !e.Known && !d.begun {
			return d.fail(events, unreadable("The provider's answer is not an event stream."))
		}
		if len(e.Data) == 0 && len(e.Raw) > 0 && e.Raw[0] == ':' {
			return d.give(events, genai.Event{Kind: genai.Ping})
		}
		return events
	}
	if _, ok := jsonscan.Valid(text[start:]); !ok || text[start] != '{' {
		return d.fail(events, unreadable("The provider's stream has an event that is not a JSON object."))
	}
	switch kindOf(text, start, e.Name) {
	case "message_start":
		return d.start(events, text, start)
	case "content_block_start":
		return d.partStart(events, text, start)
	case "content_block_delta":
		return d.delta(events, text, start)
	case "content_block_stop":
		return d.stop(events)
	case "message_delta":
		return d.messageDelta(events, text, start)
	case "message_stop":
		d.closed = true
		return d.give(d.stop(events), genai.Event{Kind: genai.End})
	case "ping":
		return d.give(events, genai.Event{Kind: genai.Ping})
	case "error":
		return d.fail(events, errorInside(text, start))
	}
	return events
}

func (d *decoder) start(events []genai.Event, text []byte, start int) []genai.Event {
	message := wire.Member(text, jsonscan.Span{Start: start, End: len(text)}, "message")
	usage := wire.Member(text, message, "usage")
	if !usage.Empty() && text[usage.Start] == '{' {
		d.counts.read(text, usage)
	}
	if !d.begun {
		d.begun = true
		events = d.give(events, genai.Event{Kind: genai.Start, ID: wire.String(text, wire.Member(text, message, "id")),
			ServiceTier: d.counts.serviceTier(), Usage: d.counts.usage()})
	}
	return events
}

func (d *decoder) partStart(events []genai.Event, text []byte, start int) []genai.Event {
	block := wire.Member(text, jsonscan.Span{Start: start, End: len(text)}, "content_block")
	if block.Empty() || text[block.Start] != '{' {
		return events
	}
	r := reader{text: text}
	var p genai.Part
	m := jsonscan.Object(text, block.Start)
	r.block(&p, &m, block.Start, &place{list: "content_block", at: -1})
	if r.err != nil {
		return d.fail(events, unreadable("The provider's stream has a content block that could not be read."))
	}
	events = d.stop(events)
	d.part++
	d.open, d.kind = true, p.Kind
	said, proof, arguments := p.Text, "", ""
	p.Text = ""
	cited := p.Citations
	p.Citations = nil
	switch p.Kind {
	case genai.Thinking:
		if p.Proof != nil && p.Proof.Redacted == "" {
			proof, p.Proof.Signature = p.Proof.Signature, ""
		} else if p.Proof == nil {
			p.Proof = &genai.Proof{From: genai.Anthropic}
		}
	case genai.Call:
		if arguments = p.Call.Arguments; arguments == "{}" {
			arguments = ""
		}
		p.Call.Arguments = ""
	case genai.ServerTool:
		d.raw = append(d.raw[:0], p.Raw...) // text may be moved before the event is read
		p.Raw = d.raw
	}
	events = d.give(events, genai.Event{Kind: genai.PartStart, Index: d.part, Part: p})
	for i := range cited {
		events = d.give(events, genai.Event{Kind: genai.Delta, Delta: genai.DeltaCitation, Index: d.part, Citation: &cited[i]})
	}
	events = d.piece(events, genai.DeltaText, said)
	events = d.piece(events, genai.DeltaArguments, arguments)
	return d.piece(events, genai.DeltaSignature, proof)
}

// piece goes on with the open part.
func (d *decoder) piece(events []genai.Event, kind genai.DeltaKind, text string) []genai.Event {
	if text == "" {
		return events
	}
	return d.give(events, genai.Event{Kind: genai.Delta, Delta: kind, Index: d.part, Text: text})
}

func (d *decoder) delta(events []genai.Event, text []byte, start int) []genai.Event {
	if !d.open || d.kind == genai.ServerTool {
		return events
	}
	for m := jsonscan.Object(text, start); m.Next(); {
		if string(m.Name()) != "delta" || m.Kind() != '{' {
			continue
		}
		for inner := jsonscan.Object(text, m.Value.Start); inner.Next(); {
			switch name := inner.Name(); {
			case string(name) == "citation" && inner.Kind() == '{':
				r := reader{text: text}
				c := r.citation(inner.Value)
				c.Raw = append([]byte(nil), c.Raw...)
				events = d.give(events, genai.Event{Kind: genai.Delta, Delta: genai.DeltaCitation, Index: d.part, Citation: &c})
			case inner.Kind() != '"':
			case string(name) == "text" && d.kind == genai.Text, string(name) == "thinking" && d.kind == genai.Thinking:
				events = d.piece(events, genai.DeltaText, jsonscan.String(text, inner.Value))
			case string(name) == "partial_json" && d.kind == genai.Call:
				events = d.piece(events, genai.DeltaArguments, jsonscan.String(text, inner.Value))
			case string(name) == "signature" && d.kind == genai.Thinking:
				events = d.piece(events, genai.DeltaSignature, jsonscan.String(text, inner.Value))
			}
		}
	}
	return events
}

// stop ends the open part, if there is one.
func (d *decoder) stop(events []genai.Event) []genai.Event {
	if !d.open {
		return events
	}
	d.open = false
	return d.give(events, genai.Event{Kind: genai.PartEnd, Index: d.part})
}

func (d *decoder) messageDelta(events []genai.Event, text []byte, start int) []genai.Event {
	d.closed = true
	whole := jsonscan.Span{Start: start, End: len(text)}
	usage := wire.Member(text, whole, "usage")
	if !usage.Empty() && text[usage.Start] == '{' {
		d.counts.read(text, usage)
		events = d.give(events, genai.Event{Kind: genai.Reported, Usage: d.counts.usage(), ServiceTier: d.counts.serviceTier()})
	}
	delta := wire.Member(text, whole, "delta")
	if reason := wire.Member(text, delta, "stop_reason"); !reason.Empty() {
		events = d.stop(events)
		events = d.give(events, genai.Event{Kind: genai.Finish, Stop: stopOf(reason.Of(text)),
			StopSequence: wire.String(text, wire.Member(text, delta, "stop_sequence"))})
	}
	return events
}
