package chat_test

import (
	"testing"

	"weir/gateway/wire/chat"
	"weir/gateway/wire/wiretest"
)

var update = wiretest.Flag()

func TestTranscripts(t *testing.T) {
	suite().Run(t)
}

func suite() wiretest.Suite {
	return wiretest.Suite{Format: chat.Format{}, Protocol: chat.Protocol{}, Dir: "testdata", Update: update}
}

func FuzzDecodeRequest(f *testing.F)  { suite().FuzzRequest(f) }
func FuzzDecodeResponse(f *testing.F) { suite().FuzzResponse(f) }
func FuzzDecodeStream(f *testing.F)   { suite().FuzzStream(f) }

func BenchmarkTranslateRequest100kB(b *testing.B) {
	body := `{"model":"p/m","messages":[` + wiretest.Turns(func(i int, text string) string {
		return `{"role":"` + []string{"user", "assistant"}[i%2] + `","content":"` + text + `"}`
	}) + `]}`
	suite().BenchRequest(b, []byte(body))
}

func BenchmarkTranslateChunk(b *testing.B) {
	const chunk = `data: {"id":"chatcmpl-123456789","object":"chat.completion.chunk","created":1767225600,"model":"small","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"content":" lorem"},"logprobs":null,"finish_reason":null}],"usage":null}` + "\n\n"
	suite().BenchChunk(b, chunk, chunk)
}
