package gemini

import (
	"encoding/json"
	"testing"
)

func TestVertexHasNoBatchOfEmbeddings(t *testing.T) {
	if path, body := New(Vertex).Embed("m", []string{"a"}, 0); path != "" || body != nil {
		t.Errorf("got %s %s", path, body)
	}
}

func FuzzEmbedded(f *testing.F) {
	f.Add(`{"embeddings":[{"values":[0.5]},{"values":[]}],"usageMetadata":{"promptTokenCount":3}}`)
	f.Add(`{"error":{"code":429,"message":"no"}}`)
	f.Add(`{"embeddings":[1],"usageMetadata":[]}`)
	f.Fuzz(func(t *testing.T, text string) {
		vectors, _, e := New(API).Embedded([]byte(text))
		if e != nil {
			return
		}
		for _, v := range vectors {
			if !json.Valid(v) {
				t.Fatalf("%q has the vector %q", text, v)
			}
		}
	})
}
