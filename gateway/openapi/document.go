package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"weir/schemas"
)

// The names of the ways to show a key.
const (
	bearer = "bearer"
	apiKey = "x-api-key"
)

// Document describes what huma does not know of, and returns the whole as JSON.
// Given the same operations it is the same, byte for byte.
func Document(o *huma.OpenAPI) ([]byte, error) {
	o.Info.Title, o.Info.Version = "Weir", "v1"
	o.Info.Description = "An LLM gateway that keeps the books: inference as OpenAI's API has it, and the management of organisations, keys, limits and balances."
	o.Servers = []*huma.Server{{URL: "/", Description: "This gateway"}}
	o.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		bearer: {Type: "http", Scheme: "bearer", Description: "An API key, wk_…, or the operator's key"},
		apiKey: {Type: "apiKey", In: "header", Name: "x-api-key", Description: "The same, in another header: one of the two is enough"},
	}
	o.Tags = []*huma.Tag{
		{Name: inferenceTag, Description: "Calls that are forwarded to a provider"},
		{Name: "API keys"}, {Name: "Groups"}, {Name: "Access lists"}, {Name: "Provider credentials"}, {Name: "Members"}, {Name: "Projects"},
		{Name: "End users", Description: "Those of the clients, as they name them in user or requesty.user_id"},
		{Name: "Organisation"}, {Name: "Operator", Description: "For whoever runs the gateway"},
		{Name: serviceTag, Description: "For whoever watches the gateway"},
	}
	// A price is written as a number, whatever it is made of.
	o.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[schemas.Price](), reflect.TypeFor[float64]())
	for _, op := range inference(o.Components.Schemas) {
		o.AddOperation(op)
	}
	for _, path := range o.Paths {
		for _, op := range []*huma.Operation{path.Get, path.Put, path.Post, path.Patch, path.Delete} {
			fillIn(op)
		}
	}
	text, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return nil, fmt.Errorf("indent the OpenAPI document: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// fillIn lifts the examples of parameters out of their schemas, where huma puts
// them and where the page does not look for what to fill in.
func fillIn(op *huma.Operation) {
	if op == nil {
		return
	}
	for _, p := range op.Parameters {
		if p.Schema != nil && len(p.Schema.Examples) > 0 {
			p.Example = p.Schema.Examples[0]
		}
	}
}
