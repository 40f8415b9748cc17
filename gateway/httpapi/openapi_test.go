package httpapi_test

import (
	"context"
	"flag"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"
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
