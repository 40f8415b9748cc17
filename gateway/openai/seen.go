package openai

import "weir/gateway/jsonscan"

// maxText bounds the output text that is kept for a provider that reports no
// usage; what comes after it is only counted.
const maxText = 4 << 20

// Seen is what the gateway has read of an answer so far.
type Seen struct {
	ID           string // the provider's own id of the call
	ServiceTier  string
	FinishReason string
	Usage        Usage
	HasUsage     bool
	Content      bool // some output has come: text, reasoning or a tool call

	// Text is the output as it stands in the JSON, escapes included, for
	// counting tokens when the provider reports none. Unkept is how many more
	// bytes there were than are kept.
	Text   []byte
	Unkept int64

	finish []byte
	tier   []byte
}

func (s *Seen) text(text []byte, value jsonscan.Span) {
	inner := text[value.Start+1 : value.End-1]
	if len(inner) == 0 {
		return
	}
	s.Content = true
	if len(inner) > maxText-len(s.Text) {
		s.Unkept += int64(len(inner)) // whole or not at all: no escape is cut
		return
	}
	s.Text = append(s.Text, inner...)
}

// choices reads the choices of an answer or a chunk; usage is where a vendor
// put it inside a choice, if one did.
func (s *Seen) choices(text []byte, at jsonscan.Span) (usage jsonscan.Span) {
	for e := jsonscan.Array(text, at.Start); e.Next(); {
		if e.Kind() != '{' {
			continue
		}
		m := jsonscan.Object(text, e.Value.Start)
		for m.Next() {
			switch string(m.Name()) {
			case "delta", "message":
				if m.Kind() == '{' {
					s.message(text, m.Value.Start)
				}
			case "text":
				if m.Kind() == '"' {
					s.text(text, m.Value)
				}
			case "finish_reason":
				if m.Kind() == '"' {
					s.finish = append(s.finish[:0], m.Value.Of(text)...)
				}
			case "usage":
				if m.Kind() == '{' {
					usage = m.Value
				}
			}
		}
	}
	return usage
}

func (s *Seen) message(text []byte, at int) {
	m := jsonscan.Object(text, at)
	for m.Next() {
		switch kind := m.Kind(); string(m.Name()) {
		case "content", "reasoning", "reasoning_content", "refusal":
			if kind == '"' {
				s.text(text, m.Value)
			} else if kind == '[' {
				s.parts(text, m.Value.Start)
			}
		case "tool_calls":
			if kind == '[' {
				s.calls(text, m.Value.Start)
			}
		case "function_call":
			if kind == '{' {
				s.function(text, m.Value.Start)
			}
		}
	}
}

// parts reads content given as a list of parts.
func (s *Seen) parts(text []byte, at int) {
	for e := jsonscan.Array(text, at); e.Next(); {
		if e.Kind() != '{' {
			continue
		}
		for m := jsonscan.Object(text, e.Value.Start); m.Next(); {
			if string(m.Name()) == "text" && m.Kind() == '"' {
				s.text(text, m.Value)
			}
		}
	}
}

func (s *Seen) calls(text []byte, at int) {
	for e := jsonscan.Array(text, at); e.Next(); {
		if e.Kind() != '{' {
			continue
		}
		for m := jsonscan.Object(text, e.Value.Start); m.Next(); {
			if string(m.Name()) == "function" && m.Kind() == '{' {
				s.function(text, m.Value.Start)
			}
		}
	}
}

func (s *Seen) function(text []byte, at int) {
	for m := jsonscan.Object(text, at); m.Next(); {
		if name := m.Name(); (string(name) == "name" || string(name) == "arguments") && m.Kind() == '"' {
			s.text(text, m.Value)
		}
	}
}

// settle turns what was kept as bytes on the way into strings, once.
func (s *Seen) settle() {
	if len(s.finish) > 0 {
		s.FinishReason = jsonscan.String(s.finish, jsonscan.Span{End: len(s.finish)})
	}
	if len(s.tier) > 0 {
		s.ServiceTier = jsonscan.String(s.tier, jsonscan.Span{End: len(s.tier)})
	}
}
