package chat

import (
	"unicode/utf8"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

// NewEncoder writes the stream of another protocol.
func (Format) NewEncoder(to *wire.Reply) wire.Encoder {
	r, ok := to.Request.(*Request)
	return &encoder{to: to, wantUsage: ok && r.includeUsage}
}

// encoder writes chunks.
type encoder struct {
	to        *wire.Reply
	wantUsage bool
	id        string
	tier      string
	choices   []told
}

// told is what was said of a choice.
type told struct {
	begun    bool // its role was told
	finished bool
	part     genai.Part // under way
	calls    int
	images   int
	runes    int // of its text before the part under way, and in it
	partEnd  int
}

// Encode appends the chunks of an event.
func (s *encoder) Encode(out []byte, e *genai.Event) []byte {
	switch e.Kind {
	case genai.Start:
		s.id, s.tier = e.ID, e.ServiceTier
		return s.begin(out, 0)
	case genai.Ping:
		return append(out, ": ping\n\n"...)
	case genai.PartStart, genai.Delta, genai.PartEnd, genai.Finish:
	default:
		return out
	}
	out = s.begin(out, e.Choice)
	if e.Choice >= len(s.choices) {
		return out
	}
	c := &s.choices[e.Choice]
	switch e.Kind {
	case genai.PartStart:
		return s.start(out, c, e)
	case genai.Delta:
		return s.delta(out, c, e)
	case genai.Finish:
		c.finished = true
		return s.finish(out, e.Choice, finishReason(e.Stop, c.calls > 0))
	}
	c.runes = c.partEnd
	return out
}

// begin tells the role, in the first chunk of a choice.
func (s *encoder) begin(out []byte, choice int) []byte {
	if choice < 0 || choice >= maxChoice {
		return out
	}
	for len(s.choices) <= choice {
		s.choices = append(s.choices, told{})
	}
	if s.choices[choice].begun {
		return out
	}
	s.choices[choice].begun = true
	return s.chunk(out, choice, nil, func(j *wire.JSON) {
		j.Text("role", "assistant")
		j.Text("content", "")
	})
}

// chunk appends a chunk with one delta.
func (s *encoder) chunk(out []byte, choice int, logprobs []byte, delta func(*wire.JSON)) []byte {
	j := s.open(out, choice)
	j.Open("delta", '{')
	delta(&j)
	j.Close('}')
	if logprobs != nil {
		j.Raw("logprobs", logprobs)
	}
	j.Null("finish_reason")
	return shut(j)
}

func (s *encoder) open(out []byte, choice int) wire.JSON {
	j := wire.JSON(append(out, "data: "...))
	j.Open("", '{')
	appendHead(&j, s.id, "chat.completion.chunk", 0, s.to)
	j.Some("service_tier", s.tier)
	j.Open("choices", '[')
	j.Open("", '{')
	j.Int("index", int64(choice))
	return j
}

func shut(j wire.JSON) []byte {
	j.Close('}')
	j.Close(']')
	j.Close('}')
	return append(j, "\n\n"...)
}

func (s *encoder) finish(out []byte, choice int, reason string) []byte {
	j := s.open(out, choice)
	j.Open("delta", '{')
	j.Close('}')
	j.Text("finish_reason", reason)
	return shut(j)
}

func (s *encoder) start(out []byte, c *told, e *genai.Event) []byte {
	c.part = e.Part
	p := &e.Part
	switch p.Kind {
	case genai.Call:
		c.calls++
		return s.chunk(out, e.Choice, nil, func(j *wire.JSON) {
			j.Open("tool_calls", '[')
			encodeCall(j, p.Call, c.calls-1)
			j.Close(']')
		})
	case genai.Image:
		c.images++
		return s.chunk(out, e.Choice, nil, func(j *wire.JSON) {
			j.Open("images", '[')
			appendImage(j, c.images-1, p.Media)
			j.Close(']')
		})
	case genai.Audio:
		return s.chunk(out, e.Choice, nil, func(j *wire.JSON) { appendAudio(j, p) })
	}
	if p.Text != "" {
		out = s.text(out, c, e.Choice, p.Text, nil)
	}
	if p.Kind == genai.Thinking && p.Proof != nil && (p.Proof.Signature != "" || p.Proof.Redacted != "") {
		out = s.blocks(out, e.Choice, "", p.Proof)
	}
	for i := range p.Citations {
		out = s.annotation(out, c, e.Choice, &p.Citations[i])
	}
	return out
}

func (s *encoder) delta(out []byte, c *told, e *genai.Event) []byte {
	switch e.Delta {
	case genai.DeltaText:
		return s.text(out, c, e.Choice, e.Text, e.LogProbs)
	case genai.DeltaArguments:
		input, kind := "arguments", "function"
		if c.part.Call != nil && c.part.Call.Custom {
			input, kind = "input", "custom"
		}
		return s.chunk(out, e.Choice, nil, func(j *wire.JSON) {
			j.Open("tool_calls", '[')
			j.Open("", '{')
			j.Int("index", int64(c.calls-1))
			j.Open(kind, '{')
			j.Text(input, e.Text)
			j.Close('}')
			j.Close('}')
			j.Close(']')
		})
	case genai.DeltaSignature:
		proof := genai.Proof{Signature: e.Text, From: genai.Anthropic}
		if c.part.Proof != nil {
			proof.From, proof.ID = c.part.Proof.From, c.part.Proof.ID
		}
		return s.blocks(out, e.Choice, "", &proof)
	case genai.DeltaCitation:
		if e.Citation != nil {
			return s.annotation(out, c, e.Choice, e.Citation)
		}
	}
	return out
}

// text goes on with what is under way. Thinking is told twice, as LiteLLM tells it:
// its blocks are what a client sends back with the signature.
func (s *encoder) text(out []byte, c *told, choice int, text string, logprobs []byte) []byte {
	name := "content"
	switch c.part.Kind {
	case genai.Thinking:
		name = "reasoning_content"
	case genai.Refusal:
		name = "refusal"
	case genai.Text:
		c.partEnd += utf8.RuneCountInString(text)
	}
	return s.chunk(out, choice, logprobs, func(j *wire.JSON) {
		j.Text(name, text)
		if c.part.Kind == genai.Thinking {
			j.Open("thinking_blocks", '[')
			appendBlock(j, text, nil)
			j.Close(']')
		}
	})
}

func (s *encoder) blocks(out []byte, choice int, text string, proof *genai.Proof) []byte {
	return s.chunk(out, choice, nil, func(j *wire.JSON) {
		j.Open("thinking_blocks", '[')
		appendBlock(j, text, proof)
		j.Close(']')
	})
}

func (s *encoder) annotation(out []byte, c *told, choice int, citation *genai.Citation) []byte {
	return s.chunk(out, choice, nil, func(j *wire.JSON) {
		j.Open("annotations", '[')
		appendAnnotation(j, citation, c.runes)
		j.Close(']')
	})
}

// AppendEnd appends the finish of a choice that the provider left open, the usage for
// a client that asked for it, and [DONE].
func (s *encoder) AppendEnd(out []byte, usage genai.Usage, bill *wire.Bill) []byte {
	for i := range s.choices {
		if c := &s.choices[i]; c.begun && !c.finished {
			out = s.finish(out, i, finishReason(genai.StopUnknown, c.calls > 0))
		}
	}
	if s.wantUsage {
		id := s.id
		if id == "" {
			id = "chatcmpl-" + s.to.ID
		}
		out = appendUsageChunk(out, id, s.to, usage, bill)
	}
	return append(out, "data: [DONE]\n\n"...)
}
