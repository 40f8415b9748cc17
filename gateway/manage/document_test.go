package manage_test

import (
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
