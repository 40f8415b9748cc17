package responses

import (
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// appendOutput writes a part of a message of the model's; offset is how many
// characters of the answer stand before it in what its citations count from.
func appendOutput(j *wire.JSON, p *genai.Part, offset int, logprobs []byte) {
	j.Open("", '{')
	if p.Kind == genai.Refusal {
		j.Text("type", "refusal")
		j.Text("refusal", p.Text)
		j.Close('}')
		return
	}
	j.Text("type", "output_text")
	j.Text("text", p.Text)
	j.Open("annotations", '[')
	for i := range p.Citations {
		appendAnnotation(j, "", &p.Citations[i], offset)
	}
	j.Close(']')
	j.Raw("logprobs", list(logprobs))
	j.Close('}')
}

// list is the list in Chat's object of log-probabilities, an empty one for none.
func list(logprobs []byte) []byte {
	if at := wire.Member(logprobs, jsonscan.Span{End: len(logprobs)}, "content"); !at.Empty() && logprobs[at.Start] == '[' {
		return at.Of(logprobs)
	}
	return []byte("[]")
}

// appendAnnotation writes a citation.
func appendAnnotation(j *wire.JSON, name string, c *genai.Citation, offset int) {
	if c.From == genai.Responses && c.Raw != nil {
		j.Raw(name, c.Raw)
		return
	}
	j.Open(name, '{')
	if c.URL != "" {
		j.Text("type", "url_citation")
		j.Int("start_index", int64(max(0, c.Start-offset)))
		j.Int("end_index", int64(max(0, c.End-offset)))
		j.Text("url", c.URL)
		j.Text("title", c.Title)
	} else {
		j.Text("type", "file_citation")
		j.Int("index", int64(c.Document))
		j.Text("file_id", c.FileID)
		j.Text("filename", c.Title)
	}
	j.Some("quote", c.Quote)
	j.Close('}')
}

func appendSummary(j *wire.JSON, text string) {
	j.Open("summary", '[')
	if text != "" {
		j.Open("", '{')
		j.Text("type", "summary_text")
		j.Text("text", text)
		j.Close('}')
	}
	j.Close(']')
}

// Statuses of items and of responses.
const (
	running   = "in_progress"
	completed = "completed"
	cutShort  = "incomplete"
)

// appendItem writes an item of the output; parts are those of a message, and the one
// part of all else.
func appendItem(j *wire.JSON, name, id, status string, parts []genai.Part, logprobs []byte) {
	j.Open(name, '{')
	j.Text("id", id)
	switch p := &parts[0]; p.Kind {
	case genai.Call:
		input := "arguments"
		if p.Call.Custom {
			input = "input"
			j.Text("type", "custom_tool_call")
		} else {
			j.Text("type", "function_call")
		}
		j.Text("status", status)
		arguments := p.Call.Arguments
		if arguments == "" && !p.Call.Custom && status != running {
			arguments = "{}"
		}
		j.Text(input, arguments)
		j.Text("call_id", p.Call.ID)
		j.Text("name", p.Call.Name)
	case genai.Thinking:
		j.Text("type", "reasoning")
		appendSummary(j, p.Text)
		if encrypted := encryptedOf(p.Proof); encrypted != "" {
			j.Text("encrypted_content", encrypted)
		}
	case genai.Image:
		j.Text("type", "image_generation_call")
		j.Text("status", status)
		if p.Media.Data != "" {
			j.Text("result", p.Media.Data)
			if len(p.Media.MIME) > 6 && p.Media.MIME[:6] == "image/" {
				j.Text("output_format", p.Media.MIME[6:])
			}
		} else {
			j.Null("result")
		}
	default:
		j.Text("type", "message")
		j.Text("status", status)
		j.Text("role", "assistant")
		j.Open("content", '[')
		for i := range parts {
			if parts[i].Text != "" {
				appendOutput(j, &parts[i], 0, logprobs)
			}
		}
		j.Close(']')
	}
	j.Close('}')
}

// prefix is how ids of an item begin.
func prefix(p *genai.Part) string {
	switch p.Kind {
	case genai.Call:
		if p.Call.Custom {
			return "ctc_"
		}
		return "fc_"
	case genai.Thinking:
		return "rs_"
	case genai.Image:
		return "ig_"
	}
	return "msg_"
}

// spoken tells that a part belongs to a message.
func spoken(k genai.PartKind) bool { return k == genai.Text || k == genai.Refusal }

// shown tells that a part has an item here: sound, and what other protocols' providers
// did themselves, have none.
func shown(p *genai.Part) bool {
	return spoken(p.Kind) || p.Kind == genai.Call || p.Kind == genai.Thinking || p.Kind == genai.Image
}
