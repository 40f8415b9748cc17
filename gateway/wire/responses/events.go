package responses

import (
	"bytes"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/wire"
)

// events reads a provider's stream.
type events struct {
	wire.Told
	split    wire.Splitter
	searches int64

	index   int // of the part under way, and one; parts are counted from 0
	open    bool
	kind    genai.PartKind
	output  int64 // output_index of the part under way
	content int64 // its content_index
	filled  bool  // something of it was told
	called  bool
	refused bool
}

// Decode reads the complete events in text.
func (d *events) Decode(into []genai.Event, text []byte, eof bool) (_ []genai.Event, used int) {
	d.Out = into
	for {
		e, n := d.split.Next(text[used:], eof)
		if n == 0 {
			break
		}
		used += n
		d.event(&e)
	}
	into, d.Out = d.Out, nil
	return into, used
}

func (d *events) event(e *wire.SSE) {
	text, start := d.JSON(e)
	if len(text) == 0 {
		return
	}
	if string(bytes.TrimSpace(text[start:])) == "[DONE]" {
		return // some servers add it
	}
	ev, ok := readEvent(text, start)
	switch {
	case !ok:
		d.Fail(apierror.New(apierror.ProviderUnreadable, "The provider's stream has an event that is not a JSON object."))
	case ev.typ == "error" || string(e.Name) == "error":
		d.Fail(ev.failure(text))
	case !ev.response.Empty():
		d.response(text, &ev)
	default:
		d.step(text, &ev)
	}
}

// response reads an event that holds the response: the first one, and the last.
func (d *events) response(text []byte, ev *event) {
	var seen wire.Seen
	var b body
	b.read(text, ev.response.Start, &seen)
	if !d.Started {
		d.Started = true
		d.Add(genai.Event{Kind: genai.Start, ID: seen.ID, ServiceTier: seen.ServiceTier})
	}
	switch ev.typ {
	case "response.completed", "response.incomplete", "response.cancelled":
		d.shut()
		stop := b.stop(nil)
		switch {
		case d.refused:
			stop = genai.StopFilter
		case d.called && stop == genai.StopEnd:
			stop = genai.StopTools
		}
		d.Add(genai.Event{Kind: genai.Finish, Stop: stop, ServiceTier: seen.ServiceTier})
		d.report(&seen)
		d.Add(genai.Event{Kind: genai.End})
		d.Over = true
	case "response.failed":
		d.report(&seen)
		if b.err.Empty() {
			d.Fail(apierror.New(apierror.ProviderError, "The provider's answer failed."))
		} else {
			d.Fail(failureOf(text, b.err))
		}
	}
}

func (d *events) report(seen *wire.Seen) {
	if seen.HasUsage {
		seen.Usage.Searches = d.searches
		d.Add(genai.Event{Kind: genai.Reported, Usage: seen.Usage, ServiceTier: seen.ServiceTier})
	}
}

// step reads an event that goes on with the output.
func (d *events) step(text []byte, ev *event) {
	d.start()
	switch ev.typ {
	case "response.output_item.added":
		d.added(text, ev)
	case "response.output_item.done":
		d.done(text, ev)
	case "response.output_text.delta":
		d.say(text, ev, genai.Text)
	case "response.refusal.delta":
		d.refused = true
		d.say(text, ev, genai.Refusal)
	case "response.reasoning_summary_text.delta", "response.reasoning_text.delta":
		d.say(text, ev, genai.Thinking)
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
		if s := wire.String(text, ev.delta); s != "" {
			d.arguments(ev, s)
		}
	case "response.function_call_arguments.done":
		d.late(text, ev, "arguments")
	case "response.custom_tool_call_input.done":
		d.late(text, ev, "input")
	case "response.output_text.annotation.added":
		if at := wire.Member(text, ev.whole, "annotation"); !at.Empty() {
			c := citationOf(text, at)
			c.Raw = bytes.Clone(c.Raw)
			d.begin(ev, genai.Part{Kind: genai.Text})
			d.Add(genai.Event{Kind: genai.Delta, Index: d.index - 1, Delta: genai.DeltaCitation, Citation: &c})
		}
	case "keepalive", "ping":
		d.Add(genai.Event{Kind: genai.Ping})
	}
}

