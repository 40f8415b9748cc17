package clients_test

import "weir/e2e/stacktest"

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
	estimated       bool   // the provider reports no usage: tokens and cost are the gateway's, and not looked at
}

// expectedOf is the same for every client. The prices of a million tokens (input, cached, written, output, reasoning) are
// of mock/small 0.15, 0.075, 0.1875, 0.60, 0.60; of mock/large 2.50, 0.25, 3.125, 10, 12.
func expectedOf(endpoint, at, name string) expected {
	if at != "" {
		e := expectedAt(at, name)
		e.provider = at
		return e
	}
	if name == streamTool {
		name = tool
	}
	switch endpoint {
	case messages:
		// Anthropic counts no reasoning apart from the output.
		return map[string]expected{
			// 500×0.15 + 400×0.075 + 100×0.1875 + 13×0.60 = 75 + 30 + 18.75 + 7.8 = 131.55 millionths
			plain: {"mock-anthropic", "small:in=1000,cached=400,write=100,out=13", 200,
				stacktest.Tokens{Input: 500, Cached: 400, Written: 100, Output: 13}, "0.00013155", false},
			// 500×0.15 + 1500×0.075 + 13×0.60 = 75 + 112.5 + 7.8 = 195.3 millionths
			stream: {"mock-anthropic", "small:chunks=13,in=2000,cached=1500,out=13", 200,
				stacktest.Tokens{Input: 500, Cached: 1500, Output: 13}, "0.0001953", false},
			// 321×0.15 + 17×0.60 = 48.15 + 10.2 = 58.35 millionths
			tool: {"mock-anthropic", "small:in=321,out=17", 200, stacktest.Tokens{Input: 321, Output: 17}, "0.00005835", false},
			// 3×0.075 + 4×0.1875 + 1×0.60 = 0.225 + 0.75 + 0.6 = 1.575 millionths
			structured: {"mock-anthropic", "small:in=7,cached=3,write=4,out=1", 200,
				stacktest.Tokens{Cached: 3, Written: 4, Output: 1}, "0.000001575", false},
			failing: {provider: "mock-anthropic", model: "small:status=429", status: 429, cost: "0"},
			count:   {provider: "mock-anthropic", model: "small", status: 200, cost: "0"},
		}[name]
	case embeddings:
		// 40×0.15 = 6 millionths
		return expected{"mock", "small:in=40", 200, stacktest.Tokens{Input: 40}, "0.000006", false}
	case speech:
		if name == plain {
			return expected{provider: "mock", model: "small:chunks=2", status: 200, estimated: true}
		}
		fallthrough
	case images, edits, transcriptions:
		// 40×0.15 + 13×0.60 = 6 + 7.8 = 13.8 millionths
		return expected{"mock", "small:chunks=2,in=40,out=13", 200, stacktest.Tokens{Input: 40, Output: 13}, "0.0000138", false}
	}
	return map[string]expected{
		// 500×0.15 + 400×0.075 + 100×0.1875 + 13×0.60 + 20×0.60 = 75 + 30 + 18.75 + 7.8 + 12 = 143.55 millionths
		plain: {"mock", "small:in=1000,cached=400,write=100,out=33,reasoning=20", 200,
			stacktest.Tokens{Input: 500, Cached: 400, Written: 100, Output: 13, Reasoning: 20}, "0.00014355", false},
		// 500×2.50 + 1500×0.25 + 13×10 + 100×12 = 1250 + 375 + 130 + 1200 = 2955 millionths
		stream: {"mock", "large:chunks=13,in=2000,cached=1500,out=113,reasoning=100", 200,
			stacktest.Tokens{Input: 500, Cached: 1500, Output: 13, Reasoning: 100}, "0.002955", false},
		// 321×2.50 + 17×10 = 802.5 + 170 = 972.5 millionths
		tool: {"mock", "large:in=321,out=17", 200, stacktest.Tokens{Input: 321, Output: 17}, "0.0009725", false},
		// 3×0.25 + 4×3.125 + 1×10 = 0.75 + 12.5 + 10 = 23.25 millionths
		structured: {"mock", "large:in=7,cached=3,write=4,out=1", 200,
			stacktest.Tokens{Cached: 3, Written: 4, Output: 1}, "0.00002325", false},
		failing: {provider: "mock", model: "small:status=429", status: 429, cost: "0"},
	}[name]
}

// expectedAt is the same for every provider, but for Bedrock, which tells no reasoning apart. All is of mock/small.
func expectedAt(at, name string) expected {
	if name == moved {
		name = thinking
	}
	e := map[string]expected{
		// 600×0.15 + 400×0.075 + 13×0.60 = 90 + 30 + 7.8 = 127.8 millionths
		plain: {model: "small:in=1000,cached=400,out=13", tokens: stacktest.Tokens{Input: 600, Cached: 400, Output: 13}, cost: "0.0001278"},
		// 500×0.15 + 1500×0.075 + 13×0.60 = 75 + 112.5 + 7.8 = 195.3 millionths
		stream: {model: "small:chunks=13,in=2000,cached=1500,out=13",
			tokens: stacktest.Tokens{Input: 500, Cached: 1500, Output: 13}, cost: "0.0001953"},
		// 321×0.15 + 13×0.60 = 48.15 + 7.8 = 55.95 millionths
		streamTool: {model: "small:in=321,out=13", tokens: stacktest.Tokens{Input: 321, Output: 13}, cost: "0.00005595"},
		turns:      {model: "small:in=321,out=13", tokens: stacktest.Tokens{Input: 321, Output: 13}, cost: "0.00005595"},
		// 321×0.15 + 13×0.60 + 20×0.60 = 48.15 + 7.8 + 12 = 67.95 millionths
		thinking: {model: "small:in=321,out=33,reasoning=20",
			tokens: stacktest.Tokens{Input: 321, Output: 13, Reasoning: 20}, cost: "0.00006795"},
		count: {model: "small", cost: "0"},
	}[name]
	if at == "mock-bedrock" {
		e.tokens.Output, e.tokens.Reasoning = e.tokens.Output+e.tokens.Reasoning, 0
	}
	e.status = 200
	return e
}
