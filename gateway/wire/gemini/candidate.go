package gemini

import (
	"slices"
	"unicode/utf8"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
)

// candidate reads a piece of a candidate.
func (d *decoder) candidate(text []byte, c *candidate) {
	s := d.at(c.index)
	s.seen = true
	d.probs = d.probs[:0]
	if !c.logprobs.Empty() {
		d.probs = appendLogProbs(d.probs, text, c.logprobs)
	}
	if !c.parts.Empty() {
		for e := jsonscan.Array(text, c.parts.Start); e.Next(); {
			if p, signature, ok := readPart(text, e.Value, &d.ids); ok {
				d.part(c.index, s, &p, signature)
			}
		}
	}
	d.citations(text, c, s)
	if c.finish != "" && c.finish != "FINISH_REASON_UNSPECIFIED" {
		s.finish = c.finish
	}
}

func (d *decoder) part(index int, s *choice, p *genai.Part, signature string) {
	switch p.Kind {
	case genai.Text, genai.Thinking:
		if p.Text != "" {
			s.wide = s.wide || utf8.RuneCountInString(p.Text) != len(p.Text) && p.Kind == genai.Text
			d.begin(index, s, p.Kind)
			e := genai.Event{Kind: genai.Delta, Choice: index, Index: s.index, Text: p.Text}
			if p.Kind == genai.Text && len(d.probs) > 0 {
				e.LogProbs, d.probs = d.probs, nil
			}
			d.emit(e)
		}
		if p.Proof != nil {
			signature = p.Proof.Signature
		}
	case genai.Call:
		s.called = true
		d.whole(index, s, genai.Part{Kind: genai.Call, Call: &genai.ToolCall{ID: p.Call.ID, Name: p.Call.Name, Signature: p.Call.Signature}},
			genai.Event{Kind: genai.Delta, Delta: genai.DeltaArguments, Text: p.Call.Arguments})
	default:
		d.whole(index, s, *p)
	}
	if signature != "" {
		// Behind thinking it is that part's, behind anything else one of its own.
		d.begin(index, s, genai.Thinking)
		d.emit(genai.Event{Kind: genai.Delta, Choice: index, Index: s.index, Delta: genai.DeltaSignature, Text: signature})
		d.close(index, s)
	}
}

// begin opens a part of text or thinking, unless one is open.
func (d *decoder) begin(index int, s *choice, kind genai.PartKind) {
	if s.open && s.kind == kind {
		return
	}
	d.close(index, s)
	s.open, s.kind = true, kind
	p := genai.Part{Kind: kind}
	if kind == genai.Thinking {
		p.Proof = &genai.Proof{From: genai.Gemini}
	}
	d.emit(genai.Event{Kind: genai.PartStart, Choice: index, Index: s.index, Part: p})
}

// whole gives a part that comes in one piece.
func (d *decoder) whole(index int, s *choice, p genai.Part, deltas ...genai.Event) {
	d.close(index, s)
	d.emit(genai.Event{Kind: genai.PartStart, Choice: index, Index: s.index, Part: p})
	for _, e := range deltas {
		e.Choice, e.Index = index, s.index
		d.emit(e)
	}
	s.open = true
	d.close(index, s)
}

func (d *decoder) close(index int, s *choice) {
	if s.open {
		s.open = false
		d.emit(genai.Event{Kind: genai.PartEnd, Choice: index, Index: s.index})
		s.index++
	}
}

// maxCitations bounds what is remembered of a candidate.
const maxCitations = 1024

// citations gives those that are new. Their places are known as long as the text had a
// byte for each character: the text itself is not kept.
func (d *decoder) citations(text []byte, c *candidate, s *choice) {
	var all []genai.Citation
	if !c.grounding.Empty() {
		g := readGrounding(text, c.grounding, d.model)
		all, s.searches = g.citations, max(s.searches, g.searches)
	}
	if !c.citations.Empty() {
		all = append(all, readRecitation(text, c.citations)...)
	}
	for i := range all {
		same := func(o genai.Citation) bool {
			return o.URL == all[i].URL && o.Title == all[i].Title && o.Start == all[i].Start && o.End == all[i].End
		}
		if len(s.cited) >= maxCitations || slices.ContainsFunc(s.cited, same) {
			continue
		}
		s.cited = append(s.cited, all[i])
		told := all[i]
		if s.wide || told.Start > told.End {
			told.Start, told.End = 0, 0
		}
		d.begin(c.index, s, genai.Text)
		d.emit(genai.Event{Kind: genai.Delta, Choice: c.index, Index: s.index, Delta: genai.DeltaCitation, Citation: &told})
	}
}
