package responses_test

import (
	"testing"

	"weir/gateway/wire/responses"
	"weir/gateway/wire/wiretest"
)

var update = wiretest.Flag()

func TestTranscripts(t *testing.T) {
	wiretest.Suite{Format: responses.Format{}, Protocol: responses.Protocol{}, Dir: "testdata", Update: update}.Run(t)
}
