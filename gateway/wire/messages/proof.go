package messages

import (
	"bytes"
	"slices"
	"strings"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
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

// Foreign tells that a thinking block has the signature of another protocol. No string
// of the body looks like one, since its quotes are escaped.
func (r *Request) Foreign() bool {
	const name = `"signature"`
	for rest := r.messages.Of(r.head.Body); ; {
		at := bytes.Index(rest, []byte(name))
		if at < 0 {
			return false
		}
		rest = rest[at+len(name):]
		colon := jsonscan.Space(rest, 0)
		if colon == len(rest) || rest[colon] != ':' {
			continue
		}
		value, quoted := bytes.CutPrefix(rest[jsonscan.Space(rest, colon+1):], []byte(`"`))
		from, _, marked := bytes.Cut(value[:min(len(value), maxProtocol)], []byte(":"))
		protocols := genai.Protocols()
		if quoted && marked && slices.Contains(protocols[:], string(from)) {
			return true
		}
	}
}

// maxProtocol is more than the longest name of a protocol has.
const maxProtocol = 32

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
