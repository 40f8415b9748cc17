package chat

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// delta reads what a chunk adds to a choice.
func (d *events) delta(text []byte, at jsonscan.Span, i int) {
	reasoned := false
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		switch kind := m.Kind(); string(m.Name()) {
		case "content":
			switch kind {
			case '"':
				d.say(i, genai.Text, wire.String(text, m.Value))
			case '[':
				for _, p := range contentOf(text, m.Value) {
					d.part(i, p)
				}
			}
		case "reasoning_content", "reasoning": // one of them, or both with the same
			if kind == '"' && !reasoned {
				s := jsonscan.String(text, m.Value)
				d.say(i, genai.Thinking, s)
				reasoned = s != ""
			}
		case "reasoning_details", "thinking_blocks":
			d.details(text, m.Value, i)
		case "refusal":
			if kind == '"' {
				d.say(i, genai.Refusal, jsonscan.String(text, m.Value))
			}
		case "tool_calls":
			eachObject(text, m.Value, func(at jsonscan.Span) { d.call(i, callOf(text, at)) })
		case "annotations":
			eachObject(text, m.Value, func(at jsonscan.Span) {
				if c, ok := citationOf(text, at); ok {
					c.Raw = append([]byte(nil), c.Raw...)
					d.open(i, genai.Part{Kind: genai.Text})
					d.Add(genai.Event{Kind: genai.Delta, Choice: i, Index: d.choices[i].index, Delta: genai.DeltaCitation, Citation: &c})
				}
			})
		case "images", "audio":
			var u utterance
			u.member(text, &m)
			for _, p := range u.images {
				d.part(i, p)
			}
		}
	}
}

// details reads what proves the thinking; its text has come as reasoning.
func (d *events) details(text []byte, at jsonscan.Span, i int) {
	eachObject(text, at, func(at jsonscan.Span) {
		t := detail(text, at)
		f := &d.choices[i]
		switch {
		case t.proof.Redacted != "":
			t.proof.From = genai.Chat
			d.part(i, genai.Part{Kind: genai.Thinking, Proof: &t.proof})
		case t.proof.Signature != "":
			d.open(i, genai.Part{Kind: genai.Thinking})
			d.Add(genai.Event{Kind: genai.Delta, Choice: i, Index: f.index, Delta: genai.DeltaSignature, Text: t.proof.Signature})
		}
	})
}

// say goes on with a text of a kind.
func (d *events) say(i int, kind genai.PartKind, text string) {
	if text == "" {
		return
	}
	d.open(i, genai.Part{Kind: kind})
	f := &d.choices[i]
	f.refused = f.refused || kind == genai.Refusal
	d.Add(genai.Event{Kind: genai.Delta, Choice: i, Index: f.index, Text: text})
}

// part tells of a part that came whole.
func (d *events) part(i int, p genai.Part) {
	if p.Text != "" && p.Media == nil {
		d.say(i, p.Kind, p.Text)
		return
	}
	d.close(i)
	d.start(i, p)
	d.close(i)
}

// call goes on with a tool call. A piece with another index, or with another id, is
// another call's: some vendors give no index, or always 0.
func (d *events) call(i int, c call) {
	f := &d.choices[i]
	own := f.open && f.kind == genai.Call && (c.index < 0 || c.index == f.call) && (c.ID == "" || c.ID == f.callID)
	if !own {
		if c.index >= 0 && c.index < f.calls && (c.ID == "" || c.Name == "") {
			if c.Arguments != "" {
				d.Fail(apierror.New(apierror.ProviderUnreadable, "The provider's stream goes back to a tool call that it had left."))
			}
			return
		}
		d.close(i)
		f.call, f.callID, f.called = max(c.index, 0), c.ID, true
		f.calls = max(f.calls, c.index+1)
		start := c.ToolCall
		start.Arguments = ""
		d.start(i, genai.Part{Kind: genai.Call, Call: &start})
	}
	if c.Arguments != "" {
		d.Add(genai.Event{Kind: genai.Delta, Choice: i, Index: f.index, Delta: genai.DeltaArguments, Text: c.Arguments})
	}
}

// open begins a part, unless one of the kind is under way.
func (d *events) open(i int, p genai.Part) {
	if f := &d.choices[i]; !f.open || f.kind != p.Kind {
		d.close(i)
		d.start(i, p)
	}
}

func (d *events) start(i int, p genai.Part) {
	f := &d.choices[i]
	f.index++
	f.open, f.kind = true, p.Kind
	d.Add(genai.Event{Kind: genai.PartStart, Choice: i, Index: f.index, Part: p})
}

func (d *events) close(i int) {
	if f := &d.choices[i]; f.open {
		f.open = false
		d.Add(genai.Event{Kind: genai.PartEnd, Choice: i, Index: f.index})
	}
}
