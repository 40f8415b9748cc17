package clients_test

import (
	"slices"

	"weir/e2e/stacktest"
)

// The endpoints, by the names that the books have for them.
const (
	chat       = "chat.completions"
	messages   = "messages"
	responses  = "responses"
	embeddings = "embeddings"
)

// The cases.
const (
	plain      = "plain"
	stream     = "stream"
	tool       = "tool"
	structured = "structured"
	failing    = "error" // the provider's rate limit
	count      = "count" // count_tokens, which answers nothing and costs nothing
)

// servedEndpoints are those that the gateway serves. The calls to the others are in the table and wait: whoever
// serves one more adds it here, and with the last this list goes.
func servedEndpoints() []string { return []string{chat} }

// client is one client: what it calls, and with which cases.
type client struct {
	name string
	// body says that it can send fields which its interface does not know, and sends `requesty`.
	body  func(endpoint string) bool
	cases map[string][]string // by endpoint
}

// clientsOf are the clients of each family, which run.go knows how to start.
func clientsOf() map[string][]client {
	four := []string{plain, stream, tool, structured}
	five := []string{plain, stream, tool, structured, failing}
	one := []string{plain}
	everywhere := func(string) bool { return true }
	nowhere := func(string) bool { return false }
	onChat := func(endpoint string) bool { return endpoint == chat }
	notInEmbeddings := func(endpoint string) bool { return endpoint != embeddings }
	openai := map[string][]string{chat: five, responses: five, embeddings: one}
	anthropic := map[string][]string{messages: append(slices.Clone(five), count)}
	framework := map[string][]string{chat: four, responses: four, messages: four, embeddings: one}
	return map[string][]client{
		"python official": {
			{"openai-python", everywhere, openai},
			{"anthropic-python", everywhere, anthropic},
			{"requests", everywhere, map[string][]string{chat: four}},
		},
		"python langchain": {
			{"langchain", func(endpoint string) bool { return endpoint == chat || endpoint == responses }, framework},
		},
		"python llamaindex": {{"llamaindex", onChat, framework}},
		// Haystack's generator for Anthropic has no structured output.
		"python haystack": {
			{"haystack", onChat, map[string][]string{chat: four, responses: four, messages: four[:3], embeddings: one}},
		},
		"python pydanticai": {{"pydantic-ai", notInEmbeddings, framework}},
		"node official": {
			{"openai-node", everywhere, openai},
			{"anthropic-node", everywhere, anthropic},
			{"axios", everywhere, map[string][]string{chat: four}},
		},
		"node vercel": {
			{"ai-openai", nowhere, map[string][]string{chat: four, responses: four, embeddings: one}},
			{"ai-openai-compatible", nowhere, map[string][]string{chat: four}},
			{"ai-anthropic", nowhere, map[string][]string{messages: four}},
		},
		"go openai":      {{"openai-go", everywhere, openai}},
		"go anthropic":   {{"anthropic-go", everywhere, anthropic}},
		"go claude-code": {{"claude-code", nowhere, map[string][]string{messages: {plain, stream, tool, count}}}},
	}
}

// sentence is the text of 13 tokens that the mock provider answers with.
const sentence = "over the low dam runs what the river gave, all of it counted."

// pieces are in how many chunks a stream brings it.
const pieces = 13

// expected is what must come of a case.
type expected struct {
	provider, model string // the model with the mock provider's options
	status          int64
	tokens          stacktest.Tokens
	cost            string // in USD, computed by hand
}

// expectedOf is the same for every client. The prices of a million tokens (input, cached, written, output, reasoning) are
// of mock/small 0.15, 0.075, 0.1875, 0.60, 0.60; of mock/large 2.50, 0.25, 3.125, 10, 12.
func expectedOf(endpoint, name string) expected {
	switch endpoint {
	case messages:
		// Anthropic counts no reasoning apart from the output.
		return map[string]expected{
			// 500×0.15 + 400×0.075 + 100×0.1875 + 13×0.60 = 75 + 30 + 18.75 + 7.8 = 131.55 millionths
			plain: {"mock-anthropic", "small:in=1000,cached=400,write=100,out=13", 200,
				stacktest.Tokens{Input: 500, Cached: 400, Written: 100, Output: 13}, "0.00013155"},
			// 500×0.15 + 1500×0.075 + 13×0.60 = 75 + 112.5 + 7.8 = 195.3 millionths
			stream: {"mock-anthropic", "small:chunks=13,in=2000,cached=1500,out=13", 200,
				stacktest.Tokens{Input: 500, Cached: 1500, Output: 13}, "0.0001953"},
			// 321×0.15 + 17×0.60 = 48.15 + 10.2 = 58.35 millionths
			tool: {"mock-anthropic", "small:in=321,out=17", 200, stacktest.Tokens{Input: 321, Output: 17}, "0.00005835"},
			// 3×0.075 + 4×0.1875 + 1×0.60 = 0.225 + 0.75 + 0.6 = 1.575 millionths
			structured: {"mock-anthropic", "small:in=7,cached=3,write=4,out=1", 200,
				stacktest.Tokens{Cached: 3, Written: 4, Output: 1}, "0.000001575"},
			failing: {provider: "mock-anthropic", model: "small:status=429", status: 429, cost: "0"},
			count:   {provider: "mock-anthropic", model: "small", status: 200, cost: "0"},
		}[name]
	case embeddings:
		// 40×0.15 = 6 millionths
		return expected{"mock", "small:in=40", 200, stacktest.Tokens{Input: 40}, "0.000006"}
	}
	return map[string]expected{
		// 500×0.15 + 400×0.075 + 100×0.1875 + 13×0.60 + 20×0.60 = 75 + 30 + 18.75 + 7.8 + 12 = 143.55 millionths
		plain: {"mock", "small:in=1000,cached=400,write=100,out=33,reasoning=20", 200,
			stacktest.Tokens{Input: 500, Cached: 400, Written: 100, Output: 13, Reasoning: 20}, "0.00014355"},
		// 500×2.50 + 1500×0.25 + 13×10 + 100×12 = 1250 + 375 + 130 + 1200 = 2955 millionths
		stream: {"mock", "large:chunks=13,in=2000,cached=1500,out=113,reasoning=100", 200,
			stacktest.Tokens{Input: 500, Cached: 1500, Output: 13, Reasoning: 100}, "0.002955"},
		// 321×2.50 + 17×10 = 802.5 + 170 = 972.5 millionths
		tool: {"mock", "large:in=321,out=17", 200, stacktest.Tokens{Input: 321, Output: 17}, "0.0009725"},
		// 3×0.25 + 4×3.125 + 1×10 = 0.75 + 12.5 + 10 = 23.25 millionths
		structured: {"mock", "large:in=7,cached=3,write=4,out=1", 200,
			stacktest.Tokens{Cached: 3, Written: 4, Output: 1}, "0.00002325"},
		failing: {provider: "mock", model: "small:status=429", status: 429, cost: "0"},
	}[name]
}
