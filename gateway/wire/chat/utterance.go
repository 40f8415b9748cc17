package chat

import (
	"strings"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// utterance is what an assistant's message says, as its members come: earlier turns
// that a client sends back, and a provider's answer.
type utterance struct {
	content     []genai.Part
	thoughts    []thought
	details     []thought // OpenRouter's reasoning_details
	reasoning   string    // reasoning_content, or reasoning
	refusal     string
	calls       []genai.Part
	images      []genai.Part
	annotations []genai.Citation
}

// thought is a piece of thinking, with what proves it.
type thought struct {
	text  string
	proof genai.Proof
	// format is what the message says of where the proof comes from.
	format string
}

// member takes a member of a message; what it does not know is no part of what was said.
func (u *utterance) member(text []byte, m *jsonscan.Members) {
	switch kind := m.Kind(); string(m.Name()) {
	case "content":
		u.content = append(u.content, contentOf(text, m.Value)...)
	case "reasoning_content":
		if kind == '"' {
			u.reasoning = jsonscan.String(text, m.Value)
		}
	case "reasoning":
		if kind == '"' && u.reasoning == "" {
			u.reasoning = jsonscan.String(text, m.Value)
		}
	case "thinking_blocks":
		eachObject(text, m.Value, func(at jsonscan.Span) { u.thoughts = addThought(u.thoughts, block(text, at)) })
	case "reasoning_details":
		eachObject(text, m.Value, func(at jsonscan.Span) { u.details = addThought(u.details, detail(text, at)) })
	case "refusal":
		u.refusal = wire.String(text, m.Value)
	case "tool_calls":
		eachObject(text, m.Value, func(at jsonscan.Span) {
			c := callOf(text, at)
			u.calls = append(u.calls, genai.Part{Kind: genai.Call, Call: &c.ToolCall})
		})
	case "annotations":
		eachObject(text, m.Value, func(at jsonscan.Span) {
			if c, ok := citationOf(text, at); ok {
				u.annotations = append(u.annotations, c)
			}
		})
	case "images":
		eachObject(text, m.Value, func(at jsonscan.Span) {
			if media := mediaAt(wire.String(text, wire.Member(text, wire.Member(text, at, "image_url"), "url"))); media != nil {
				u.images = append(u.images, genai.Part{Kind: genai.Image, Media: media})
			}
		})
	case "audio":
		u.audio(text, m.Value)
	}
}

// audio takes what was spoken; its transcript is text where there is no other.
func (u *utterance) audio(text []byte, at jsonscan.Span) {
	data := wire.String(text, wire.Member(text, at, "data"))
	if data == "" {
		return
	}
	u.images = append(u.images, genai.Part{Kind: genai.Audio, Text: wire.String(text, wire.Member(text, at, "transcript")), Media: &genai.Media{Data: data}})
}

// parts puts what was said in the order in which models say it. from names the
// protocol that can check a proof of the given format.
func (u *utterance) parts(from func(format string) string) []genai.Part {
	thoughts := u.thoughts
	if len(thoughts) == 0 {
		thoughts = u.details
	}
	if len(thoughts) == 1 && thoughts[0].text == "" && thoughts[0].proof.Redacted == "" {
		thoughts[0].text = u.reasoning // the block has the signature alone
	}
	if len(thoughts) == 0 && u.reasoning != "" {
		thoughts = []thought{{text: u.reasoning}}
	}
	parts := make([]genai.Part, 0, len(thoughts)+len(u.content)+len(u.calls)+len(u.images)+1)
	for _, t := range thoughts {
		p := genai.Part{Kind: genai.Thinking, Text: t.text}
		if t.proof != (genai.Proof{}) {
			proof := t.proof
			proof.From = from(t.format)
			p.Proof = &proof
		}
		parts = append(parts, p)
	}
	for _, p := range u.content {
		if p.Text != "" || p.Kind != genai.Text {
			parts = append(parts, p)
		}
	}
	for i := len(parts) - 1; i >= 0 && len(u.annotations) > 0; i-- {
		if parts[i].Kind == genai.Text {
			parts[i].Citations = u.annotations
			break
		}
	}
	if u.refusal != "" {
		parts = append(parts, genai.Part{Kind: genai.Refusal, Text: u.refusal})
	}
	return append(append(parts, u.images...), u.calls...)
}

// signer names the protocol of a proof that a client sends back: the gateway wrote its
// name beside it, other clients write OpenRouter's, and LiteLLM's is Anthropic's.
func signer(format string) string {
	for _, protocol := range genai.Protocols() {
		if format == protocol {
			return protocol
		}
	}
	switch {
	case strings.HasPrefix(format, "google-"):
		return genai.Gemini
	case strings.HasPrefix(format, "openai-"), strings.HasPrefix(format, "xai-"), strings.HasPrefix(format, "azure-"):
		return genai.Responses
	}
	return genai.Anthropic
}

// spoken is the signer of a provider's own answer.
func spoken(string) string { return genai.Chat }

// addThought joins pieces of one thought: those of a stream come one by one, and the
// signature with the last.
func addThought(all []thought, t thought) []thought {
	if n := len(all); n > 0 && all[n-1].proof == (genai.Proof{}) && t.proof.Redacted == "" {
		all[n-1].text += t.text
		all[n-1].proof, all[n-1].format = t.proof, t.format
		return all
	}
	return append(all, t)
}

// block reads an entry of thinking_blocks.
func block(text []byte, at jsonscan.Span) thought {
	get := func(name string) string { return wire.String(text, wire.Member(text, at, name)) }
	return thought{text: get("thinking"), format: get("format"),
		proof: genai.Proof{Signature: get("signature"), Redacted: get("data"), ID: get("id")}}
}

// detail reads an entry of reasoning_details.
func detail(text []byte, at jsonscan.Span) thought {
	get := func(name string) string { return wire.String(text, wire.Member(text, at, name)) }
	t := thought{text: get("text"), format: get("format"), proof: genai.Proof{Signature: get("signature"), Redacted: get("data")}}
	if t.text == "" {
		t.text = get("summary")
	}
	if t.proof != (genai.Proof{}) {
		t.proof.ID = get("id")
	}
	return t
}

// eachObject visits the objects of an array, and of nothing else.
func eachObject(text []byte, at jsonscan.Span, visit func(jsonscan.Span)) {
	if text[at.Start] != '[' {
		return
	}
	for e := jsonscan.Array(text, at.Start); e.Next(); {
		if e.Kind() == '{' {
			visit(e.Value)
		}
	}
}

// contentOf reads the content of an answer: a string, or Mistral's list of parts.
func contentOf(text []byte, at jsonscan.Span) []genai.Part {
	if text[at.Start] == '"' {
		if at.End-at.Start == 2 {
			return nil
		}
		return []genai.Part{{Kind: genai.Text, Text: jsonscan.String(text, at)}}
	}
	var parts []genai.Part
	eachObject(text, at, func(part jsonscan.Span) {
		get := func(name string) jsonscan.Span { return wire.Member(text, part, name) }
		switch wire.String(text, get("type")) {
		case "text":
			parts = append(parts, genai.Part{Kind: genai.Text, Text: wire.String(text, get("text"))})
		case "refusal":
			parts = append(parts, genai.Part{Kind: genai.Refusal, Text: wire.String(text, get("refusal"))})
		case "thinking":
			parts = append(parts, genai.Part{Kind: genai.Thinking, Text: thinkingText(text, get("thinking"))})
		case "image_url":
			if media := mediaAt(wire.String(text, wire.Member(text, get("image_url"), "url"))); media != nil {
				parts = append(parts, genai.Part{Kind: genai.Image, Media: media})
			}
		}
	})
	return parts
}

// thinkingText is the text of Mistral's thinking part: a string, or a list of texts.
func thinkingText(text []byte, at jsonscan.Span) string {
	if at.Empty() || text[at.Start] == '"' {
		return wire.String(text, at)
	}
	var b strings.Builder
	eachObject(text, at, func(part jsonscan.Span) { b.WriteString(wire.String(text, wire.Member(text, part, "text"))) })
	return b.String()
}

// call is a tool call, whole or a piece of one.
type call struct {
	genai.ToolCall
	index int64 // of the call in a stream; -1 when it does not say
}

func callOf(text []byte, at jsonscan.Span) call {
	c := call{index: -1}
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		switch string(m.Name()) {
		case "index":
			c.index = wire.Count(m.Value.Of(text))
		case "id":
			c.ID = wire.String(text, m.Value)
		case "type":
			c.Custom = wire.String(text, m.Value) == "custom"
		case "function", "custom":
			if m.Kind() != '{' {
				continue
			}
			for f := jsonscan.Object(text, m.Value.Start); f.Next(); {
				switch string(f.Name()) {
				case "name":
					c.Name = wire.String(text, f.Value)
				case "arguments", "input":
					if f.Kind() == '{' { // some servers give the object
						c.Arguments = string(f.Value.Of(text))
					} else {
						c.Arguments = wire.String(text, f.Value)
					}
				}
			}
		case "extra_content":
			c.Signature = wire.String(text, wire.Member(text, wire.Member(text, m.Value, "google"), "thought_signature"))
		}
	}
	return c
}
