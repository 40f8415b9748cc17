package gemini

import (
	"slices"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// NewDecoder reads the stream of one answer.
func (Protocol) NewDecoder() wire.Decoder { return &decoder{} }

// decoder reads streamGenerateContent. Its events are GenerateContentResponses whose
// parts go on with those before; nothing but the end of the stream ends an answer, so
// that candidates are finished there.
type decoder struct {
	split  wire.Splitter
	joined []byte
	probs  []byte
	events []genai.Event

	started bool
	over    bool // End or Failure was given
	ids     names
	model   family
	choices []choice
}

// choice is where a candidate's parts stand.
type choice struct {
	index    int // of the part under way, or of the next one
	open     bool
	seen     bool // some event has it: indexes may have gaps
	kind     genai.PartKind
	called   bool
	finish   string // as the candidate said last; some models say it in every event
	wide     bool   // its text has more bytes than characters
	searches int64
	cited    []genai.Citation // so far: later events may repeat them
}

// Decode reads the complete events in text.
func (d *decoder) Decode(events []genai.Event, text []byte, eof bool) (_ []genai.Event, used int) {
	d.events = events
	for {
		e, n := d.split.Next(text[used:], eof)
		if n == 0 {
			break
		}
		used += n
		d.event(&e)
	}
	if eof && !d.over {
		d.finish()
	}
	events, d.events = d.events, nil
	return events, used
}

func (d *decoder) emit(e genai.Event) { d.events = append(d.events, e) }

func (d *decoder) fail(e *apierror.Error) {
	if !d.over {
		d.over = true
		d.emit(genai.Event{Kind: genai.Failure, Err: e})
	}
}

// finish is the end of the stream: that of the answer, where all candidates that it has
// were finished.
func (d *decoder) finish() {
	cut := func(c choice) bool { return c.seen && c.finish == "" }
	if len(d.choices) > 0 && !slices.ContainsFunc(d.choices, cut) {
		for i := range d.choices {
			s := &d.choices[i]
			if !s.seen {
				continue
			}
			d.close(i, s)
			d.emit(genai.Event{Kind: genai.Finish, Choice: i, Stop: stopOf(s.finish, s.called)})
		}
		d.over = true
		d.emit(genai.Event{Kind: genai.End})
		return
	}
	d.fail(apierror.New(apierror.ProviderCut, "The provider's stream ended before the answer did."))
}

func (d *decoder) event(e *wire.SSE) {
	if len(e.Data) == 0 {
		switch {
		case e.Known && !d.over:
			d.emit(genai.Event{Kind: genai.Ping})
		case !e.Known && !d.started:
			d.notStream(e.Raw)
		}
		return
	}
	text, start := e.JSON(&d.joined)
	if len(text) == 0 {
		return
	}
	var c chunk
	switch {
	case !c.read(text, start):
		if !d.over {
			d.fail(unreadable("The provider's stream has an event that is not a JSON object.", text, start))
		}
	case !c.err.Empty():
		d.fail(errorInside(text, c.err))
	default:
		d.chunk(text, &c)
	}
}

// notStream reads an error that came in place of a stream.
func (d *decoder) notStream(raw []byte) {
	message := "The provider's answer is not an event stream."
	start := jsonscan.Space(raw, 0)
	var c chunk
	switch {
	case start == len(raw):
	case c.read(raw, start) && !c.err.Empty():
		d.fail(errorInside(raw, c.err))
	default:
		d.fail(unreadable(message, raw, start))
	}
}

func (d *decoder) chunk(text []byte, c *chunk) {
	if !d.over {
		if !d.started {
			d.started, d.ids.answer = true, c.id
			d.emit(genai.Event{Kind: genai.Start, ID: c.id})
		}
		if c.model != "" {
			d.model = familyOf(c.model)
		}
		if !c.candidates.Empty() {
			for e := jsonscan.Array(text, c.candidates.Start); e.Next(); {
				var one candidate
				if one.read(text, e.Value) {
					d.candidate(text, &one)
				}
			}
		}
		if c.blocked && len(d.choices) == 0 {
			s := d.at(0)
			s.seen, s.finish = true, "SAFETY"
		}
	}
	if !c.usage.Empty() {
		u := readUsage(text, c.usage)
		for i := range d.choices {
			u.Searches += d.choices[i].searches
		}
		d.emit(genai.Event{Kind: genai.Reported, Usage: u})
	}
}

func (d *decoder) at(index int) *choice {
	for len(d.choices) <= index {
		d.choices = append(d.choices, choice{})
	}
	return &d.choices[index]
}
