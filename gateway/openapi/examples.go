package openapi

import (
	"encoding/json"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// ofMock says whose model the first example of an endpoint is: that of the stack on
// one machine, where it succeeds as it stands.
const ofMock = "The mock provider of make run"

// examples are calls to send as they stand. The page offers them in the order of
// their names, the first one at once; without any it would make up a body from the
// schema, which no provider takes.
func examples(path string) map[string]*huma.Example {
	type example struct{ summary, body string }
	const said = `"messages": [{"role": "user", "content": "Hello, Weir"}]`
	var all []example
	switch path {
	case "/v1/chat/completions":
		all = []example{
			{ofMock, `{"model": "mock/small", ` + said + `}`},
			{"The same as a stream", `{"model": "mock/small", ` + said + `, "stream": true}`},
			{"With tags and an end user, for the books", `{"model": "mock/small", ` + said + `, "requesty": {"tags": ["docs"], "user_id": "ada"}}`},
			{"A real provider", `{"model": "openai/gpt-5-mini", ` + said + `, "max_completion_tokens": 500}`},
		}
	case "/v1/messages", "/anthropic/v1/messages":
		all = []example{
			{ofMock, `{"model": "mock/small", "max_tokens": 500, ` + said + `}`},
			{"The same as a stream", `{"model": "mock/small", "max_tokens": 500, ` + said + `, "stream": true}`},
			{"A real provider", `{"model": "anthropic/claude-sonnet-4-5", "max_tokens": 500, ` + said + `}`},
		}
	case "/v1/messages/count_tokens", "/anthropic/v1/messages/count_tokens":
		all = []example{{ofMock, `{"model": "mock/small", ` + said + `}`}}
	case "/v1/responses":
		all = []example{
			{ofMock, `{"model": "mock/small", "input": "Hello, Weir"}`},
			{"The same as a stream", `{"model": "mock/small", "input": "Hello, Weir", "stream": true}`},
			{"A real provider", `{"model": "openai/gpt-5-mini", "input": "Hello, Weir"}`},
		}
	case "/v1/embeddings":
		all = []example{{ofMock, `{"model": "mock/small", "input": ["Hello", "Weir"]}`}, {"A real provider", `{"model": "openai/text-embedding-3-small", "input": ["Hello", "Weir"]}`}}
	case "/v1/images/generations":
		all = []example{{ofMock, `{"model": "mock/small", "prompt": "A weir at dawn"}`}, {"A real provider", `{"model": "openai/gpt-image-1", "prompt": "A weir at dawn"}`}}
	case "/v1/audio/speech":
		all = []example{{ofMock, `{"model": "mock/small", "input": "Hello, Weir", "voice": "alloy"}`}, {"A real provider", `{"model": "openai/gpt-4o-mini-tts", "input": "Hello, Weir", "voice": "alloy"}`}}
	}
	named := map[string]*huma.Example{}
	for i, e := range all {
		named[strconv.Itoa(i+1)] = &huma.Example{Summary: e.summary, Value: json.RawMessage(e.body)}
	}
	return named
}

// shown returns the bodies with the examples of the path.
func shown(path string, bodies map[string]*huma.MediaType) map[string]*huma.MediaType {
	if body := bodies["application/json"]; body != nil {
		body.Examples = examples(path)
	}
	return bodies
}
