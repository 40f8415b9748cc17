package messages

import (
	"strings"

	"weir/gateway/genai"
)

// A client of Messages keeps the signature of a thinking block and sends it back. What
// another protocol wants back is written into it with the protocol's name before it, so
// that it is known again: protocol:id:s<signature>, or protocol:id:r<redacted>. Base64
// has no colon.

// ofCall stands where an id would, in a signature that is Gemini's of the call which
// follows: a block tool_use has no place for it.
const ofCall = "call"

// callProof is the proof that carries the signature of a call, nil for none.
func callProof(c *genai.ToolCall) *genai.Proof {
	if c == nil || c.Signature == "" {
		return nil
	}
	return &genai.Proof{Signature: c.Signature, From: genai.Gemini, ID: ofCall}
}

// callSignature takes such a proof out of a thinking block, "" for any other part. What
// is left of a block may be nothing.
func callSignature(p *genai.Part) string {
	if p.Proof == nil || p.Proof.From != genai.Gemini || p.Proof.ID != ofCall {
		return ""
	}
	signature := p.Proof.Signature
	p.Proof = nil
	return signature
}

// signature is a proof as a client of Messages gets it.
func signature(p *genai.Proof) string {
	switch {
	case p == nil:
		return ""
	case p.From == genai.Anthropic || p.From == "":
		return p.Signature
	case p.Redacted != "":
		return p.From + ":" + p.ID + ":r" + p.Redacted
	case p.Signature == "" && p.ID == "":
		return ""
	}
	return p.From + ":" + p.ID + ":s" + p.Signature
}

// proofOf is the proof that a signature stands for, nil for "".
func proofOf(signature string) *genai.Proof {
	if signature == "" {
		return nil
	}
	from, rest, _ := strings.Cut(signature, ":")
	at := strings.LastIndexByte(rest, ':')
	for _, protocol := range genai.Protocols() {
		if from != protocol || at < 0 || at+1 == len(rest) {
			continue
		}
		p := &genai.Proof{From: protocol, ID: rest[:at]}
		if rest[at+1] == 'r' {
			p.Redacted = rest[at+2:]
		} else {
			p.Signature = rest[at+2:]
		}
		return p
	}
	return &genai.Proof{Signature: signature, From: genai.Anthropic}
}
