package messages

import (
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// encodeSchema writes a schema that the answer must follow, in the part of JSON Schema
// that the API compiles: objects are closed, and bounds of numbers, lengths and counts,
// which it refuses, are left out, as Anthropic's own SDKs do it. A schema that was
// written for this API stays as it is.
func encodeSchema(j *wire.JSON, name string, schema []byte, from string, notes *genai.Notes) {
	if from == genai.Anthropic {
		j.Raw(name, schema)
		return
	}
	a := adapter{j, schema, notes}
	a.schema(name, jsonscan.Span{End: len(schema)})
}

// adapter writes a schema anew.
type adapter struct {
	*wire.JSON
	text  []byte
	notes *genai.Notes
}

func (a adapter) schema(name string, at jsonscan.Span) {
	if a.text[at.Start] != '{' {
		a.Raw(name, at.Of(a.text))
		return
	}
	a.Open(name, '{')
	object := false
	for m := jsonscan.Object(a.text, at.Start); m.Next(); {
		switch key := string(m.Name()); key {
		case "": // no keyword; wire.JSON has no members of that name
		case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems",
			"uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties", "unevaluatedProperties":
			a.notes.Add(genai.SchemaBounds)
		case "additionalProperties":
			if m.Kind() != 'f' {
				a.notes.Add(genai.SchemaBounds)
			}
		case "minItems":
			if n := wire.Count(m.Value.Of(a.text)); n == 0 || n == 1 {
				a.Raw(key, m.Value.Of(a.text))
			} else {
				a.notes.Add(genai.SchemaBounds)
			}
		case "properties", "$defs", "definitions":
			object = object || key == "properties"
			a.each(key, m.Value)
		case "items", "not":
			a.schema(key, m.Value)
		case "anyOf", "allOf", "prefixItems":
			a.list(key, m.Value)
		case "oneOf":
			a.list("anyOf", m.Value)
		default:
			object = object || key == "type" && string(m.Value.Of(a.text)) == `"object"`
			a.Raw(key, m.Value.Of(a.text))
		}
	}
	if object {
		a.Bool("additionalProperties", false)
	}
	a.Close('}')
}

// each writes schemas by their names.
func (a adapter) each(name string, at jsonscan.Span) {
	if a.text[at.Start] != '{' {
		a.Raw(name, at.Of(a.text))
		return
	}
	a.Open(name, '{')
	for m := jsonscan.Object(a.text, at.Start); m.Next(); {
		if key := string(m.Name()); key != "" {
			a.schema(key, m.Value)
		}
	}
	a.Close('}')
}

func (a adapter) list(name string, at jsonscan.Span) {
	if a.text[at.Start] != '[' {
		a.Raw(name, at.Of(a.text))
		return
	}
	a.Open(name, '[')
	for e := jsonscan.Array(a.text, at.Start); e.Next(); {
		a.schema("", e.Value)
	}
	a.Close(']')
}
