package chat

import (
	"bytes"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// events reads a provider's stream.
type events struct {
	wire.Told
	split   wire.Splitter
	choices []flow
	id      string
	tier    string
	sources []genai.Citation // of the answer, beside its choices; told once
}

// flow is a choice under way.
type flow struct {
	index   int // of the part under way
	open    bool
	kind    genai.PartKind
	call    int64  // index of the call under way
	callID  string // its id
	calls   int64  // the highest index of a call so far, and one
	refused bool
	called  bool
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
		for i := range d.choices {
			d.close(i)
		}
		d.Add(genai.Event{Kind: genai.End})
		d.Over = true
		return
	}
	end, ok := jsonscan.Skip(text, start)
	if !ok || text[start] != '{' || jsonscan.Space(text, end) != len(text) {
		d.Fail(apierror.New(apierror.ProviderUnreadable, "The provider's stream has an event that is not a JSON object."))
		return
	}
	if string(e.Name) == "error" {
		at := wire.Member(text, jsonscan.Span{Start: start, End: end}, "error")
		if at.Empty() {
			at = jsonscan.Span{Start: start, End: end}
		}
		d.Fail(wire.ErrorInside(text, at))
		return
	}
	d.chunk(text, start)
}

func (d *events) chunk(text []byte, start int) {
	var choices, usage jsonscan.Span
	for m := jsonscan.Object(text, start); m.Next(); {
		switch kind := m.Kind(); string(m.Name()) {
		case "id":
			if d.id == "" {
				d.id = wire.String(text, m.Value)
			}
		case "service_tier":
			if kind == '"' && (d.tier == "" || d.tier != string(text[m.Value.Start+1:m.Value.End-1])) {
				d.tier = jsonscan.String(text, m.Value)
			}
		case "error":
			if kind != 'n' {
				d.Fail(wire.ErrorInside(text, m.Value))
				return
			}
		case "choices":
			if kind == '[' {
				choices = m.Value
			}
		case "citations", "search_results": // repeated in every chunk
			if d.sources == nil {
				d.sources = sourcesOf(text, m.Value)
			}
		case "usage":
			if kind == '{' {
				usage = m.Value
			}
		}
	}
	if !d.Started {
		d.Started = true
		d.Add(genai.Event{Kind: genai.Start, ID: d.id, ServiceTier: d.tier})
	}
	if !choices.Empty() {
		for e := jsonscan.Array(text, choices.Start); e.Next(); {
			if e.Kind() == '{' {
				if inner := d.choice(text, e.Value); usage.Empty() {
					usage = inner
				}
			}
		}
	}
	if !usage.Empty() {
		u, _ := readUsage(text, usage)
		d.Add(genai.Event{Kind: genai.Reported, Usage: u, ServiceTier: d.tier})
	}
}

// maxChoice bounds the number of a choice: n is bounded for every request.
const maxChoice = wire.MaxChoices

// choice reads a choice of a chunk; usage is where Moonshot puts it.
func (d *events) choice(text []byte, at jsonscan.Span) (usage jsonscan.Span) {
	var delta, message, finish, logprobs jsonscan.Span
	var number int64
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		switch kind := m.Kind(); string(m.Name()) {
		case "index":
			number = wire.Count(m.Value.Of(text))
		case "delta":
			if kind == '{' {
				delta = m.Value
			}
		case "message": // in place of a delta; beside one it is all that was said so far
			if kind == '{' {
				message = m.Value
			}
		case "finish_reason":
			if kind == '"' {
				finish = m.Value
			}
		case "logprobs":
			if kind == '{' {
				logprobs = m.Value
			}
		case "usage":
			if kind == '{' {
				usage = m.Value
			}
		}
	}
	if number < 0 || number >= maxChoice {
		d.Fail(apierror.New(apierror.ProviderUnreadable, "The provider's stream has a choice with an index that is none."))
		return usage
	}
	for int64(len(d.choices)) <= number {
		d.choices = append(d.choices, flow{index: -1})
	}
	i := int(number)
	before := len(d.Out)
	if delta.Empty() {
		delta = message
	}
	if !delta.Empty() {
		d.delta(text, delta, i)
	}
	if !logprobs.Empty() {
		d.logprobs(before, i, logprobs.Of(text))
	}
	if !finish.Empty() {
		d.finish(i, stopOf(jsonscan.String(text, finish)))
	}
	return usage
}

// logprobs belong to the delta of their chunk; without one they stand alone.
func (d *events) logprobs(before, i int, raw []byte) {
	for k := before; k < len(d.Out); k++ {
		if d.Out[k].Kind == genai.Delta && d.Out[k].Delta == genai.DeltaText {
			d.Out[k].LogProbs = raw
			return
		}
	}
	if f := &d.choices[i]; f.open && f.kind == genai.Text {
		d.Add(genai.Event{Kind: genai.Delta, Choice: i, Index: f.index, LogProbs: raw})
	}
}

func (d *events) finish(i int, stop genai.Stop) {
	f := &d.choices[i]
	if f.open && f.kind == genai.Text {
		for k := range d.sources {
			d.Add(genai.Event{Kind: genai.Delta, Choice: i, Index: f.index, Delta: genai.DeltaCitation, Citation: &d.sources[k]})
		}
	}
	d.close(i)
	switch {
	case f.refused:
		stop = genai.StopFilter
	case f.called && (stop == genai.StopEnd || stop == genai.StopUnknown):
		stop = genai.StopTools
	}
	d.Add(genai.Event{Kind: genai.Finish, Choice: i, Stop: stop, ServiceTier: d.tier})
}
