package media

import (
	"encoding/json"
	"testing"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/wire"
)

// embedder is a protocol whose answers are lists of vectors.
type embedder struct{ wire.Protocol }

func (embedder) Embed(string, []string, int64) (path string, body []byte) { return "embed", nil }

func (embedder) Embedded(text []byte) (vectors [][]byte, tokens int64, e *apierror.Error) {
	var list []json.RawMessage
	if json.Unmarshal(text, &list) != nil {
		return nil, 0, apierror.New(apierror.ProviderUnreadable, "")
	}
	for _, v := range list {
		if len(v) == 0 || v[0] != '[' {
			return nil, 0, apierror.New(apierror.ProviderUnreadable, "")
		}
		vectors = append(vectors, v)
	}
	return vectors, 0, nil
}

func FuzzBridge(f *testing.F) {
	f.Add(`{"model":"p/m","input":["a","\ud83d"],"encoding_format":"base64","dimensions":3}`, `[[1,2.5e400],["x",null]]`)
	f.Add(`{"model":"p/m","input":"a","x":1}`, `[[]]`)
	f.Fuzz(func(t *testing.T, body, answer string) {
		r, e := Embeddings.ReadRequest([]byte(body))
		if e != nil {
			return
		}
		b, e := Embeddings.Bridge(r, embedder{})
		if e != nil {
			return
		}
		a, e := b.ReadAnswer([]byte(answer), &wire.Reply{Request: r, Quoted: []byte(`"p/m"`)})
		if e != nil {
			return
		}
		if out := a.Append(nil, genai.Usage{Prompt: -1}, bill(genai.Usage{})); !json.Valid(out) {
			t.Fatalf("%q and %q became %q", body, answer, out)
		}
	})
}
