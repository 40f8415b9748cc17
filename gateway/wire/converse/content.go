package converse

import (
	"strings"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// readContent reads the content blocks of an answer.
func readContent(text []byte, at jsonscan.Span) (parts []genai.Part) {
	for e := jsonscan.Array(text, at.Start); e.Next(); {
		if e.Kind() != '{' {
			continue
		}
		for m := jsonscan.Object(text, e.Value.Start); m.Next(); {
			if p, ok := readBlock(text, &m); ok {
				parts = append(parts, p)
			}
		}
	}
	return parts
}

// readBlock reads the one member that a content block has.
func readBlock(text []byte, m *jsonscan.Members) (p genai.Part, ok bool) {
	kind := m.Kind()
	switch name := string(m.Name()); {
	case name == "text" && kind == '"':
		p.Text = jsonscan.String(text, m.Value)
		return p, p.Text != ""
	case kind != '{':
		return p, false
	case name == "toolUse":
		p.Kind, p.Call = genai.Call, readCall(text, m.Value)
	case name == "reasoningContent":
		p = readReasoning(text, m.Value)
	case name == "citationsContent":
		p = readCited(text, m.Value)
	case name == "image":
		p.Kind, p.Media = genai.Image, readImage(text, m.Value)
	default:
		return p, false
	}
	return p, true
}

func readCall(text []byte, at jsonscan.Span) *genai.ToolCall {
	call := &genai.ToolCall{Arguments: "{}"}
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		kind := m.Kind()
		switch name := string(m.Name()); {
		case name == "toolUseId" && kind == '"':
			call.ID = jsonscan.String(text, m.Value)
		case name == "name" && kind == '"':
			call.Name = jsonscan.String(text, m.Value)
		case name == "input" && kind == '{':
			call.Arguments = string(m.Value.Of(text))
		}
	}
	return call
}

func readReasoning(text []byte, at jsonscan.Span) genai.Part {
	p := genai.Part{Kind: genai.Thinking, Proof: &genai.Proof{From: genai.Bedrock}}
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		switch name := string(m.Name()); {
		case name == "reasoningText" && m.Kind() == '{':
			p.Text = member(text, m.Value, "text")
			p.Proof.Signature = member(text, m.Value, "signature")
		case name == "redactedContent" && m.Kind() == '"':
			p.Proof.Redacted = jsonscan.String(text, m.Value)
		}
	}
	return p
}

func readImage(text []byte, at jsonscan.Span) *genai.Media {
	media := &genai.Media{}
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		switch name := string(m.Name()); {
		case name == "format" && m.Kind() == '"':
			media.MIME = "image/" + jsonscan.String(text, m.Value)
		case name == "source" && m.Kind() == '{':
			media.Data = member(text, m.Value, "bytes")
		}
	}
	return media
}

// readCited reads a text with its citations.
func readCited(text []byte, at jsonscan.Span) (p genai.Part) {
	var b strings.Builder
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		if m.Kind() != '[' {
			continue
		}
		name := string(m.Name())
		for e := jsonscan.Array(text, m.Value.Start); e.Next(); {
			switch {
			case e.Kind() != '{':
			case name == "content":
				b.WriteString(member(text, e.Value, "text"))
			case name == "citations":
				p.Citations = append(p.Citations, readCitation(text, e.Value))
			}
		}
	}
	p.Text = b.String()
	return p
}

// readCitation reads a citation; where in the document it stands is in Raw alone, since
// other protocols count differently.
func readCitation(text []byte, at jsonscan.Span) genai.Citation {
	c := genai.Citation{Raw: append([]byte(nil), at.Of(text)...), From: genai.Bedrock}
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		kind := m.Kind()
		switch name := string(m.Name()); {
		case name == "title" && kind == '"':
			c.Title = jsonscan.String(text, m.Value)
		case name == "sourceContent" && kind == '[':
			for e := jsonscan.Array(text, m.Value.Start); e.Next(); {
				if e.Kind() == '{' {
					c.Quote += member(text, e.Value, "text")
				}
			}
		case name == "location" && kind == '{':
			for l := jsonscan.Object(text, m.Value.Start); l.Next(); {
				if l.Kind() == '{' {
					place(&c, text, l.Value)
				}
			}
		}
	}
	return c
}

// place reads a location: a web page has a url, a document its index.
func place(c *genai.Citation, text []byte, at jsonscan.Span) {
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		switch name := string(m.Name()); {
		case name == "url" && m.Kind() == '"':
			c.URL = jsonscan.String(text, m.Value)
		case name == "documentIndex":
			c.Document = int(max(0, wire.Count(m.Value.Of(text))))
		}
	}
}
