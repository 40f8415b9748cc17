package responses_test

import (
	"testing"

	"weir/gateway/wire/chat"
	"weir/gateway/wire/wiretest"
)

func chatSuite() wiretest.Suite {
	return wiretest.Suite{Format: chat.Format{}, Protocol: chat.Protocol{}, Dir: "../chat/testdata"}
}

func TestResponsesThroughChat(t *testing.T) {
	suite().Through(t, chatSuite(), map[string]string{
		"pictures.request.json": "a picture that a tool gave becomes the user's: a tool message takes text alone"})
}
func TestChatThroughResponses(t *testing.T) { chatSuite().Through(t, suite(), nil) }
