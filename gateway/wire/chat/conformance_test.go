package chat_test

import (
	"testing"

	"weir/gateway/wire/chat"
	"weir/gateway/wire/wiretest"
)

var update = wiretest.Flag()

func TestTranscripts(t *testing.T) {
	wiretest.Suite{Format: chat.Format{}, Protocol: chat.Protocol{}, Dir: "testdata", Update: update}.Run(t)
}
