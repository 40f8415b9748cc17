package wire

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
)

// Translate reads a plain answer of a protocol for a client of another format.
func Translate(f Format, p Protocol, text []byte, to *Reply) (Answer, *apierror.Error) {
	r, e := p.Decode(text)
	if e != nil {
		return nil, e
	}
	a := &translated{format: f, to: to, response: r}
	a.seen.ID, a.seen.ServiceTier = r.ID, r.ServiceTier
	if r.Usage != nil {
		a.seen.Usage, a.seen.HasUsage = *r.Usage, true
	}
	for i := range r.Choices {
		a.seen.FinishReason = r.Choices[i].Stop.String()
		for j := range r.Choices[i].Parts {
			a.seen.part(&r.Choices[i].Parts[j])
		}
	}
	return a, nil
}

// translated is a plain answer.
type translated struct {
	format   Format
	to       *Reply
	response *genai.Response
	seen     Seen
}

func (a *translated) Seen() *Seen { return &a.seen }

func (a *translated) Append(out []byte, usage genai.Usage, bill *Bill) []byte {
	return a.format.AppendResponse(out, a.response, a.to, usage, bill)
}

// part notes what a whole part says.
func (s *Seen) part(p *genai.Part) {
	s.output(p.Text)
	if p.Call != nil {
		s.output(p.Call.Name)
		s.output(p.Call.Arguments)
	}
	s.Content = s.Content || p.Kind == genai.Image || p.Kind == genai.Audio
}

// output notes a piece of output that stands in no JSON yet.
func (s *Seen) output(text string) {
	if text == "" {
		return
	}
	quoted := jsonscan.AppendString(nil, text)
	s.AddText(quoted[1 : len(quoted)-1])
}

// NewTranslation reads a protocol's stream for a client of another format.
func NewTranslation(f Format, p Protocol, to *Reply) Stream {
	return &translation{decoder: p.NewDecoder(), encoder: f.NewEncoder(to)}
}

// translation is a stream between two formats, event by event.
type translation struct {
	decoder Decoder
	encoder Encoder
	events  []genai.Event
	seen    Seen
	started bool
	// reported says that the provider did report usage, beyond what the answer began with.
	reported bool
	ended    bool
	err      *apierror.Error
}

func (t *translation) Seen() *Seen                 { return &t.seen }
func (t *translation) Started() bool               { return t.started }
func (t *translation) Err() *apierror.Error        { return t.err }
func (t *translation) Close()                      {}
func (t *translation) AppendGap(out []byte) []byte { return out } // only whole events are written

func (t *translation) Feed(out, text []byte, eof bool) (_ []byte, used int, step Step) {
	t.events, used = t.decoder.Decode(t.events[:0], text, eof)
	for i := range t.events {
		out = t.event(out, &t.events[i])
	}
	switch {
	case t.err != nil:
		return out, used, Failed
	case t.ended:
		return out, used, Done
	}
	return out, used, More
}

func (t *translation) event(out []byte, e *genai.Event) []byte {
	if e.Kind != genai.Failure && e.Kind != genai.Ping {
		t.started = true
	}
	switch e.Kind {
	case genai.Start:
		t.seen.ID, t.seen.ServiceTier = e.ID, e.ServiceTier
		if e.Usage != (genai.Usage{}) {
			t.seen.Usage, t.seen.HasUsage, t.seen.Partial = e.Usage, true, true
		}
	case genai.PartStart:
		t.seen.part(&e.Part)
	case genai.Delta:
		if e.Delta == genai.DeltaText || e.Delta == genai.DeltaArguments {
			t.seen.output(e.Text)
		}
	case genai.Finish:
		t.seen.FinishReason, t.seen.Partial = e.Stop.String(), t.seen.Partial && !t.reported
	case genai.Reported: // some report in every event what was used so far
		t.seen.Usage, t.seen.HasUsage, t.reported = e.Usage, true, true
		t.seen.Partial = t.seen.FinishReason == "" && !t.ended && t.err == nil
	case genai.Failure:
		if !t.ended && t.err == nil {
			t.err = e.Err
		}
		return out
	case genai.End:
		t.ended, t.seen.Partial = t.err == nil, t.seen.Partial && !t.reported
		return out
	}
	if e.ServiceTier != "" {
		t.seen.ServiceTier = e.ServiceTier
	}
	if t.ended || t.err != nil {
		return out
	}
	return t.encoder.Encode(out, e)
}

func (t *translation) AppendEnd(out []byte, usage genai.Usage, bill *Bill) []byte {
	return t.encoder.AppendEnd(out, usage, bill)
}
