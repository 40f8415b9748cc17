package messages

import (
	"weir/gateway/genai"
	"weir/gateway/wire"
)

// AppendResponse appends an answer that came in another protocol. There is one: the table
// refuses several choices.
func (Format) AppendResponse(out []byte, r *genai.Response, to *wire.Reply, usage genai.Usage, bill *wire.Bill) []byte {
	j := wire.JSON(out)
	appendHead(&j, "", messageID(r.ID, to), to)
	j.Open("content", '[')
	var choice genai.Choice
	if len(r.Choices) > 0 {
		choice = r.Choices[0]
	}
	called := false
	for i := range choice.Parts {
		p := &choice.Parts[i]
		called = called || p.Kind == genai.Call
		if proof := callProof(p.Call); proof != nil && (i == 0 || !unproved(&choice.Parts[i-1])) {
			appendBlock(&j, &genai.Part{Kind: genai.Thinking, Proof: proof})
		}
		if i+1 < len(choice.Parts) && unproved(p) {
			thought := *p
			thought.Proof = callProof(choice.Parts[i+1].Call)
			p = &thought
		}
		appendBlock(&j, p)
	}
	j.Close(']')
	j.Text("stop_reason", stopReason(choice.Stop, called))
	if choice.StopSequence == "" {
		j.Null("stop_sequence")
	} else {
		j.Text("stop_sequence", choice.StopSequence)
	}
	j.Raw("usage", appendUsage(nil, usage, bill, r.ServiceTier))
	j.Close('}')
	return j
}

// unproved tells that a part is thinking that has room for the signature of the call behind it.
func unproved(p *genai.Part) bool {
	return p.Kind == genai.Thinking && (p.Proof == nil || *p.Proof == genai.Proof{From: p.Proof.From})
}

// messageID is the provider's id of the answer, or the gateway's of the call.
func messageID(id string, to *wire.Reply) string {
	if id == "" {
		return "msg_" + to.ID
	}
	return id
}

// appendHead opens a message and writes what it begins with.
func appendHead(j *wire.JSON, name, id string, to *wire.Reply) {
	j.Open(name, '{')
	j.Text("id", id)
	j.Text("type", "message")
	j.Text("role", "assistant")
	j.Raw("model", to.Quoted)
}

// appendBlock writes a block of an answer.
func appendBlock(j *wire.JSON, p *genai.Part) {
	switch p.Kind {
	case genai.Text, genai.Refusal:
		j.Open("", '{')
		j.Text("type", "text")
		j.Text("text", p.Text)
		if len(p.Citations) > 0 {
			j.Open("citations", '[')
			for i := range p.Citations {
				appendCitation(j, "", &p.Citations[i])
			}
			j.Close(']')
		}
		j.Close('}')
	case genai.Thinking:
		encodeThought(j, p)
	case genai.Audio, genai.File:
		// Answers of this format have no place for them; what was said comes as text, too.
	default:
		encodePart(j, p)
	}
}

// appendCitation writes where a statement comes from.
func appendCitation(j *wire.JSON, name string, c *genai.Citation) {
	switch {
	case c.From == genai.Anthropic && c.Raw != nil:
		j.Raw(name, c.Raw)
		return
	case c.URL != "":
		j.Open(name, '{')
		j.Text("type", "web_search_result_location")
		j.Text("url", c.URL)
		j.Text("title", c.Title)
		j.Text("cited_text", c.Quote)
		j.Text("encrypted_index", "") // Anthropic's own alone have one
	default:
		j.Open(name, '{')
		j.Text("type", "char_location")
		j.Text("cited_text", c.Quote)
		j.Int("document_index", int64(c.Document))
		j.Text("document_title", c.Title)
		j.Int("start_char_index", 0)
		j.Int("end_char_index", int64(len([]rune(c.Quote))))
		j.Some("file_id", c.FileID)
	}
	j.Close('}')
}
