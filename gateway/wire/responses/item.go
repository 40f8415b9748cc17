package responses

import (
	"bytes"
	"strings"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// itemOf reads an item of the model's, other than a message: one that a client sends
// back, or one of an answer. ok is false for one that says nothing.
func itemOf(text []byte, at jsonscan.Span, typ string) (parts []genai.Part, ok bool) {
	get := func(name string) string { return wire.String(text, wire.Member(text, at, name)) }
	switch typ {
	case "function_call":
		return []genai.Part{{Kind: genai.Call, Call: &genai.ToolCall{ID: get("call_id"), Name: get("name"), Arguments: get("arguments"), ItemID: get("id")}}}, true
	case "custom_tool_call":
		return []genai.Part{{Kind: genai.Call, Call: &genai.ToolCall{ID: get("call_id"), Name: get("name"), Arguments: get("input"), ItemID: get("id"), Custom: true}}}, true
	case "reasoning":
		p := genai.Part{Kind: genai.Thinking, Text: thinkingOf(text, at)}
		if proof := proofOf(get("encrypted_content")); proof != nil {
			if proof.From == genai.Responses {
				proof.ID = get("id")
			}
			p.Proof = proof
		}
		return []genai.Part{p}, p.Text != "" || p.Proof != nil
	case "image_generation_call":
		if data := get("result"); data != "" {
			mime := "image/png"
			if format := get("output_format"); format != "" {
				mime = "image/" + format
			}
			return []genai.Part{{Kind: genai.Image, Media: &genai.Media{MIME: mime, Data: data}}}, true
		}
	}
	return []genai.Part{{Kind: genai.ServerTool, Raw: at.Of(text), From: genai.Responses}}, true
}

// thinkingOf joins what a reasoning item says: its summary, or its text where a
// provider tells it.
func thinkingOf(text []byte, at jsonscan.Span) string {
	var b strings.Builder
	for _, list := range [...]string{"content", "summary"} {
		inner := wire.Member(text, at, list)
		if inner.Empty() || text[inner.Start] != '[' || b.Len() > 0 {
			continue
		}
		for e := jsonscan.Array(text, inner.Start); e.Next(); {
			if s := wire.String(text, wire.Member(text, e.Value, "text")); s != "" {
				if b.Len() > 0 {
					b.WriteString(paragraph)
				}
				b.WriteString(s)
			}
		}
	}
	return b.String()
}

// paragraph stands between the parts of a summary.
const paragraph = "\n\n"

// What another protocol wants back with its thinking goes to the client as encrypted
// content, the one place of a reasoning item that clients keep as it is. It begins with
// foreign, which OpenAI's own does not, then the protocol and what it is.
const (
	foreign   = "weir:"
	signature = ":s:"
	redacted  = ":r:"
	ofCall    = ":c:" // the signature of the call that follows
)

// signed is the reasoning item that carries the signature of a call, which has no
// place of its own.
func signed(c *genai.ToolCall) genai.Part {
	return genai.Part{Kind: genai.Thinking, Proof: &genai.Proof{Redacted: foreign + genai.Gemini + ofCall + c.Signature, From: genai.Responses}}
}

// signatureOf is the signature in such an item, "" for any other.
func signatureOf(parts []genai.Part) string {
	if p := parts[0].Proof; p != nil {
		if s, ok := strings.CutPrefix(p.Redacted, foreign+genai.Gemini+ofCall); ok {
			return s
		}
	}
	return ""
}

// Foreign tells that a reasoning item has what another protocol's provider signed. No
// string of the body looks like one, since its quotes are escaped.
func (r *Request) Foreign() bool {
	const name = `"encrypted_content"`
	for rest := r.input.Of(r.head.Body); ; {
		at := bytes.Index(rest, []byte(name))
		if at < 0 {
			return false
		}
		rest = rest[at+len(name):]
		colon := jsonscan.Space(rest, 0)
		if colon < len(rest) && rest[colon] == ':' && bytes.HasPrefix(rest[jsonscan.Space(rest, colon+1):], []byte(`"`+foreign)) {
			return true
		}
	}
}

// proofOf reads encrypted content, nil for none.
func proofOf(content string) *genai.Proof {
	rest, own := strings.CutPrefix(content, foreign)
	switch {
	case content == "":
		return nil
	case !own:
		return &genai.Proof{Redacted: content, From: genai.Responses}
	}
	if strings.HasPrefix(rest, genai.Gemini+ofCall) {
		return &genai.Proof{Redacted: content, From: genai.Responses}
	}
	if from, value, ok := strings.Cut(rest, signature); ok && !strings.Contains(from, ":") {
		return &genai.Proof{Signature: value, From: from}
	}
	from, value, _ := strings.Cut(rest, redacted)
	return &genai.Proof{Redacted: value, From: from}
}

// encryptedOf is the other way round.
func encryptedOf(p *genai.Proof) string {
	switch {
	case p == nil:
		return ""
	case p.From == genai.Responses:
		return p.Redacted
	case p.Signature != "":
		return foreign + p.From + signature + p.Signature
	case p.Redacted != "":
		return foreign + p.From + redacted + p.Redacted
	}
	return ""
}
