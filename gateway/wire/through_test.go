package wire_test

import (
	"testing"

	"weir/gateway/wire/chat"
	"weir/gateway/wire/messages"
	"weir/gateway/wire/responses"
	"weir/gateway/wire/wiretest"
)

// What goes by way of Messages and back keeps all that the table says is kept; what it
// cannot say is named. Between Chat and Responses the latter's tests do the same.
func TestThroughMessages(t *testing.T) {
	const (
		refusal = "a refusal is a text here, and the reason to stop"
		places  = "citations do not say where in the answer they belong, and there are no log-probabilities"
		custom  = "there are no custom tools: what one was given stands in an object"
		limit   = "a limit is required, and set"
	)
	other := wiretest.Suite{Format: messages.Format{}, Protocol: messages.Protocol{}, Dir: "messages/testdata"}
	t.Run("chat", func(t *testing.T) {
		wiretest.Suite{Format: chat.Format{}, Protocol: chat.Protocol{}, Dir: "chat/testdata"}.Through(t, other, map[string]string{
			"refusal.response.json": refusal, "text.response.json": places, "text.stream.sse": places,
			"tools.response.json": custom, "tools.stream.sse": custom})
	})
	t.Run("responses", func(t *testing.T) {
		wiretest.Suite{Format: responses.Format{}, Protocol: responses.Protocol{}, Dir: "responses/testdata"}.Through(t, other, map[string]string{
			"refusal.response.json": refusal, "incomplete.stream.sse": refusal, "text.response.json": places, "text.stream.sse": places,
			"tools.response.json": custom, "tools.stream.sse": custom, "pictures.request.json": limit})
	})
}
