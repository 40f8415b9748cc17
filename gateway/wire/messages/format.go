package messages

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/wire"
)

// Format is Messages as clients speak it.
type Format struct{}

// Endpoint is the ledger's name of POST /v1/messages.
func (Format) Endpoint() string { return "messages" }

// Protocol is what passes through.
func (Format) Protocol() string { return genai.Anthropic }

// ReadRequest reads the body of a request. It refuses what is not one JSON object,
// fields of the wrong kind, and a field that the gateway reads given twice or in other
// letters' case: the provider might see another value than the books.
func (Format) ReadRequest(body []byte) (wire.Request, *apierror.Error) {
	r, e := readRequest(body)
	if e != nil {
		return nil, e
	}
	return r, nil
}

// ReadAnswer reads a plain answer of a provider that speaks Messages.
func (Format) ReadAnswer(text []byte, to *wire.Reply) (wire.Answer, *apierror.Error) {
	a, e := readAnswer(text, to.Quoted)
	if e != nil {
		return nil, e
	}
	return a, nil
}

// Pass passes a stream of Messages on.
func (Format) Pass(to *wire.Reply) wire.Stream { return &stream{to: to} }

// NewEncoder writes a translated stream.
func (Format) NewEncoder(to *wire.Reply) wire.Encoder { return &encoder{to: to} }

// Protocol is Messages as providers speak it.
type Protocol struct{}

// Name is the protocol's in weir.yaml.
func (Protocol) Name() string { return genai.Anthropic }

// Call is the path of a call; that of a count is CountPath.
func (Protocol) Call(string, bool) (path, query string) { return "messages", "" }

// Knows tells which fields of other formats mean the same here. They are the API's own,
// so that they come from clients of this format alone. Those that change the price
// (speed, inference_geo) are not among them: the bounds of other formats do not know
// them.
func (Protocol) Knows(field string) bool {
	switch field {
	case "container", "context_management", "mcp_servers":
		return true
	}
	return false
}

// Headers are the betas that an encoded request needs. Structured outputs, effort,
// caching for an hour and adaptive thinking need none any more.
func (Protocol) Headers(r *genai.Request) []wire.Header {
	var betas string
	add := func(name string) {
		if betas != "" {
			betas += ","
		}
		betas += name
	}
	if hasFile(r) {
		add("files-api-2025-04-14")
	}
	for _, f := range r.Extra {
		switch f.Name {
		case "mcp_servers":
			add("mcp-client-2025-04-04")
		case "context_management":
			add("context-management-2025-06-27")
		}
	}
	if r.Reasoning != nil && !r.Reasoning.Off && len(r.Tools) > 0 {
		add("interleaved-thinking-2025-05-14") // models that think between calls anyway ignore it
	}
	if betas == "" {
		return nil
	}
	return []wire.Header{{Name: "anthropic-beta", Value: betas}}
}

// hasFile tells that some part is a file that lies with the provider.
func hasFile(r *genai.Request) bool {
	for i := range r.Messages {
		for j := range r.Messages[i].Parts {
			if m := r.Messages[i].Parts[j].Media; m != nil && m.FileID != "" {
				return true
			}
		}
	}
	return false
}
