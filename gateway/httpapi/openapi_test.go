package httpapi_test

import (
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"

	"weir/stack/provider"
)

var update = flag.Bool("update", false, "rewrite schemas/openapi.json")

const committed = "../../schemas/openapi.json"

// The committed document is the one that is served; `make generate` rewrites it.
func TestOpenAPIIsCommitted(t *testing.T) {
	w := start(t, never(t))
	a := w.do(context.Background(), "GET", "/openapi.json", nil)
	if a.status != 200 || a.header.Get("Content-Type") != "application/json" {
		t.Fatalf("got %d %v", a.status, a.header)
	}
	if *update {
		if err := os.WriteFile(committed, []byte(a.body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), a.body); diff != "" {
		t.Errorf("schemas/openapi.json is not what is served, run make generate: %s", diff)
	}
}

// The document is valid OpenAPI 3.1, and has every route that there is and no other.
func TestOpenAPIIsValidAndWhole(t *testing.T) {
	w := start(t, never(t))
	text := w.do(context.Background(), "GET", "/openapi.json", nil).body
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(loader.Context); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("version %s: %v", doc.OpenAPI, err)
	}
	documented, served := map[string]bool{}, map[string]bool{}
	ids := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			documented[method+" "+path] = true
			if op.OperationID == "" || ids[op.OperationID] || op.Summary == "" || op.Responses.Value("200") == nil {
				t.Errorf("%s %s: the id %q, a summary or an answer is missing", method, path, op.OperationID)
			}
			ids[op.OperationID] = true
		}
	}
	parameter := regexp.MustCompile(`[:*](\w+)`)
	for _, r := range w.handler.(*gin.Engine).Routes() {
		if r.Path != "/docs/*file" && r.Method != http.MethodHead { // what the page is made of; what GET documents
			served[r.Method+" "+parameter.ReplaceAllString(r.Path, "{$1}")] = true
		}
	}
	if diff := cmp.Diff(served, documented); diff != "" {
		t.Error(diff)
	}
}

// What the inference endpoints answer is what the document says, errors and the
// router's own headers included.
func TestInferenceIsAsDocumented(t *testing.T) {
	w := start(t, respond(200, plainAnswer))
	doc, err := openapi3.NewLoader().LoadFromFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	bearer := []string{"Authorization", "Bearer " + apiKey}
	for _, c := range []struct {
		id, method, path, body string
		header                 []string
		status                 int
	}{
		{"create-chat-completion", "POST", "/v1/chat/completions", plainBody, bearer, 200},
		{"create-chat-completion", "POST", "/v1/chat/completions", `{}`, bearer, 400},
		{"create-chat-completion", "POST", "/v1/chat/completions", plainBody, nil, 401},
		{"list-models", "GET", "/v1/models", "", nil, 200},
		{"get-model", "GET", "/v1/models/mock/small", "", bearer, 200},
		{"get-model", "GET", "/v1/models/mock/none", "", bearer, 404},
		{"check-key", "GET", "/v1/auth/check", "", bearer, 200},
		{"check-key", "GET", "/v1/auth/check", "", nil, 401},
	} {
		a := w.do(t.Context(), c.method, c.path, strings.NewReader(c.body), c.header...)
		var op *openapi3.Operation
		for _, item := range doc.Paths.Map() {
			for _, o := range item.Operations() {
				if o.OperationID == c.id {
					op = o
				}
			}
		}
		if a.status != c.status || op == nil {
			t.Errorf("%s: got %d %s", c.id, a.status, a.body)
			continue
		}
		response := op.Responses.Value("default")
		if a.status == 200 {
			response = op.Responses.Value("200")
		}
		var answered, asked any
		if err := json.Unmarshal([]byte(a.body), &answered); err != nil {
			t.Errorf("%s: %v", c.id, err)
		} else if err := response.Value.Content["application/json"].Schema.Value.VisitJSON(answered, openapi3.EnableJSONSchema2020()); err != nil {
			t.Errorf("%s answers %s, which is not as documented: %v", c.id, a.body, err)
		}
		if c.body != "" {
			if err := json.Unmarshal([]byte(c.body), &asked); err != nil {
				t.Fatal(err)
			}
			err := op.RequestBody.Value.Content["application/json"].Schema.Value.VisitJSON(asked, openapi3.EnableJSONSchema2020())
			if (err == nil) == (a.status == 400) {
				t.Errorf("%s with %s is answered %d, and by the document: %v", c.id, c.body, a.status, err)
			}
		}
		documented := map[string]bool{"X-Requesty-Request-Id": true}
		for name := range response.Value.Headers {
			documented[http.CanonicalHeaderKey(name)] = true
		}
		for name := range a.header {
			if a.status == 200 && (strings.HasPrefix(name, "X-Requesty-") || strings.HasPrefix(name, "X-Ratelimit-")) && !documented[name] {
				t.Errorf("%s answers with %s, which is not documented", c.id, name)
			}
		}
	}
}

// The call that the page offers first at each endpoint succeeds with the mock provider.
func TestFirstExamplesSucceed(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	w := start(t, provider.New().ServeHTTP)
	for path, item := range doc.Paths.Map() {
		if strings.Contains(path, "/manage/") || item.Post == nil {
			continue
		}
		body := item.Post.RequestBody.Value.Content["application/json"]
		if body == nil {
			continue // a form: the files are the reader's to choose
		}
		if body.Examples["1"] == nil {
			t.Errorf("%s has no example", path)
			continue
		}
		text, err := json.Marshal(body.Examples["1"].Value.Value)
		if err != nil {
			t.Fatal(err)
		}
		if a := w.call(path, string(text)); a.status != 200 {
			t.Errorf("%s with %s: got %d %s", path, text, a.status, a.body)
		}
	}
}

// The page works without the internet.
func TestReferencePage(t *testing.T) {
	w := start(t, never(t))
	page := w.do(context.Background(), "GET", "/docs", nil)
	if page.status != 200 || !strings.Contains(page.body, "/openapi.json") || !strings.Contains(page.header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("got %d %s", page.status, page.body)
	}
	if outside := regexp.MustCompile(`(src|href)="(https?:)?//`).FindString(page.body); outside != "" {
		t.Errorf("the page loads %s", outside)
	}
	for _, asset := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page.body, -1) {
		a := w.do(context.Background(), "GET", asset[1], nil)
		if a.status != 200 || len(a.body) < 100 {
			t.Errorf("%s: got %d, %d bytes", asset[1], a.status, len(a.body))
		}
	}
	for _, path := range []string{"/docs/none.js", "/docs/../../etc/passwd"} {
		if a := w.do(context.Background(), "GET", path, nil); a.status == 200 {
			t.Errorf("%s: got %d", path, a.status)
		}
	}
}
