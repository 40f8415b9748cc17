package manage_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// documentedOperation is an operation of the management API in the document.
type documentedOperation struct {
	id, method, path string // below /v1/manage/
	operation        *openapi3.Operation
}

// document reads what the committed document says of the management API.
func document(t testing.TB) (all []documentedOperation) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("../../schemas/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		below, ours := strings.CutPrefix(path, "/v1/manage/")
		if !ours {
			continue
		}
		for method, op := range item.Operations() {
			all = append(all, documentedOperation{op.OperationID, method, below, op})
		}
	}
	return all
}

// What is answered is what the document says, for every operation.
func TestAnswersAreAsDocumented(t *testing.T) {
	byID := map[string]*openapi3.Operation{}
	for _, o := range document(t) {
		byID[o.id] = o.operation
	}
	check := func(o operation, status string, body string) {
		t.Helper()
		var value any
		if err := json.Unmarshal([]byte(body), &value); err != nil {
			t.Errorf("%s: %v", o.id, err)
			return
		}
		response := byID[o.id].Responses.Value(status)
		schema := response.Value.Content["application/json"].Schema.Value
		if err := schema.VisitJSON(value, openapi3.EnableJSONSchema2020()); err != nil {
			t.Errorf("%s answers %s, which is not as documented: %v", o.id, body, err)
		}
	}
	for _, spent := range []error{nil, errAway} {
		for _, o := range operations() {
			w := start(t)
			company(w, "a")
			w.spend.pico, w.spend.err = 12, spent
			caller := "owner"
			if o.other[0] != '+' {
				caller = "operator"
			}
			a := w.call(o, caller, "a-other-"+o.kind+"-"+caller)
			if a.status != 200 {
				t.Errorf("%s: %d %s", o.id, a.status, a.body)
			}
			check(o, "200", a.body)
			check(o, "default", w.do("", o.method, strings.ReplaceAll(o.path, "{}", "x"), "{}").body)
		}
	}
}

// Every body has an example, and it is accepted as it stands.
func TestExamplesAreAccepted(t *testing.T) {
	examples := map[string]any{}
	for _, o := range document(t) {
		if o.operation.RequestBody != nil {
			examples[o.id] = o.operation.RequestBody.Value.Content["application/json"].Example
		}
	}
	sent := 0
	for _, o := range operations() {
		example, has := examples[o.id]
		if !has {
			continue
		}
		text, err := json.Marshal(example)
		if err != nil || example == nil {
			t.Errorf("%s has no example: %v", o.id, err)
			continue
		}
		w := start(t)
		company(w, "a")
		caller := "owner"
		if o.other[0] != '+' {
			caller = "operator"
		}
		o.body = strings.Replace(string(text), "mem_of_a_member", "a-colleague", 1)
		if a := w.call(o, caller, "a-other-"+o.kind+"-"+caller); a.status != 200 {
			t.Errorf("%s with %s: %d %s", o.id, o.body, a.status, a.body)
		}
		sent++
	}
	if sent != len(examples) {
		t.Errorf("%d of %d examples were sent", sent, len(examples))
	}
}
