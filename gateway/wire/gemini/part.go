package gemini

import (
	"crypto/rand"
	"strings"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
)

// randomID is for answers that have no id of their own.
func randomID() string { return rand.Text()[:12] }

// readPart reads a part of an answer. signature is one that belongs to none of the
// fields of the part: it is to follow as thinking without text. It is false for a part
// that says nothing.
func readPart(text []byte, at jsonscan.Span, ids *names) (p genai.Part, signature string, ok bool) {
	if text[at.Start] != '{' {
		return p, "", false
	}
	said, thought := false, false
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		kind := m.Kind()
		switch name := string(m.Name()); {
		case name == "text" && kind == '"':
			p.Text, said = jsonscan.String(text, m.Value), true
		case name == "thought":
			thought = kind == 't'
		case name == "thoughtSignature" && kind == '"':
			signature = jsonscan.String(text, m.Value)
		case name == "functionCall" && kind == '{':
			p.Kind, p.Call, said = genai.Call, readCall(text, m.Value), true
		case (name == "inlineData" || name == "fileData") && kind == '{':
			p.Media, said = readMedia(text, m.Value), true
			p.Kind = kindOf(p.Media.MIME)
		case name == "executableCode", name == "codeExecutionResult", name == "toolCall", name == "toolResponse":
			p.Kind, p.Raw, p.From, said = genai.ServerTool, at.Of(text), genai.Gemini, true
		}
	}
	switch {
	case p.Kind == genai.ServerTool:
		return p, "", true // Raw has the signature
	case p.Kind == genai.Call:
		if p.Call.ID == "" {
			p.Call.ID = ids.next()
		}
		p.Call.Signature, signature = signature, ""
	case thought && p.Kind == genai.Text:
		p.Kind = genai.Thinking
		if signature != "" {
			p.Proof, signature = &genai.Proof{Signature: signature, From: genai.Gemini}, ""
		}
	}
	return p, signature, said || signature != ""
}

func kindOf(mime string) genai.PartKind {
	switch {
	case strings.HasPrefix(mime, "image/"):
		return genai.Image
	case strings.HasPrefix(mime, "audio/"):
		return genai.Audio
	}
	return genai.File
}

// lone is a signature that stands alone.
func lone(signature string) genai.Part {
	return genai.Part{Kind: genai.Thinking, Proof: &genai.Proof{Signature: signature, From: genai.Gemini}}
}

func readCall(text []byte, at jsonscan.Span) *genai.ToolCall {
	call := &genai.ToolCall{Arguments: "{}"}
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		kind := m.Kind()
		switch name := string(m.Name()); {
		case name == "id" && kind == '"':
			call.ID = jsonscan.String(text, m.Value)
		case name == "name" && kind == '"':
			call.Name = jsonscan.String(text, m.Value)
		case name == "args" && kind == '{':
			call.Arguments = string(m.Value.Of(text))
		}
	}
	return call
}

func readMedia(text []byte, at jsonscan.Span) *genai.Media {
	media := &genai.Media{}
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		if m.Kind() != '"' {
			continue
		}
		switch string(m.Name()) {
		case "mimeType":
			media.MIME = jsonscan.String(text, m.Value)
		case "data":
			media.Data = jsonscan.String(text, m.Value)
		case "fileUri":
			media.URL = jsonscan.String(text, m.Value)
		case "displayName":
			media.Name = jsonscan.String(text, m.Value)
		}
	}
	return media
}
