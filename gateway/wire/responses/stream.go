package responses

import (
	"bytes"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// stream passes a provider's stream on, edited in place.
type stream struct {
	to     *wire.Reply
	seen   wire.Seen
	err    *apierror.Error
	split  wire.Splitter
	edits  []jsonscan.Edit
	joined []byte
	events int
	cut    bool // what was written last is no whole event

	end    []byte // the event that ends the answer, withheld
	ending body   // the response in it
}

func (s *stream) Seen() *wire.Seen     { return &s.seen }
func (s *stream) Err() *apierror.Error { return s.err }
func (s *stream) Started() bool        { return s.events > 0 }
func (s *stream) Close()               {}

// Feed reads the complete events in text; see wire.Stream.
func (s *stream) Feed(out, text []byte, eof bool) (_ []byte, used int, step wire.Step) {
	for {
		e, n := s.split.Next(text[used:], eof)
		if n == 0 {
			return out, used, s.step()
		}
		used += n
		before := len(out)
		out = s.event(out, &e)
		s.cut = e.Cut && len(out) > before
	}
}

func (s *stream) step() wire.Step {
	switch {
	case s.err != nil:
		return wire.Failed
	case s.end != nil:
		return wire.Done
	}
	return wire.More
}

func (s *stream) fail(e *apierror.Error) {
	if s.err == nil && s.end == nil {
		s.err = e
	}
}

func (s *stream) event(out []byte, e *wire.SSE) []byte {
	open := s.step() == wire.More
	text, start := e.JSON(&s.joined)
	if len(text) == 0 || string(bytes.TrimSpace(text[start:])) == "[DONE]" {
		if len(e.Data) == 0 && !e.Known && s.events == 0 {
			s.fail(apierror.New(apierror.ProviderUnreadable, "The provider's answer is not an event stream."))
		} else if open {
			out = append(out, e.Raw...)
		}
		return out
	}
	ev, ok := readEvent(text, start)
	if !ok {
		s.fail(apierror.New(apierror.ProviderUnreadable, "The provider's stream has an event that is not a JSON object."))
		return out
	}
	if ev.typ == "error" || string(e.Name) == "error" {
		s.fail(ev.failure(text))
		return out
	}
	s.events++
	s.note(text, &ev)
	if ev.response.Empty() {
		if open {
			out = append(out, e.Raw...)
		}
		return out
	}
	var b body
	b.read(text, ev.response.Start, &s.seen)
	switch ev.typ {
	case "response.failed":
		if b.err.Empty() {
			s.fail(apierror.New(apierror.ProviderError, "The provider's answer failed."))
		} else {
			s.fail(failureOf(text, b.err))
		}
		return out
	case "response.completed", "response.incomplete", "response.cancelled":
		s.seen.FinishReason = b.finish()
		if open {
			s.end = append([]byte(nil), e.Raw...)
			s.ending = b
			s.ending.text = append([]byte(nil), text...)
		}
		return out
	}
	if !open {
		return out
	}
	s.edits = b.edits(s.edits[:0], s.to.Quoted, nil, nil)
	return jsonscan.Apply(out, e.Raw, s.edits)
}

// note notes what an event says of the output; what repeats it whole is left out.
func (s *stream) note(text []byte, ev *event) {
	switch ev.typ {
	case "response.output_text.delta", "response.refusal.delta", "response.reasoning_text.delta", "response.reasoning_summary_text.delta",
		"response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
		if !ev.delta.Empty() && text[ev.delta.Start] == '"' {
			s.seen.AddText(text[ev.delta.Start+1 : ev.delta.End-1])
		}
	case "response.output_item.added":
		if name := wire.Member(text, ev.item, "name"); !name.Empty() && text[name.Start] == '"' {
			s.seen.AddText(text[name.Start+1 : name.End-1])
		}
	case "response.output_item.done":
		switch wire.String(text, wire.Member(text, ev.item, "type")) {
		case "web_search_call":
			s.seen.Usage.Searches++
		case "image_generation_call":
			s.seen.Content = true
		}
	}
}

// AppendGap appends what must stand between the provider's bytes and an event of the
// gateway's own: a blank line, where the provider ended without one.
func (s *stream) AppendGap(out []byte) []byte {
	if s.cut {
		out = append(out, "\n\n"...)
	}
	return out
}

// AppendEnd appends the event that ends the answer, with the bill.
func (s *stream) AppendEnd(out []byte, usage genai.Usage, bill *wire.Bill) []byte {
	if s.end == nil {
		return out
	}
	return jsonscan.Apply(out, s.end, s.ending.edits(nil, s.to.Quoted, &usage, bill))
}

// event is an event's JSON as far as all readers need it.
type event struct {
	typ      string
	response jsonscan.Span // empty when absent, as the ones below
	item     jsonscan.Span
	delta    jsonscan.Span
	err      jsonscan.Span
	whole    jsonscan.Span
	output   int64 // output_index
	content  int64 // content_index, or summary_index
}

// readEvent reads the object at text[start]; it is false when that is none.
func readEvent(text []byte, start int) (ev event, ok bool) {
	m := jsonscan.Object(text, start)
	for m.Next() {
		switch kind := m.Kind(); string(m.Name()) {
		case "type":
			ev.typ = typeOf(text, m.Value)
		case "response":
			if kind == '{' {
				ev.response = m.Value
			}
		case "item":
			if kind == '{' {
				ev.item = m.Value
			}
		case "delta":
			ev.delta = m.Value
		case "error":
			if kind != 'n' {
				ev.err = m.Value
			}
		case "output_index":
			ev.output = wire.Count(m.Value.Of(text))
		case "content_index", "summary_index":
			ev.content = wire.Count(m.Value.Of(text))
		}
	}
	ev.whole = jsonscan.Span{Start: start, End: m.Pos()}
	return ev, m.OK() && jsonscan.Space(text, m.Pos()) == len(text)
}

// typeOf is an event's type; those that come often are not copied.
func typeOf(text []byte, at jsonscan.Span) string {
	switch string(at.Of(text)) {
	case `"response.output_text.delta"`:
		return "response.output_text.delta"
	case `"response.function_call_arguments.delta"`:
		return "response.function_call_arguments.delta"
	case `"response.reasoning_summary_text.delta"`:
		return "response.reasoning_summary_text.delta"
	}
	return wire.String(text, at)
}

// failure is the error of an error event, which has its fields flat or in an object.
func (ev *event) failure(text []byte) *apierror.Error {
	if !ev.err.Empty() {
		return failureOf(text, ev.err)
	}
	e := failureOf(text, ev.whole)
	if e.Type == "error" { // that is the event's
		e.Type = "server_error"
		if e.Status < 500 {
			e.Type = "invalid_request_error"
		}
	}
	return e
}
