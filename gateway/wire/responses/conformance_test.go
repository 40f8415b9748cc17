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

func BenchmarkTranslateRequest100kB(b *testing.B) {
	body := `{"model":"p/m","input":[` + wiretest.Turns(func(i int, text string) string {
		if i%2 == 0 {
			return `{"role":"user","content":[{"type":"input_text","text":"` + text + `"}]}`
		}
		return `{"type":"message","role":"assistant","content":[{"type":"output_text","text":"` + text + `","annotations":[]}]}`
	}) + `]}`
	suite().BenchRequest(b, []byte(body))
}

func BenchmarkTranslateChunk(b *testing.B) {
	suite().BenchChunk(b, `data: {"type":"response.created","response":{"id":"resp_1","model":"m","output":[],"usage":null},"sequence_number":0}`+"\n\n",
		"event: response.output_text.delta\n"+`data: {"type":"response.output_text.delta","item_id":"msg_67ccd2bf17f0819081ff3bb2cf6508e6","output_index":0,"content_index":0,"delta":" lorem","logprobs":[],"sequence_number":7,"obfuscation":"abcdef"}`+"\n\n")
}
