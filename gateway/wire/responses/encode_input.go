package responses

import (
	"strings"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

// encodeInput writes instructions and input: what stood beside the messages goes to
// the first, and the turns become items.
func encodeInput(j *wire.JSON, r *genai.Request, notes *genai.Notes) {
	var instructions strings.Builder
	for i := range r.Messages {
		if m := &r.Messages[i]; beside(m) {
			for k := range m.Parts {
				if instructions.Len() > 0 {
					instructions.WriteString(paragraph)
				}
				instructions.WriteString(m.Parts[k].Text)
			}
		}
	}
	j.Some("instructions", instructions.String())
	custom := map[string]bool{} // the ids of calls of custom tools: their results are items of another type
	j.Open("input", '[')
	for i := range r.Messages {
		m := &r.Messages[i]
		switch {
		case beside(m):
		case m.Role == genai.Assistant:
			for k := range m.Parts {
				if c := m.Parts[k].Call; c != nil && c.Custom {
					custom[c.ID] = true
				}
			}
			encodeAssistant(j, m, r.From == genai.Responses, notes)
		default:
			encodeMessage(j, m, custom)
		}
	}
	j.Close(']')
}

// beside tells that a message is instructions that stood beside the messages.
func beside(m *genai.Message) bool { return m.Index < 0 && m.Role == genai.System }

// encodeMessage writes a message that is not the model's; what tools answered are
// items of their own, and come first.
func encodeMessage(j *wire.JSON, m *genai.Message, custom map[string]bool) {
	rest := make([]genai.Part, 0, len(m.Parts))
	for i := range m.Parts {
		if p := &m.Parts[i]; p.Kind == genai.Result {
			encodeResult(j, p.Result, custom[p.Result.CallID])
		} else if p.Kind != genai.Text || p.Text != "" {
			rest = append(rest, *p)
		}
	}
	if len(rest) == 0 {
		return
	}
	j.Open("", '{')
	j.Text("type", "message")
	role := "user"
	switch m.Role {
	case genai.System:
		role = "system"
	case genai.Developer:
		role = "developer"
	}
	j.Text("role", role)
	j.Open("content", '[')
	for i := range rest {
		encodePart(j, &rest[i])
	}
	j.Close(']')
	j.Close('}')
}

func encodeResult(j *wire.JSON, r *genai.ToolResult, custom bool) {
	j.Open("", '{')
	if custom {
		j.Text("type", "custom_tool_call_output")
	} else {
		j.Text("type", "function_call_output")
	}
	j.Text("call_id", r.CallID)
	failed := ""
	if r.Failed { // there is no other place for it
		failed = "The tool failed."
	}
	switch {
	case len(r.Parts) == 0:
		j.Text("output", failed)
	case len(r.Parts) == 1 && r.Parts[0].Kind == genai.Text:
		if failed != "" && r.Parts[0].Text != "" {
			failed += "\n"
		}
		j.Text("output", failed+r.Parts[0].Text)
	default:
		j.Open("output", '[')
		if failed != "" {
			encodePart(j, &genai.Part{Text: failed})
		}
		for i := range r.Parts {
			encodePart(j, &r.Parts[i])
		}
		j.Close(']')
	}
	j.Close('}')
}

func encodePart(j *wire.JSON, p *genai.Part) {
	switch p.Kind {
	case genai.Text, genai.Refusal, genai.Thinking:
		j.Open("", '{')
		j.Text("type", "input_text")
		j.Text("text", p.Text)
	case genai.Image:
		j.Open("", '{')
		j.Text("type", "input_image")
		encodeReference(j, p.Media, "image_url", "image_url", p.Media.ImageType())
		j.Some("detail", p.Media.Detail)
	case genai.File:
		j.Open("", '{')
		if p.Media.Plain { // there is no file of plain text
			j.Text("type", "input_text")
			j.Text("text", p.Media.Words())
			break
		}
		j.Text("type", "input_file")
		name := p.Media.Name
		if name == "" && p.Media.Data != "" {
			if name = p.Media.Title; name == "" {
				name = "document.pdf" // required beside data
			}
		}
		j.Some("filename", name)
		encodeReference(j, p.Media, "file_url", "file_data", "application/pdf")
	default:
		return // the table refuses sound, and drops what a provider did itself
	}
	j.Close('}')
}

func encodeReference(j *wire.JSON, m *genai.Media, url, data, mime string) {
	switch {
	case m.FileID != "":
		j.Text("file_id", m.FileID)
	case m.URL != "":
		j.Text(url, m.URL)
	default:
		if m.MIME != "" {
			mime = m.MIME
		}
		j.Text(data, wire.MakeDataURL(mime, m.Data))
	}
}

// encodeAssistant writes an earlier answer as items, in the order of its parts. own
// says that the client speaks the same.
func encodeAssistant(j *wire.JSON, m *genai.Message, own bool, notes *genai.Notes) {
	open := false // a message is
	shut := func() {
		if open {
			j.Close(']')
			j.Close('}')
			open = false
		}
	}
	for i := range m.Parts {
		p := &m.Parts[i]
		switch p.Kind {
		case genai.Text, genai.Refusal:
			if p.Text == "" {
				continue
			}
			if !open {
				open = true
				j.Open("", '{')
				j.Text("type", "message")
				j.Text("role", "assistant")
				j.Open("content", '[')
			}
			appendOutput(j, p, 0, nil)
		case genai.Call:
			shut()
			encodeCall(j, p.Call, own)
			if p.Call.Signature != "" {
				notes.At(genai.CallProof, m.Index)
			}
		case genai.Thinking:
			// Without what proves it, OpenAI would look for the item among those that it
			// keeps; it needs none of it then. What others signed it would refuse.
			if encrypted := encryptedOf(p.Proof); encrypted != "" && !strings.HasPrefix(encrypted, foreign) {
				shut()
				j.Open("", '{')
				j.Text("type", "reasoning")
				j.Some("id", p.Proof.ID)
				appendSummary(j, p.Text)
				j.Text("encrypted_content", encrypted)
				j.Close('}')
			} else {
				notes.At(genai.EarlierThinking, m.Index)
			}
		case genai.Image, genai.Audio, genai.File:
			notes.At(genai.ModelMedia, m.Index)
		case genai.ServerTool:
			shut()
			j.Raw("", p.Raw)
		}
	}
	shut()
}

func encodeCall(j *wire.JSON, c *genai.ToolCall, own bool) {
	j.Open("", '{')
	if c.Custom {
		j.Text("type", "custom_tool_call")
	} else {
		j.Text("type", "function_call")
	}
	if own {
		j.Some("id", c.ItemID)
	}
	j.Text("call_id", c.ID)
	j.Text("name", c.Name)
	switch {
	case c.Custom:
		j.Text("input", c.Arguments)
	case c.Arguments == "":
		j.Text("arguments", "{}")
	default:
		j.Text("arguments", c.Arguments)
	}
	j.Close('}')
}
