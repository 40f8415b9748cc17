package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/internal/live"
	"weir/schemas"
)

// priced gives the provider OpenAI's models and prices.
func priced(c *config) { c.provider.CatalogProvider = "openai" }

// call sends JSON to an endpoint with the live key.
func (w *world) call(path, body string) answer {
	w.t.Helper()
	return w.do(w.t.Context(), "POST", path, strings.NewReader(body), "Authorization", "Bearer "+apiKey, "Content-Type", "application/json")
}

// asked is what a provider was asked.
type asked struct {
	mu                   sync.Mutex
	path, body, accept   string
	fields, files, types map[string][]string
}

// notes keeps what the provider is asked and answers.
func (a *asked) notes(answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.path, a.accept = r.URL.Path, r.Header.Get("Accept")
		a.fields, a.files, a.types = map[string][]string{}, map[string][]string{}, map[string][]string{}
		if parts, err := r.MultipartReader(); err == nil {
			for {
				p, err := parts.NextPart()
				if err != nil {
					if err != io.EOF {
						a.fields["error"] = []string{err.Error()}
					}
					break
				}
				text, _ := io.ReadAll(p)
				if p.FileName() != "" {
					a.files[p.FormName()] = append(a.files[p.FormName()], p.FileName()+": "+string(text))
				} else {
					a.fields[p.FormName()] = append(a.fields[p.FormName()], string(text))
				}
				a.types[p.FormName()] = append(a.types[p.FormName()], p.Header.Get("Content-Type"))
			}
		} else {
			text, _ := io.ReadAll(r.Body)
			a.body = string(text)
		}
		a.mu.Unlock()
		answer(w, r)
	}
}

