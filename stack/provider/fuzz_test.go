package provider_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/stack/provider"
)

// FuzzBodies has any body at every path: nothing panics, and what is no 200 is JSON and in the ledger, unbilled.
func FuzzBodies(f *testing.F) {
	paths := []string{"/v1/embeddings", "/v1/images/generations", "/v1/audio/speech", "/v1/images/edits", "/v1/audio/transcriptions", "/v1/messages/count_tokens",
		"/v1beta/models/small:batchEmbedContents"}
	for i, d := range dialects() {
		paths = append(paths, d.path("small", false))
		f.Add(len(paths)-1, d.body("small", `"hello"`, d.tool, false), "application/json")
		f.Add(len(paths)-1, d.body("small", d.image, d.shape, i%2 == 0), "application/json")
	}
	f.Add(0, `{"model":"small","input":[[1],"a"]}`, "application/json")
	f.Add(3, "--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\nx\r\n--b--", "multipart/form-data; boundary=b")
	f.Fuzz(func(t *testing.T, path int, body, kind string) {
		if strings.Contains(body, "fault") || strings.Contains(body, "latency") || strings.Contains(body, "gap") || strings.Contains(body, "out=") {
			return // breaks or waits as it was asked to
		}
		p := provider.New()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, paths[uint(path)%uint(len(paths))], strings.NewReader(body))
		for name, value := range map[string]string{"Content-Type": kind, "Authorization": "Bearer k", "X-Goog-Api-Key": "k", "Api-Key": "k",
			"Anthropic-Version": "2023-06-01"} {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		entries := p.Entries()
		if len(entries) != 1 || entries[0].Status != w.Code || w.Code != 200 && (entries[0].Billed || !json.Valid(w.Body.Bytes())) {
			t.Errorf("%d %q, and the ledger has %+v", w.Code, w.Body, entries)
		}
	})
}
