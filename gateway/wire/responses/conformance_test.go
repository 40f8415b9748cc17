package responses_test

import (
	"testing"

	"weir/gateway/wire/responses"
	"weir/gateway/wire/wiretest"
)

var update = wiretest.Flag()

func TestTranscripts(t *testing.T) {
	suite().Run(t)
}

func suite() wiretest.Suite {
	return wiretest.Suite{Format: responses.Format{}, Protocol: responses.Protocol{}, Dir: "testdata", Update: update}
}

func FuzzDecodeRequest(f *testing.F)  { suite().FuzzRequest(f) }
func FuzzDecodeResponse(f *testing.F) { suite().FuzzResponse(f) }
func FuzzDecodeStream(f *testing.F)   { suite().FuzzStream(f) }
