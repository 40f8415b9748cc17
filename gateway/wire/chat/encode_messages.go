package chat

import (
	"strings"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

func encodeMessages(j *wire.JSON, r *genai.Request, notes *genai.Notes) {
	// DeepSeek wants all of the thinking back once a tool was called, and refuses the
	// conversation without it; where none was, nobody misses it.
	thinking := r.From == genai.Chat
	for i := range r.Messages {
		for k := range r.Messages[i].Parts {
			thinking = thinking || r.Messages[i].Parts[k].Kind == genai.Call
		}
	}
	j.Open("messages", '[')
	for i := range r.Messages {
		m := &r.Messages[i]
		switch m.Role {
		case genai.System:
			encodeText(j, "system", m)
		case genai.Developer:
			// Models that know developer messages take system ones for the same; most
			// vendors know the latter alone.
			role := "system"
			if r.From == genai.Chat {
				role = "developer"
			}
			encodeText(j, role, m)
		case genai.Assistant:
			encodeAssistant(j, m, r.From == genai.Chat, thinking, notes)
		default:
			encodeUser(j, m)
		}
	}
	j.Close(']')
}

func encodeText(j *wire.JSON, role string, m *genai.Message) {
	if len(m.Parts) == 0 {
		return
	}
	j.Open("", '{')
	j.Text("role", role)
	encodeContent(j, m.Parts)
	j.Some("name", m.Name)
	j.Close('}')
}

// encodeUser writes a message of the user's: what tools answered comes first, directly
// behind the calls, and then the rest.
func encodeUser(j *wire.JSON, m *genai.Message) {
	var rest []genai.Part
	for i := range m.Parts {
		if m.Parts[i].Kind == genai.Result {
			rest = encodeResult(j, &m.Parts[i], rest)
		}
	}
	for i := range m.Parts {
		if m.Parts[i].Kind != genai.Result {
			rest = append(rest, m.Parts[i])
		}
	}
	if len(rest) == 0 {
		return
	}
	j.Open("", '{')
	j.Text("role", "user")
	encodeContent(j, rest)
	j.Some("name", m.Name)
	j.Close('}')
}

// encodeResult writes what a tool answered. Only text may stand there: pictures and
// files are added to what the user says next.
func encodeResult(j *wire.JSON, p *genai.Part, rest []genai.Part) []genai.Part {
	var texts []genai.Part
	for _, inner := range p.Result.Parts {
		if inner.Kind == genai.Text || inner.Kind == genai.Refusal {
			texts = append(texts, inner)
		} else {
			rest = append(rest, inner)
		}
	}
	if p.Result.Failed { // there is no other place for it
		texts = append([]genai.Part{{Text: "The tool failed."}}, texts...)
	}
	if len(texts) == 0 {
		texts = []genai.Part{{}}
	}
	j.Open("", '{')
	j.Text("role", "tool")
	j.Text("tool_call_id", p.Result.CallID)
	encodeContent(j, texts)
	encodeCache(j, p.Cache)
	j.Close('}')
	return rest
}

// encodeAssistant writes an earlier answer. own says that the client speaks the same,
// thought that thinking without a proof is wanted back.
func encodeAssistant(j *wire.JSON, m *genai.Message, own, thought bool, notes *genai.Notes) {
	var content []genai.Part
	var refusal, thinking strings.Builder
	calls, proofs := 0, 0
	for i := range m.Parts {
		p := &m.Parts[i]
		switch p.Kind {
		case genai.Text:
			content = append(content, *p)
		case genai.Refusal:
			refusal.WriteString(p.Text)
		case genai.Thinking:
			thinking.WriteString(p.Text)
			if p.Proof != nil {
				proofs++
			} else if !thought && p.Text != "" {
				notes.At(genai.EarlierThinking, m.Index)
			}
		case genai.Call:
			calls++
		case genai.Image, genai.Audio, genai.File:
			notes.At(genai.ModelMedia, m.Index)
		}
	}
	if len(content)+calls+refusal.Len() == 0 && !own {
		return // it had nothing that can be said here
	}
	j.Open("", '{')
	j.Text("role", "assistant")
	switch {
	case len(content) > 0 && (own || len(content) == 1):
		encodeContent(j, content)
	case len(content) > 0: // many vendors take one text alone
		var b strings.Builder
		for i := range content {
			b.WriteString(content[i].Text)
		}
		j.Text("content", b.String())
	case calls > 0 || refusal.Len() > 0:
		j.Null("content")
	default:
		j.Text("content", "")
	}
	j.Some("refusal", refusal.String())
	if thinking.Len() > 0 && thought {
		j.Text("reasoning_content", thinking.String())
	}
	if proofs > 0 {
		encodeDetails(j, m.Parts)
	}
	j.Some("name", m.Name)
	if calls > 0 {
		j.Open("tool_calls", '[')
		for i := range m.Parts {
			if m.Parts[i].Kind == genai.Call {
				encodeCall(j, m.Parts[i].Call, -1)
			}
		}
		j.Close(']')
	}
	j.Close('}')
}

// encodeDetails writes signed thinking as OpenRouter wants it back.
func encodeDetails(j *wire.JSON, parts []genai.Part) {
	j.Open("reasoning_details", '[')
	for i := range parts {
		p := &parts[i]
		if p.Kind != genai.Thinking || p.Proof == nil {
			continue
		}
		j.Open("", '{')
		if p.Proof.Redacted != "" {
			j.Text("type", "reasoning.encrypted")
			j.Text("data", p.Proof.Redacted)
			j.Some("summary", p.Text)
		} else {
			j.Text("type", "reasoning.text")
			j.Text("text", p.Text)
			j.Some("signature", p.Proof.Signature)
		}
		j.Some("id", p.Proof.ID)
		if p.Proof.From != genai.Chat {
			j.Text("format", p.Proof.From)
		}
		j.Close('}')
	}
	j.Close(']')
}

// encodeCall writes a tool call; index is its place in a stream, below 0 for none.
func encodeCall(j *wire.JSON, c *genai.ToolCall, index int) {
	j.Open("", '{')
	if index >= 0 {
		j.Int("index", int64(index))
	}
	j.Text("id", c.ID)
	kind, input := "function", "arguments"
	if c.Custom {
		kind, input = "custom", "input"
	}
	j.Text("type", kind)
	j.Open(kind, '{')
	j.Text("name", c.Name)
	arguments := c.Arguments
	if arguments == "" && !c.Custom && index < 0 {
		arguments = "{}"
	}
	j.Text(input, arguments)
	j.Close('}')
	if c.Signature != "" { // where Google's clients of this format have it
		j.Open("extra_content", '{')
		j.Open("google", '{')
		j.Text("thought_signature", c.Signature)
		j.Close('}')
		j.Close('}')
	}
	j.Close('}')
}

// encodeContent writes parts: one text without more is a string, which every vendor
// takes.
func encodeContent(j *wire.JSON, parts []genai.Part) {
	if len(parts) == 1 && parts[0].Kind == genai.Text && parts[0].Cache == nil {
		j.Text("content", parts[0].Text)
		return
	}
	j.Open("content", '[')
	for i := range parts {
		encodePart(j, &parts[i])
	}
	j.Close(']')
}

func encodePart(j *wire.JSON, p *genai.Part) {
	switch p.Kind {
	case genai.Text, genai.Refusal, genai.Thinking:
		j.Open("", '{')
		j.Text("type", "text")
		j.Text("text", p.Text)
	case genai.Image:
		j.Open("", '{')
		j.Text("type", "image_url")
		encodeImage(j, p.Media)
	case genai.Audio:
		j.Open("", '{')
		j.Text("type", "input_audio")
		j.Open("input_audio", '{')
		j.Text("data", p.Media.Data)
		j.Text("format", audioFormat(p.Media.MIME))
		j.Close('}')
	case genai.File:
		if p.Media.Plain { // there is no file of plain text
			j.Open("", '{')
			j.Text("type", "text")
			j.Text("text", p.Media.Words())
			break
		}
		j.Open("", '{')
		j.Text("type", "file")
		encodeFile(j, p.Media)
	default:
		return // what a provider did itself: the table drops it
	}
	encodeCache(j, p.Cache)
	j.Close('}')
}

func encodeImage(j *wire.JSON, m *genai.Media) {
	url := m.URL
	if url == "" {
		url = wire.MakeDataURL(m.ImageType(), m.Data)
	}
	j.Open("image_url", '{')
	j.Text("url", url)
	j.Some("detail", m.Detail)
	j.Close('}')
}

func encodeFile(j *wire.JSON, m *genai.Media) {
	j.Open("file", '{')
	switch {
	case m.FileID != "":
		j.Text("file_id", m.FileID)
		j.Some("filename", m.Name)
	case m.URL != "":
		j.Text("file_data", m.URL)
		j.Some("filename", m.Name)
	default:
		name := m.Name
		if name == "" {
			name = m.Title
		}
		if name == "" {
			name = "document.pdf" // required beside data
		}
		j.Text("filename", name)
		mime := m.MIME
		if mime == "" {
			mime = "application/pdf"
		}
		j.Text("file_data", wire.MakeDataURL(mime, m.Data))
	}
	j.Close('}')
}
