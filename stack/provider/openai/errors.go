// Package openai is OpenAI's side of the mock provider: chat completions, responses, embeddings, images and
// audio, at OpenAI's paths and at Azure's. The other packages' guarantees hold; nothing is shared between
// requests.
package openai

import (
	"fmt"
	"net/http"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
)

type object = map[string]any

// errorBody is the JSON that OpenAI sends: empty code and param are null.
func errorBody(f answer.Failure) object {
	return object{"error": object{"message": f.Message, "type": f.Kind, "code": orNull(f.Code), "param": orNull(f.Param)}}
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func refuse(_ *http.Request, _ http.Header, f answer.Failure) []byte {
	return append(exchange.JSON(errorBody(f)), '\n')
}

// brokenBody is the answer of the fault error200 where OpenAI has no other place for it.
func brokenBody() []byte { return append(exchange.JSON(errorBody(answer.Broken())), '\n') }

// brokenEvent is an error in a stream without named events.
func brokenEvent() []byte { return exchange.Event("", errorBody(answer.Broken())) }

// unknownURL answers whatever no protocol serves.
func unknownURL(w http.ResponseWriter, r *http.Request) {
	exchange.WriteRefusal(w, r, exchange.Protocol{Refuse: refuse}, answer.Failure{Status: http.StatusNotFound,
		Kind: "invalid_request_error", Message: fmt.Sprintf("Invalid URL (%s %s)", r.Method, r.URL.Path)})
}
