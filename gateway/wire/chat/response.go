package chat

import (
	"strings"
	"unicode/utf8"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

// AppendResponse appends the answer of another protocol as a chat completion.
func (Format) AppendResponse(out []byte, r *genai.Response, to *wire.Reply, usage genai.Usage, bill *wire.Bill) []byte {
	j := wire.JSON(out)
	j.Open("", '{')
	appendHead(&j, r.ID, "chat.completion", r.Created, to)
	j.Open("choices", '[')
	for i := range r.Choices {
		c := &r.Choices[i]
		j.Open("", '{')
		j.Int("index", int64(i))
		appendMessage(&j, c.Parts)
		if c.LogProbs != nil {
			j.Raw("logprobs", c.LogProbs)
		} else {
			j.Null("logprobs")
		}
		j.Text("finish_reason", finishReason(c.Stop, called(c.Parts)))
		j.Close('}')
	}
	j.Close(']')
	j.Some("service_tier", r.ServiceTier)
	j.Raw("usage", appendUsage(nil, usage, bill))
	j.Close('}')
	return j
}

// appendHead begins an answer, or a chunk of one.
func appendHead(j *wire.JSON, id, object string, created int64, to *wire.Reply) {
	if id == "" {
		id = "chatcmpl-" + to.ID
	}
	if created == 0 {
		created = to.Created
	}
	j.Text("id", id)
	j.Text("object", object)
	j.Int("created", created)
	j.Raw("model", to.Quoted)
}

func called(parts []genai.Part) bool {
	for i := range parts {
		if parts[i].Kind == genai.Call {
			return true
		}
	}
	return false
}

// finishReason is OpenAI's word; it has none for a pause, nor for what is not known.
func finishReason(s genai.Stop, called bool) string {
	switch s {
	case genai.StopUnknown, genai.StopPause:
		if called {
			return "tool_calls"
		}
		return "stop"
	}
	return s.String()
}

func appendMessage(j *wire.JSON, parts []genai.Part) {
	var content, refusal, reasoning strings.Builder
	var proofs, calls, images, cited int
	for i := range parts {
		p := &parts[i]
		switch p.Kind {
		case genai.Text:
			content.WriteString(p.Text)
			cited += len(p.Citations)
		case genai.Refusal:
			refusal.WriteString(p.Text)
		case genai.Thinking:
			reasoning.WriteString(p.Text)
			if p.Proof != nil {
				proofs++
			}
		case genai.Call:
			calls++
		case genai.Image:
			images++
		}
	}
	j.Open("message", '{')
	j.Text("role", "assistant")
	if content.Len() == 0 && (calls > 0 || refusal.Len() > 0) {
		j.Null("content")
	} else {
		j.Text("content", content.String())
	}
	if refusal.Len() > 0 {
		j.Text("refusal", refusal.String())
	} else {
		j.Null("refusal")
	}
	j.Some("reasoning_content", reasoning.String())
	each := func(name string, n int, kind genai.PartKind, write func(i int, p *genai.Part)) {
		if n == 0 {
			return
		}
		j.Open(name, '[')
		n = 0
		for i := range parts {
			if parts[i].Kind == kind {
				write(n, &parts[i])
				n++
			}
		}
		j.Close(']')
	}
	each("thinking_blocks", proofs, genai.Thinking, func(_ int, p *genai.Part) { appendBlock(j, p.Text, p.Proof) })
	offset := 0
	each("annotations", cited, genai.Text, func(_ int, p *genai.Part) {
		for k := range p.Citations {
			appendAnnotation(j, &p.Citations[k], offset)
		}
		offset += utf8.RuneCountInString(p.Text)
	})
	each("images", images, genai.Image, func(i int, p *genai.Part) { appendImage(j, i, p.Media) })
	each("tool_calls", calls, genai.Call, func(_ int, p *genai.Part) { encodeCall(j, p.Call, -1) })
	for i := range parts {
		if parts[i].Kind == genai.Audio {
			appendAudio(j, &parts[i])
			break
		}
	}
	j.Close('}')
}

// appendBlock writes thinking as LiteLLM's clients have it and send it back. Which
// protocol can check it stands in format, but for Anthropic's own.
func appendBlock(j *wire.JSON, text string, proof *genai.Proof) {
	j.Open("", '{')
	if proof == nil {
		proof = &genai.Proof{}
	}
	if proof.Redacted != "" {
		j.Text("type", "redacted_thinking")
		j.Text("data", proof.Redacted)
		j.Some("thinking", text)
	} else {
		j.Text("type", "thinking")
		j.Text("thinking", text)
		j.Some("signature", proof.Signature)
	}
	j.Some("id", proof.ID)
	if proof.From != genai.Anthropic {
		j.Some("format", proof.From)
	}
	j.Close('}')
}

// appendAnnotation writes a citation; offset is what stands before the text that its
// offsets count from.
func appendAnnotation(j *wire.JSON, c *genai.Citation, offset int) {
	j.Open("", '{')
	kind := "url_citation"
	if c.URL == "" {
		kind = "file_citation"
	}
	j.Text("type", kind)
	j.Open(kind, '{')
	if c.End > 0 {
		j.Int("start_index", int64(c.Start+offset))
		j.Int("end_index", int64(c.End+offset))
	}
	if c.URL != "" {
		j.Text("url", c.URL)
	} else {
		j.Int("index", int64(c.Document))
		j.Some("file_id", c.FileID)
	}
	j.Some("title", c.Title)
	j.Some("content", c.Quote)
	j.Close('}')
	j.Close('}')
}

// appendImage writes a picture as OpenRouter's clients have it.
func appendImage(j *wire.JSON, i int, m *genai.Media) {
	j.Open("", '{')
	j.Int("index", int64(i))
	j.Text("type", "image_url")
	encodeImage(j, m)
	j.Close('}')
}

func appendAudio(j *wire.JSON, p *genai.Part) {
	j.Open("audio", '{')
	j.Text("data", p.Media.Data)
	j.Text("transcript", p.Text)
	j.Close('}')
}