func (d *events) start() {
	if !d.Started {
		d.Started = true
		d.Add(genai.Event{Kind: genai.Start})
	}
}

// added begins a tool call; the other items begin with what they say.
func (d *events) added(text []byte, ev *event) {
	d.shut()
	typ := wire.String(text, wire.Member(text, ev.item, "type"))
	if typ != "function_call" && typ != "custom_tool_call" {
		return
	}
	parts, _ := itemOf(text, ev.item, typ)
	whole := parts[0].Call.Arguments
	parts[0].Call.Arguments = ""
	d.called = true
	d.begin(ev, parts[0])
	if whole != "" && whole != "{}" {
		d.arguments(ev, whole)
	}
}

// done ends an item, and tells those that come whole.
func (d *events) done(text []byte, ev *event) {
	typ := wire.String(text, wire.Member(text, ev.item, "type"))
	switch typ {
	case "message":
	case "function_call":
		d.late(text, &event{whole: ev.item, output: ev.output}, "arguments")
	case "custom_tool_call":
		d.late(text, &event{whole: ev.item, output: ev.output}, "input")
	case "reasoning":
		parts, _ := itemOf(text, ev.item, typ)
		d.shut()
		if proof := parts[0].Proof; proof != nil {
			// What proves the thinking comes behind its text: a part of its own.
			d.begin(ev, genai.Part{Kind: genai.Thinking, Proof: proof})
		}
	default:
		if typ == "web_search_call" {
			d.searches++
		}
		if parts, ok := itemOf(text, ev.item, typ); ok {
			d.shut()
			parts[0].Raw = bytes.Clone(parts[0].Raw)
			d.begin(ev, parts[0])
		}
	}
	d.shut()
}

// say goes on with a text of a kind. The parts of a summary are one thought.
func (d *events) say(text []byte, ev *event, kind genai.PartKind) {
	s := wire.String(text, ev.delta)
	if s == "" {
		return
	}
	if kind == genai.Thinking && d.open && d.kind == kind && d.output == ev.output && d.content != ev.content {
		d.content = ev.content
		s = paragraph + s
	}
	d.begin(ev, genai.Part{Kind: kind})
	delta := genai.Event{Kind: genai.Delta, Index: d.index - 1, Text: s}
	if kind == genai.Text {
		delta.LogProbs = logProbs(text, wire.Member(text, ev.whole, "logprobs"))
	}
	d.Add(delta)
}

func (d *events) arguments(ev *event, s string) {
	if !d.open || d.kind != genai.Call || d.output != ev.output {
		d.Fail(apierror.New(apierror.ProviderUnreadable, "The provider's stream goes on with a tool call that is not under way."))
		return
	}
	d.filled = true
	d.Add(genai.Event{Kind: genai.Delta, Index: d.index - 1, Delta: genai.DeltaArguments, Text: s})
}

// late tells the arguments of a call that came in no delta.
func (d *events) late(text []byte, ev *event, name string) {
	if d.filled || !d.open || d.kind != genai.Call || d.output != ev.output {
		return
	}
	if s := wire.String(text, wire.Member(text, ev.whole, name)); s != "" && s != "{}" {
		d.arguments(ev, s)
	}
}

// begin begins a part, unless it is under way.
func (d *events) begin(ev *event, p genai.Part) {
	if d.open && d.kind == p.Kind && d.output == ev.output && d.content == ev.content {
		return
	}
	d.shut()
	d.open, d.filled, d.kind, d.output, d.content = true, false, p.Kind, ev.output, ev.content
	d.index++
	d.Add(genai.Event{Kind: genai.PartStart, Index: d.index - 1, Part: p})
}

func (d *events) shut() {
	if d.open {
		d.open = false
		d.Add(genai.Event{Kind: genai.PartEnd, Index: d.index - 1})
	}
}
