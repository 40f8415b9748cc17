package provider

import (
	"fmt"

	"weir/gateway/genai"
	"weir/gateway/wire"
	"weir/gateway/wire/chat"
	"weir/gateway/wire/converse"
	"weir/gateway/wire/gemini"
	"weir/gateway/wire/messages"
	"weir/gateway/wire/responses"
)

// manners are how a protocol is carried by HTTP, beside what it says.
type manners struct {
	auth string // the scheme when the configuration names none
	// fixed are headers that every call has unless the client's stand in their place.
	fixed [][2]string
	// passes are headers that a client of the same protocol may send along.
	passes []string
	query  string // that such a client may send along
}

// LimitIn is the field in which a translated request has its output limit.
func (p *Provider) LimitIn() string {
	switch p.Protocol.Name() {
	case genai.Chat:
		return p.LimitField
	case genai.Anthropic:
		return "max_tokens"
	case genai.Responses:
		return "max_output_tokens"
	}
	return "maxTokens" // Gemini and Bedrock have their own, which hold the reasoning
}

// protocolOf returns a protocol by its name in weir.yaml; vertex says that the models
// are Vertex AI's.
func protocolOf(name string, vertex bool) (wire.Protocol, manners, error) {
	switch name {
	case genai.Chat:
		return chat.Protocol{}, manners{auth: authBearer, passes: []string{"Openai-Beta"}}, nil
	case genai.Responses:
		return responses.Protocol{}, manners{auth: authBearer, passes: []string{"Openai-Beta"}}, nil
	case genai.Bedrock:
		return converse.Protocol{}, manners{auth: authBearer}, nil
	case genai.Anthropic:
		return messages.Protocol{}, manners{auth: authXAPI, fixed: [][2]string{{"Anthropic-Version", "2023-06-01"}},
			passes: []string{"Anthropic-Version", "Anthropic-Beta"}, query: "beta=true"}, nil
	case genai.Gemini:
		prefix := gemini.API
		if vertex {
			prefix = gemini.Vertex
		}
		return gemini.New(prefix), manners{auth: authGoogle}, nil
	}
	return nil, manners{}, fmt.Errorf("protocol %q is none of %v", name, genai.Protocols())
}
