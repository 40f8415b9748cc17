package wire_test

import (
	"path/filepath"
	"strings"
	"testing"

	"weir/gateway/genai"
	"weir/gateway/wire"
	"weir/gateway/wire/chat"
	"weir/gateway/wire/converse"
	"weir/gateway/wire/gemini"
	"weir/gateway/wire/messages"
	"weir/gateway/wire/responses"
	"weir/gateway/wire/wiretest"
)

// What holds for every pair of a format that clients speak and a protocol that
// providers speak is tested and measured here.

// formats are all that clients speak.
func formats() []wire.Format {
	return []wire.Format{chat.Format{}, responses.Format{}, messages.Format{}}
}

// protocols are all that providers speak.
func protocols() []wire.Protocol {
	return []wire.Protocol{chat.Protocol{}, responses.Protocol{}, messages.Protocol{}, gemini.New(gemini.API), converse.Protocol{}}
}

// model is one that a protocol is spoken by.
func model(p wire.Protocol) string {
	switch p.Name() {
	case genai.Anthropic:
		return claude45
	case genai.Gemini:
		return "gemini-2.5-flash"
	case genai.Bedrock:
		return onAWS
	}
	return "gpt-5"
}

const (
	claude45 = "claude-sonnet-4-5"
	claude47 = "claude-opus-4-7"
	onAWS    = "anthropic.claude-sonnet-4-5-v1:0"
)

// pairs runs f for each of the pairs that is a translation.
func pairs[T interface {
	testing.TB
	Run(string, func(T)) bool
}](t T, f func(t T, f wire.Format, p wire.Protocol)) {
	for _, format := range formats() {
		for _, p := range protocols() {
			if format.Protocol() != p.Name() {
				t.Run(format.Protocol()+" to "+p.Name(), func(t T) { f(t, format, p) })
			}
		}
	}
}

// transcripts are the answers of a protocol that its own tests have, by kind: plain ones
// and streams.
func transcripts(t testing.TB, p wire.Protocol) (plain, streams map[string][]byte) {
	t.Helper()
	folder := map[string]string{genai.Chat: "chat", genai.Responses: "responses", genai.Anthropic: "messages", genai.Gemini: "gemini", genai.Bedrock: "converse"}[p.Name()]
	plain, streams = map[string][]byte{}, map[string][]byte{}
	files, err := filepath.Glob(filepath.Join(folder, "testdata", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		switch {
		case strings.HasSuffix(name, ".response.json"):
			plain[name] = wiretest.Read(t, file)
		case strings.HasSuffix(name, ".stream.sse"):
			streams[name] = wiretest.Read(t, file)
		case strings.HasSuffix(name, ".stream.txt"):
			streams[name] = wiretest.Frames(t, wiretest.Read(t, file))
		}
	}
	if len(plain) == 0 || len(streams) == 0 {
		t.Fatalf("%s has no transcripts", p.Name())
	}
	return plain, streams
}

// asked is a request of a format's, for answers to it.
func asked(t testing.TB, f wire.Format) wire.Request {
	t.Helper()
	r, e := f.ReadRequest([]byte(`{"model":"p/m","messages":[{"role":"user","content":"hi"}],"input":"hi","max_tokens":9,"stream":true,"stream_options":{"include_usage":true}}`))
	if e != nil {
		t.Fatal(e)
	}
	return r
}