func TestEmbeddings(t *testing.T) {
	var got asked
	w := start(t, got.notes(respond(200, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":1000,"total_tokens":1000}}`)), priced)
	a := w.call("/v1/embeddings", `{"model":"mock/text-embedding-3-small","requesty":{"user_id":"u1"},"input":["a","b"], "dimensions":8}`)
	want := `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"mock/text-embedding-3-small","usage":{"prompt_tokens":1000,"total_tokens":1000,"cost":0.00002}}`
	if a.status != 200 || a.body != want || a.header.Get("X-Requesty-Cost-Usd") != "0.00002" {
		t.Errorf("got %d %s %v", a.status, a.body, a.header)
	}
	if got.path != "/v1/embeddings" || got.body != `{"model":"text-embedding-3-small","input":["a","b"], "dimensions":8}` || got.accept != "application/json" {
		t.Errorf("asked %s %s %s", got.path, got.accept, got.body)
	}
	rec := w.only()
	if rec.usage.Dimensions.Endpoint != "embeddings" || rec.usage.Dimensions.UserId != "u1" || rec.usage.Tokens.Input != 1000 || rec.usage.CostPico != 20_000_000 || rec.usage.Estimated {
		t.Errorf("recorded %v", rec.usage)
	}
}

func TestEmbeddingsWithoutUsageAreCounted(t *testing.T) {
	w := start(t, respond(200, `{"data":[],"model":"x"}`), priced)
	a := w.call("/v1/embeddings", `{"model":"mock/text-embedding-3-small","input":[[1,2,3],[4]]}`)
	if want := `{"data":[],"model":"mock/text-embedding-3-small","usage":{"prompt_tokens":4,"total_tokens":4,"cost":0.00000008}}`; a.body != want {
		t.Errorf("got %s", a.body)
	}
	if rec := w.only(); !rec.usage.Estimated || rec.usage.Tokens.Input != 4 {
		t.Errorf("recorded %v", rec.usage)
	}
}

func TestMediaRefusals(t *testing.T) {
	for name, c := range map[string]struct{ path, body, param string }{
		"no model":       {"/v1/embeddings", `{"input":"a"}`, "model"},
		"two models":     {"/v1/embeddings", `{"model":"mock/a","model":"mock/b","input":"a"}`, "model"},
		"other case":     {"/v1/embeddings", `{"model":"mock/a","Model":"mock/b","input":"a"}`, "model"},
		"no input":       {"/v1/embeddings", `{"model":"mock/a"}`, "input"},
		"input":          {"/v1/embeddings", `{"model":"mock/a","input":1}`, "input"},
		"list":           {"/v1/audio/speech", `{"model":"mock/a","input":["a"]}`, "input"},
		"prompt":         {"/v1/images/generations", `{"model":"mock/a","prompt":1}`, "prompt"},
		"n":              {"/v1/images/generations", `{"model":"mock/a","prompt":"a","n":"2"}`, "n"},
		"stream":         {"/v1/images/generations", `{"model":"mock/a","prompt":"a","stream":"yes"}`, "stream"},
		"requesty":       {"/v1/audio/speech", `{"model":"mock/a","input":"a","requesty":1}`, "requesty"},
		"not JSON":       {"/v1/audio/speech", `{"model":`, ""},
		"JSON for audio": {"/v1/audio/transcriptions", `{"model":"mock/a"}`, ""},
	} {
		w := start(t, never(t))
		a := w.call(c.path, c.body)
		if e := a.error(t); a.status != 400 || value(e.Error.Param) != c.param {
			t.Errorf("%s: got %d %s", name, a.status, a.body)
		}
		if rec := w.only(); rec.usage.ErrorKind != "invalid_request" {
			t.Errorf("%s: recorded %v", name, rec.usage)
		}
	}
}

func TestOtherProtocolsHaveNoEmbeddings(t *testing.T) {
	w := start(t, never(t), func(c *config) { c.provider.Protocol = "anthropic" })
	a := w.call("/v1/embeddings", `{"model":"mock/a","input":"a"}`)
	if e := a.error(t); a.status != 400 || value(e.Error.Param) != "model" || !strings.Contains(e.Error.Message, "no embeddings API") {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// The endpoints are where the provider's protocol and its manners say.
func TestWhereMediaGoes(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*config)
		path   string
	}{
		"responses": {func(c *config) { c.provider.Protocol = "openai-responses" }, "/v1/embeddings"},
		"azure":     {func(c *config) { c.provider.APIVersion = "2024-10-21" }, "/v1/openai/deployments/e/embeddings"},
	} {
		var got asked
		w := start(t, got.notes(respond(200, `{"data":[],"model":"x"}`)), c.change)
		if a := w.call("/v1/embeddings", `{"model":"mock/e","input":"a"}`); a.status != 200 || got.path != c.path {
			t.Errorf("%s: got %d %s from %s", name, a.status, a.body, got.path)
		}
	}
}

func TestMediaAccess(t *testing.T) {
	w := start(t, respond(200, `{"data":[],"model":"x"}`))
	set(w, &schemas.AccessList{OrgId: "org", AccessListId: "acl", Chat: []string{"mock/*"}, Embedding: []string{"mock/e"}}, 0)
	w.limitKey(func(k *schemas.ApiKey) { k.AccessListId = "acl" })
	if a := w.call("/v1/embeddings", `{"model":"mock/e","input":"a"}`); a.status != 200 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if a := w.call("/v1/images/generations", `{"model":"mock/e","prompt":"a"}`); a.status != 403 {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

const picturesUsage = `"usage":{"input_tokens":100,"output_tokens":1000,"total_tokens":1100,"input_tokens_details":{"text_tokens":60,"image_tokens":40}}`

func TestImages(t *testing.T) {
	w := start(t, respond(200, `{"created":1,"data":[{"b64_json":"AA=="}],`+picturesUsage+`}`), priced)
	a := w.call("/v1/images/generations", `{"model":"mock/gpt-image-1","prompt":"a cat","n":1}`)
	rec := w.only()
	var body struct {
		Usage struct{ Cost json.Number }
	}
	// 60 × 5 + 40 × 10 + 1000 × 40 dollars per million
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || a.status != 200 || body.Usage.Cost != "0.0407" || rec.usage.CostPico != 40_700_000_000 {
		t.Errorf("got %d %s, %v", a.status, a.body, rec.usage)
	}
	if rec.usage.Dimensions.Endpoint != "images.generations" || rec.usage.Units["input_image_tokens"] != 40 {
		t.Errorf("recorded %v", rec.usage)
	}
}

func TestImagesWithoutPrice(t *testing.T) {
	const text = `{"created":1,"data":[{"url":"https://x/1.png"},{"url":"https://x/2.png"}]}`
	w := start(t, respond(200, text))
	a := w.call("/v1/images/generations", `{"model":"mock/dall-e-2","prompt":"a cat","n":2,"quality":"low"}`)
	if rec := w.only(); a.body != text || !rec.usage.PriceUnknown || !rec.usage.Estimated || rec.usage.Tokens.Output != 2*272 {
		t.Errorf("got %s, %v", a.body, rec.usage)
	}
}

func TestImageEdit(t *testing.T) {
	var got asked
	w := start(t, got.notes(respond(200, `{"data":[{"b64_json":"AA=="}],`+picturesUsage+`}`)), priced)
	a := w.upload("/v1/images/edits", field{"image[]", "one", "1.png"}, field{"image[]", "two", `2\".png`}, field{"requesty[user_id]", "u1", ""}, field{"requesty[tags][]", "a", ""},
		field{"requesty[extra][k]", "v", ""}, field{"model", "mock/gpt-image-1", ""}, field{"prompt", "mend", ""})
	if a.status != 200 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	want := map[string][]string{"model": {"gpt-image-1"}, "prompt": {"mend"}}
	if diff := cmp.Diff(want, got.fields); diff != "" || got.path != "/v1/images/edits" {
		t.Errorf("%s: %s", got.path, diff)
	}
	if len(got.files["image[]"]) != 2 || got.files["image[]"][0] != "1.png: one" || got.types["image[]"][0] != "audio/wav" {
		t.Errorf("files %v %v", got.files, got.types)
	}
	d := w.only().usage.Dimensions
	if d.UserId != "u1" || d.Extra["k"] != "v" || len(d.Tags) != 1 || d.Endpoint != "images.edits" || d.RequestedModel != "mock/gpt-image-1" {
		t.Errorf("recorded %v", d)
	}
}

func TestImageStream(t *testing.T) {
	w := start(t, streams(`{"type":"image_generation.partial_image","b64_json":"AA=="}`, `{"type":"image_generation.completed","b64_json":"AA==",`+picturesUsage+`}`), priced)
	// The end waits for the ledger.
	a := w.call("/v1/images/generations", `{"model":"mock/gpt-image-1","prompt":"a cat","stream":true,"partial_images":1}`)
	if a.status != 200 || a.err != nil || strings.Count(a.body, "data: ") != 2 || !strings.Contains(a.body, `"cost":0.0407}}`) {
		t.Errorf("got %d %s %v", a.status, a.body, a.err)
	}
	if rec := w.only(); !rec.usage.Dimensions.Stream || rec.usage.CostPico != 40_700_000_000 || rec.usage.Estimated {
		t.Errorf("recorded %v", rec.usage)
	}
}

func TestMediaStreamEndsOnlyWithTheLedger(t *testing.T) {
	w := start(t, streams(`{"type":"image_generation.partial_image"}`, `{"type":"image_generation.completed",`+picturesUsage+`}`), priced)
	w.journal.complete = func() error { return errFull }
	a := w.call("/v1/images/generations", `{"model":"mock/gpt-image-1","prompt":"a cat","stream":true}`)
	if a.err == nil || strings.Contains(a.body, "completed") || !strings.Contains(a.body, "cannot record") {
		t.Errorf("got %s %v", a.body, a.err)
	}
}

func TestMediaStreamErrors(t *testing.T) {
	for name, events := range map[string][]string{
		"error":     {`{"type":"image_generation.partial_image"}`, `{"type":"error","error":{"message":"no","code":"500"}}`},
		"cut":       {`{"type":"image_generation.partial_image"}`},
		"not JSON":  {`{"type":"image_generation.partial_image"}`, `{`},
		"error too": {`{"type":"image_generation.partial_image"}`, `{"error":{"message":"no"}}`},
	} {
		w := start(t, streams(events...), priced)
		a := w.call("/v1/images/generations", `{"model":"mock/gpt-image-1","prompt":"a cat","stream":true}`)
		if rec := w.only(); !strings.Contains(a.body, `"error":{`) || rec.usage.ErrorKind == "" {
			t.Errorf("%s: got %s, %v", name, a.body, rec.usage)
		}
	}
}

func TestProviderErrorsOfMedia(t *testing.T) {
	w := start(t, respond(429, `{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}`))
	a := w.call("/v1/audio/speech", `{"model":"mock/tts","input":"hello","voice":"alloy"}`)
	if e := a.error(t); a.status != 429 || e.Error.Message != "slow down" || w.only().usage.ErrorKind != "provider_rate_limited" {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// The most that a call may cost is reserved, and no part of it is lowered.
func TestMediaBudgets(t *testing.T) {
	const hello = `"input":"hello","voice":"alloy"}`
	for name, c := range map[string]struct {
		send        func(w *world) answer
		least, most float64 // dollars
	}{
		"embeddings": {func(w *world) answer {
			return w.call("/v1/embeddings", `{"model":"mock/text-embedding-3-small","input":"hello"}`)
		}, 100 * 0.02e-6, 200 * 0.02e-6},
		"images": {func(w *world) answer {
			return w.call("/v1/images/generations", `{"model":"mock/gpt-image-1","prompt":"a cat","n":3}`)
		}, 3 * 6240 * 40e-6, 3*6240*40e-6 + 0.01},
		"large image": {func(w *world) answer {
			return w.call("/v1/images/generations", `{"model":"mock/gpt-image-1","prompt":"a cat","size":"3840x2160"}`)
		}, 33_000 * 40e-6, 33_200*40e-6 + 0.01},
		"edit": {func(w *world) answer {
			return w.upload("/v1/images/edits", field{"image", "a", "a.png"}, field{"model", "mock/gpt-image-1", ""}, field{"prompt", "a", ""})
		}, 6240*40e-6 + 50_000*10e-6, 6240*40e-6 + 51_000*10e-6},
		"speech": {func(w *world) answer { return w.call("/v1/audio/speech", `{"model":"mock/gpt-4o-mini-tts",`+hello) },
			512 * 12e-6, 3000 * 12e-6},
		"slow speech": {func(w *world) answer {
			return w.call("/v1/audio/speech", `{"model":"mock/gpt-4o-mini-tts","speed":0.25,`+hello)
		}, 4 * 512 * 12e-6, 4 * 3000 * 12e-6},
		"by the second": {func(w *world) answer {
			return w.upload("/v1/audio/transcriptions", field{"file", strings.Repeat("a", 75_000), "a.wav"}, field{"model", "mock/whisper-1", ""})
		}, 101 * 0.0001, 101 * 0.0001},
		"by the token": {func(w *world) answer {
			return w.upload("/v1/audio/transcriptions", field{"file", "a", "a.wav"}, field{"model", "mock/gpt-4o-transcribe", ""})
		}, 16_000*6e-6 + 16_000*10e-6, 16_000*6e-6 + 16_000*10e-6},
	} {
		var claimed live.Claim
		b := &budgets{grant: func(c live.Claim) (live.Grant, error) {
			claimed = c
			return live.Grant{Pico: c.Want, Verdict: live.Admitted}, nil
		}}
		w := start(t, respond(200, `{"data":[],"text":"hi","usage":{"input_tokens":1,"output_tokens":1}}`), with(b), priced)
		w.limitKey(func(k *schemas.ApiKey) { k.Limits = monthly(5e12) })
		a := c.send(w)
		w.only()
		if got := float64(claimed.Want) / 1e12; a.status != 200 || claimed.Least != claimed.Want || got < c.least*0.999 || got > c.most*1.001 || a.header.Get("X-Requesty-Warnings") != "" {
			t.Errorf("%s: got %d %s; claimed %v to %v, want %v to %v", name, a.status, a.body, float64(claimed.Least)/1e12, got, c.least, c.most)
		}
		if all := b.all(); len(all) != 1 || all[0].Pico > claimed.Want {
			t.Errorf("%s: settled %v", name, all)
		}
	}
}

func TestMediaWithoutABound(t *testing.T) {
	b := &budgets{grant: func(c live.Claim) (live.Grant, error) { return live.Grant{Pico: c.Want, Verdict: live.Admitted}, nil }}
	for name, send := range map[string]func(w *world) answer{
		"no price": func(w *world) answer {
			return w.call("/v1/images/generations", `{"model":"mock/dall-e-2","prompt":"a cat"}`)
		},
		"by reference": func(w *world) answer {
			return w.call("/v1/images/edits", `{"model":"mock/gpt-image-1","prompt":"a cat","images":[{"file_id":"file_1"}]}`)
		},
	} {
		w := start(t, never(t), with(b), priced)
		w.limitKey(func(k *schemas.ApiKey) { k.Limits = monthly(5e12) })
		if a := send(w); a.status != 400 || a.error(t).Error.Message == "" {
			t.Errorf("%s: got %d %s", name, a.status, a.body)
		}
	}
}

func TestEmbeddingsOfGemini(t *testing.T) {
	gemini := func(c *config) { c.provider.Protocol, c.provider.CatalogProvider = "gemini", "google" }
	const vectors = `{"embeddings":[{"values":[0.5, -1]},{"values":[0,1e-3]}]}`
	for name, c := range map[string]struct{ body, answer, sent, data, warning string }{
		"numbers": {`{"model":"mock/gemini-embedding-001","input":["a","b"],"dimensions":2,"input_type":"x"}`, vectors,
			`{"requests":[{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a"}]},"outputDimensionality":2},{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"b"}]},"outputDimensionality":2}]}`,
			`[{"object":"embedding","index":0,"embedding":[0.5, -1]},{"object":"embedding","index":1,"embedding":[0,1e-3]}]`, `"input_type" was left out`},
		"base64": {`{"model":"mock/gemini-embedding-001","input":"a","encoding_format":"base64"}`, `{"embeddings":[{"values":[0.5,-1]}],"usageMetadata":{"promptTokenCount":1000}}`,
			`{"requests":[{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a"}]}}]}`,
			`[{"object":"embedding","index":0,"embedding":"AAAAPwAAgL8="}]`, ""},
	} {
		var got asked
		w := start(t, got.notes(respond(200, c.answer)), gemini)
		a := w.call("/v1/embeddings", c.body)
		if want := `{"object":"list","data":` + c.data + `,"model":"mock/gemini-embedding-001","usage":{`; a.status != 200 || !strings.HasPrefix(a.body, want) || !json.Valid([]byte(a.body)) {
			t.Errorf("%s: got %d %s, want %s", name, a.status, a.body, want)
		}
		if got.path != "/v1/models/gemini-embedding-001:batchEmbedContents" || got.body != c.sent || !strings.Contains(a.header.Get("X-Requesty-Warnings"), c.warning) {
			t.Errorf("%s: asked %s %s, warns %v", name, got.path, got.body, a.header)
		}
		rec := w.only()
		if u := rec.usage; u.Estimated != (name == "numbers") || u.PriceUnknown || name == "base64" && u.CostPico != 1000*150_000 {
			t.Errorf("%s: recorded %v", name, u)
		}
	}
	for name, body := range map[string]string{"tokens": `{"model":"mock/m","input":[1,2]}`, "nothing": `{"model":"mock/m","input":[]}`, "dimensions": `{"model":"mock/m","input":"a","dimensions":"x"}`,
		"encoding": `{"model":"mock/m","input":"a","encoding_format":"x"}`} {
		w := start(t, never(t), gemini)
		if a := w.call("/v1/embeddings", body); a.status != 400 || value(a.error(t).Error.Param) == "" {
			t.Errorf("%s: got %d %s", name, a.status, a.body)
		}
	}
	for name, answer := range map[string]string{"fewer": `{"embeddings":[]}`, "none": `{}`, "not JSON": `{`, "no values": `{"embeddings":[{}]}`} {
		w := start(t, respond(200, answer), gemini)
		if a := w.call("/v1/embeddings", `{"model":"mock/m","input":"a"}`); a.status != 424 {
			t.Errorf("%s: got %d %s", name, a.status, a.body)
		}
	}
	w := start(t, respond(429, `{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED"}}`), gemini)
	if a := w.call("/v1/embeddings", `{"model":"mock/m","input":"a"}`); a.status != 429 || a.error(t).Error.Message != "slow down" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if a := start(t, never(t), gemini).call("/v1/images/generations", `{"model":"mock/m","prompt":"a"}`); a.status != 400 {
		t.Errorf("images: got %d %s", a.status, a.body)
	}
}
