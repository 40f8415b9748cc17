package gemini

import (
	"strconv"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// chunk is one GenerateContentResponse: a whole answer, or a piece of a streamed one.
type chunk struct {
	id, model  string
	candidates jsonscan.Span
	usage      jsonscan.Span
	err        jsonscan.Span
	blocked    bool // the prompt was, and there are no candidates
}

// read reads the object at text[start]; it is false for anything else.
func (c *chunk) read(text []byte, start int) bool {
	m := jsonscan.Object(text, start)
	for m.Next() {
		kind := m.Kind()
		switch name := string(m.Name()); {
		case name == "responseId" && kind == '"':
			c.id = jsonscan.String(text, m.Value)
		case name == "modelVersion" && kind == '"':
			c.model = jsonscan.String(text, m.Value)
		case name == "candidates" && kind == '[':
			c.candidates = m.Value
		case name == "usageMetadata" && kind == '{':
			c.usage = m.Value
		case name == "error" && kind != 'n':
			c.err = m.Value
		case name == "promptFeedback" && kind == '{':
			for f := jsonscan.Object(text, m.Value.Start); f.Next(); {
				c.blocked = c.blocked || string(f.Name()) == "blockReason" && f.Kind() == '"'
			}
		}
	}
	return m.OK() && jsonscan.Space(text, m.Pos()) == len(text)
}

// candidate is one of the answers in a chunk.
type candidate struct {
	index     int
	parts     jsonscan.Span
	finish    string
	grounding jsonscan.Span
	citations jsonscan.Span
	logprobs  jsonscan.Span
}

// maxCandidates bounds the index that is believed.
const maxCandidates = 256

func (c *candidate) read(text []byte, at jsonscan.Span) bool {
	if text[at.Start] != '{' {
		return false
	}
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		kind := m.Kind()
		switch name := string(m.Name()); {
		case name == "index":
			c.index = int(min(wire.Count(m.Value.Of(text)), maxCandidates))
		case name == "finishReason" && kind == '"':
			c.finish = jsonscan.String(text, m.Value)
		case name == "content" && kind == '{':
			for f := jsonscan.Object(text, m.Value.Start); f.Next(); {
				if string(f.Name()) == "parts" && f.Kind() == '[' {
					c.parts = f.Value
				}
			}
		case name == "groundingMetadata" && kind == '{':
			c.grounding = m.Value
		case name == "citationMetadata" && kind == '{':
			c.citations = m.Value
		case name == "logprobsResult" && kind == '{':
			c.logprobs = m.Value
		}
	}
	return c.index >= 0 && c.index < maxCandidates
}

// stopOf is the reason for which a candidate stopped. The API has none of its own for
// calls; what went wrong with a call that the model began has no name elsewhere.
func stopOf(finish string, called bool) genai.Stop {
	switch finish {
	case "STOP":
		if called {
			return genai.StopTools
		}
		return genai.StopEnd
	case "MAX_TOKENS", "CONTINUATION":
		return genai.StopLength
	case "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR",
		"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION":
		return genai.StopFilter
	}
	return genai.StopUnknown
}

// names makes ids for calls that have none. They are found again in the next request,
// where the results name them, so that those of two answers must differ.
type names struct {
	answer string
	made   int
}

func (n *names) next() string {
	if n.answer == "" {
		n.answer = randomID()
	}
	n.made++
	return "call_" + n.answer + "_" + strconv.Itoa(n.made)
}
