package messages

import (
	"strings"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/wire"
)

// encodeTurns writes system and messages.
func encodeTurns(j *wire.JSON, r *genai.Request, notes *genai.Notes) *apierror.Error {
	system, turns, e := notes.Turns(sayable)
	if e != nil {
		return e
	}
	if len(system) > 0 {
		j.Open("system", '[')
		for _, p := range system {
			encodePart(j, p)
		}
		j.Close(']')
	}
	j.Open("messages", '[')
	for i := range turns {
		encodeTurn(j, &turns[i], i == len(turns)-1)
	}
	j.Close(']')
	return nil
}

// sayable tells what the API takes: in the model's turns nothing but texts, calls and
// thinking that it can check.
func sayable(m *genai.Message, p *genai.Part) (bool, genai.Adaptation) {
	switch p.Kind {
	case genai.Thinking:
		if !sendable(p) || m.Role != genai.Assistant {
			return false, genai.EarlierThinking
		}
	case genai.Image, genai.Audio, genai.File:
		if m.Role == genai.Assistant {
			return false, genai.ModelMedia
		}
	case genai.Call:
		if p.Call.Signature != "" {
			return true, genai.CallProof
		}
	case genai.Text, genai.Refusal:
		for i := range p.Citations {
			if !checkable(&p.Citations[i]) {
				return true, genai.OtherCitations
			}
		}
	case genai.ServerTool:
		return p.From == genai.Anthropic, genai.Same // the table has it
	}
	return true, genai.Same
}

// sendable tells that a part is thinking that the API can check.
func sendable(p *genai.Part) bool {
	return p.Kind == genai.Thinking && p.Proof != nil && (p.Proof.Signature != "" || p.Proof.Redacted != "") &&
		p.Proof.From == genai.Anthropic
}

// checkable tells that a citation is one that the API wrote, with what it checks.
func checkable(c *genai.Citation) bool { return c.From == genai.Anthropic && c.Raw != nil }

func encodeTurn(j *wire.JSON, t *genai.Turn, last bool) {
	j.Open("", '{')
	role := "user"
	if t.Model {
		role = "assistant"
	}
	j.Text("role", role)
	j.Open("content", '[')
	for i, p := range t.Parts {
		if t.Model && last && i == len(t.Parts)-1 && (p.Kind == genai.Text || p.Kind == genai.Refusal) {
			// An answer that is to be gone on with must not end in white space.
			encodeText(j, p, strings.TrimRight(p.Text, " \t\r\n"))
			continue
		}
		encodePart(j, p)
	}
	j.Close(']', '}')
}
