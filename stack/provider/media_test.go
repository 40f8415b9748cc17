package provider_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"image/png"
	"math"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/stack/provider"
)

// multipartBody is a form with the fields in pairs and one file.
func multipartBody(t *testing.T, file string, size int, fields ...string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile(file, "file.bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func TestEmbeddings(t *testing.T) {
	p, server := start(t)
	f := func(more string, n, dimensions int) {
		t.Helper()
		_, text, _ := postTo(t, server+"/v1/embeddings", `{"model":"small:in=12","input":`+more+`}`)
		var list struct {
			Data  []struct{ Embedding json.RawMessage }
			Usage struct {
				Prompt int `json:"prompt_tokens"`
				Total  int `json:"total_tokens"`
			}
		}
		if err := json.Unmarshal([]byte(text), &list); err != nil || len(list.Data) != n || list.Usage.Prompt != 12 || list.Usage.Total != 12 {
			t.Fatalf("%s: %v %s", more, err, text)
		}
		var vector []float32
		var encoded string
		if json.Unmarshal(list.Data[n-1].Embedding, &encoded) == nil {
			raw, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				t.Fatal(err)
			}
			for ; len(raw) > 0; raw = raw[4:] {
				vector = append(vector, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
			}
		} else if err := json.Unmarshal(list.Data[n-1].Embedding, &vector); err != nil {
			t.Fatal(err)
		}
		var norm float64
		for _, v := range vector {
			norm += float64(v) * float64(v)
		}
		if len(vector) != dimensions || math.Abs(norm-1) > 1e-3 {
			t.Errorf("%s: %d dimensions of length %v", more, len(vector), norm)
		}
	}
	f(`"hi"`, 1, 8)
	f(`["hi","ho"],"dimensions":5`, 2, 5)
	f(`[1,2,3],"encoding_format":"base64"`, 1, 8)
	f(`[[1,2],[3]],"encoding_format":"base64","dimensions":3`, 2, 3)
	want := provider.Entry{RequestID: "req_1", Protocol: "embeddings", Model: "small:in=12", Status: 200, Billed: true, Reported: true, ServedChunks: 1,
		Tokens: provider.Tokens{Prompt: 12}}
	if diff := cmp.Diff(want, last(t, p, 1), ignored()); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
	refuses(t, "/v1/embeddings", `{"model":"small","input":HERE}`, nil, [][2]string{
		{`""`, "invalid"}, {`[]`, "invalid"}, {`{}`, "invalid"}, {`"a","dimensions":0`, "dimensions"}, {`"a","encoding_format":"hex"`, "hex"},
	})
	_, text, _ := postTo(t, server+"/openai/deployments/small:fault=error200/embeddings?api-version=1", `{"input":"a"}`, "Api-Key", "k")
	contains(t, "azure", text, `{"error":`)
}

func TestEmbeddingsOfGemini(t *testing.T) {
	p, server := start(t)
	const path = "/v1beta/models/small:in=12:batchEmbedContents"
	_, text, _ := postTo(t, server+path, `{"requests":[{"model":"models/small:in=12","content":{"parts":[{"text":"hi"}]},"outputDimensionality":3},`+
		`{"model":"models/small:in=12","content":{"parts":[{"text":"ho"}]}}]}`, "X-Goog-Api-Key", "k")
	var list struct {
		Embeddings []struct{ Values []float32 }
		Usage      struct{ PromptTokenCount int } `json:"usageMetadata"`
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list.Embeddings) != 2 || len(list.Embeddings[0].Values) != 3 || len(list.Embeddings[1].Values) != 8 || list.Usage.PromptTokenCount != 12 {
		t.Errorf("%v %s", err, text)
	}
	if e := last(t, p, 1); e.Prompt != 12 || e.Completion != 0 || e.Protocol != "gemini" || !e.Billed || !e.Reported {
		t.Errorf("ledger has %+v", e)
	}
	refuses(t, "/v1beta/models/small:batchEmbedContents", `{"requests":[HERE]}`, []string{"X-Goog-Api-Key", "k"}, [][2]string{
		{``, "at least one"}, {`{"model":"models/other","content":{"parts":[]}}`, "model"}, {`{"model":"models/small"}`, "content"},
		{`{"model":"models/small","content":{"parts":[]},"outputDimensionality":0}`, "output_dimensionality"}, {`{"dimensions":3}`, "dimensions"},
	})
	_, text, _ = postTo(t, server+"/v1/projects/p/locations/l/publishers/google/models/small:batchEmbedContents", `{"requests":[]}`, "Authorization", "Bearer k")
	contains(t, "vertex", text, "NOT_FOUND")
}

func TestImages(t *testing.T) {
	p, server := start(t)
	_, text, _ := postTo(t, server+"/v1/images/generations", `{"model":"small:in=20,out=40","prompt":"a dam","n":2}`)
	contains(t, "plain", text, `"input_tokens":20`, `"output_tokens":40`, `"image_tokens":0`)
	var list struct {
		Data []struct {
			B64 []byte `json:"b64_json"`
		}
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list.Data) != 2 {
		t.Fatalf("%v %s", err, text)
	}
	if _, err := png.Decode(bytes.NewReader(list.Data[1].B64)); err != nil {
		t.Errorf("the picture is none: %v", err)
	}
	if e := last(t, p, 1); e.Images != 2 || e.Completion != 40 || e.Protocol != "images" || !e.Reported {
		t.Errorf("ledger has %+v", e)
	}
	_, text, _ = postTo(t, server+"/v1/images/generations", `{"model":"small:in=20,out=40","prompt":"a dam","stream":true,"partial_images":2}`)
	if diff := cmp.Diff([]string{"image_generation.partial_image", "image_generation.completed"}, named(text)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	contains(t, "streamed", text, `"usage":{`, `"partial_image_index":1`)
	if e := last(t, p, 2); !e.Stream || e.ServedChunks != 2 || e.Images != 1 || e.Completion != 40 {
		t.Errorf("ledger has %+v", e)
	}
	body, kind := multipartBody(t, "image[]", 50, "model", "small:in=20,out=40", "prompt", "more water", "n", "3")
	_, text, _ = postTo(t, server+"/v1/images/edits", body, "Content-Type", kind)
	contains(t, "edit", text, `"image_tokens":10`, `"text_tokens":10`)
	if e := last(t, p, 3); e.Images != 3 {
		t.Errorf("ledger has %+v", e)
	}
	body, kind = multipartBody(t, "image", 50, "model", "small:fault=errormid", "prompt", "more water", "stream", "true", "partial_images", "2")
	_, text, _ = postTo(t, server+"/v1/images/edits", body, "Content-Type", kind)
	contains(t, "broken edit", text, "event: image_edit.partial_image", "event: error")
	body, kind = multipartBody(t, "picture", 50, "model", "small", "prompt", "more water")
	resp, text, _ := postTo(t, server+"/v1/images/edits", body, "Content-Type", kind)
	if resp.StatusCode != 400 {
		t.Errorf("an edit of nothing is %s", text)
	}
	refuses(t, "/v1/images/generations", `{"model":"small",HERE}`, nil, [][2]string{
		{`"n":1`, "'prompt'"}, {`"prompt":"a","n":11`, "'n'"}, {`"prompt":"a","partial_images":4`, "partial_images"}, {`"prompt":"a","requesty":{}`, "requesty"},
	})
}

func TestSpeech(t *testing.T) {
	p, server := start(t)
	resp, text, _ := postTo(t, server+"/v1/audio/speech", `{"model":"small:chunks=3","input":"Grüße","voice":"alloy"}`)
	if len(text) != 3*1024 || resp.Header.Get("Content-Type") != "audio/mpeg" || resp.ContentLength != -1 {
		t.Errorf("%d bytes of %s", len(text), resp.Header.Get("Content-Type"))
	}
	if e := last(t, p, 1); e.Characters != 5 || !e.Billed || e.Reported || e.ServedChunks != 3 || e.Protocol != "speech" {
		t.Errorf("ledger has %+v", e)
	}
	_, again, _ := postTo(t, server+"/v1/audio/speech", `{"model":"small:chunks=3","input":"Grüße","voice":"alloy"}`)
	if again != text {
		t.Error("equal texts sound different")
	}
	_, text, _ = postTo(t, server+"/v1/audio/speech", `{"model":"small:chunks=2,in=3,out=9","input":"hi","voice":{"id":"v"},"stream_format":"sse","response_format":"wav"}`)
	contains(t, "events", text, `"speech.audio.delta"`, `"speech.audio.done"`, `"input_tokens":3`, `"output_tokens":9`)
	if e := last(t, p, 3); !e.Reported || e.Completion != 9 {
		t.Errorf("ledger has %+v", e)
	}
	if _, _, err := postTo(t, server+"/v1/audio/speech", `{"model":"small:fault=errormid","input":"hi","voice":"alloy"}`); err == nil {
		t.Error("sound that breaks ended well")
	}
	refuses(t, "/v1/audio/speech", `{"model":"small",HERE}`, nil, [][2]string{
		{`"voice":"a"`, "'input'"}, {`"input":"a"`, "'voice'"}, {`"input":"a","voice":"b","response_format":"midi"`, "midi"},
		{`"input":"` + strings.Repeat("a", 4097) + `","voice":"b"`, "4096"},
	})
}

func TestTranscriptions(t *testing.T) {
	f := func(want string, units provider.Units, tokens provider.Tokens, reported bool, fields ...string) {
		t.Helper()
		p, server := start(t)
		body, kind := multipartBody(t, "file", 100_000, fields...)
		resp, text, _ := postTo(t, server+"/v1/audio/transcriptions", body, "Content-Type", kind)
		if resp.StatusCode != 200 || !strings.Contains(text, want) || !strings.Contains(text, "over the low dam") {
			t.Errorf("%v: %d %s", fields, resp.StatusCode, text)
		}
		e := last(t, p, 1)
		if e.Units != units || e.Tokens != tokens || e.Reported != reported || !e.Billed || e.Protocol != "transcriptions" {
			t.Errorf("%v: ledger has %+v", fields, e)
		}
	}
	heard, nothing := provider.Tokens{Prompt: 30, Completion: 20}, provider.Tokens{}
	const model = "small:in=30,out=20"
	f(`"usage":{"input_token_details":{"audio_tokens":30,"text_tokens":0},"input_tokens":30,"output_tokens":20,"total_tokens":50,"type":"tokens"}`,
		provider.Units{}, heard, true, "model", model)
	f(`"usage":{"seconds":4,"type":"duration"}`, provider.Units{Seconds: 4}, nothing, true, "model", model, "response_format", "verbose_json")
	f(`"usage":{"seconds":9,"type":"duration"}`, provider.Units{Seconds: 9}, nothing, true, "model", model+",usage=duration,seconds=9")
	f("over", provider.Units{}, heard, false, "model", model, "response_format", "text")
	f("-->", provider.Units{Seconds: 4}, nothing, false, "model", model, "response_format", "srt")
	f(`"type":"transcript.text.done","usage":{`, provider.Units{}, heard, true, "model", model, "stream", "true")

	_, server := start(t)
	resp, text, _ := postTo(t, server+"/v1/audio/transcriptions", `{"model":"small"}`)
	if resp.StatusCode != 400 || !strings.Contains(text, "multipart/form-data") {
		t.Errorf("JSON in the place of a form is %d %s", resp.StatusCode, text)
	}
	body, kind := multipartBody(t, "sound", 10, "model", "small")
	resp, text, _ = postTo(t, server+"/v1/audio/transcriptions", body, "Content-Type", kind)
	if resp.StatusCode != 400 || !strings.Contains(text, "'file'") {
		t.Errorf("no file is %d %s", resp.StatusCode, text)
	}
	body, kind = multipartBody(t, "file", 10, "stream", "true")
	resp, text, _ = postTo(t, server+"/openai/deployments/small:fault=errormid/audio/transcriptions?api-version=1", body, "Content-Type", kind, "Api-Key", "k")
	if resp.StatusCode != 200 || !strings.Contains(text, "event: error") {
		t.Errorf("azure: %d %s", resp.StatusCode, text)
	}
}
