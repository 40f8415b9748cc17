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
func encodeSchema(j *wire.JSON, name string, schema []byte, from string) {
	if from == genai.Anthropic {
		j.Raw(name, schema)
		return
	}
	adaptSchema(j, name, schema, jsonscan.Span{End: len(schema)})
}

// adaptSchema writes the schema at the span.
func adaptSchema(j *wire.JSON, name string, text []byte, at jsonscan.Span) {
	if text[at.Start] != '{' {
		j.Raw(name, at.Of(text))
		return
	}
	j.Open(name, '{')
	object := false
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		switch key := string(m.Name()); key {
		case "": // no keyword; wire.JSON has no members of that name
		case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems",
			"uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties", "additionalProperties", "unevaluatedProperties":
		case "minItems":
			if n := wire.Count(m.Value.Of(text)); n == 0 || n == 1 {
				j.Raw(key, m.Value.Of(text))
			}
		case "properties", "$defs", "definitions":
			object = object || key == "properties"
			adaptEach(j, key, text, m.Value)
		case "items", "not":
			adaptSchema(j, key, text, m.Value)
		case "anyOf", "allOf", "prefixItems":
			adaptList(j, key, text, m.Value)
		case "oneOf":
			adaptList(j, "anyOf", text, m.Value)
		default:
			object = object || key == "type" && string(m.Value.Of(text)) == `"object"`
			j.Raw(key, m.Value.Of(text))
		}
	}
	if object {
		j.Bool("additionalProperties", false)
	}
	j.Close('}')
}

// adaptEach writes schemas by their names.
func adaptEach(j *wire.JSON, name string, text []byte, at jsonscan.Span) {
	if text[at.Start] != '{' {
		j.Raw(name, at.Of(text))
		return
	}
	j.Open(name, '{')
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		if key := string(m.Name()); key != "" {
			adaptSchema(j, key, text, m.Value)
		}
	}
	j.Close('}')
}

func adaptList(j *wire.JSON, name string, text []byte, at jsonscan.Span) {
	if text[at.Start] != '[' {
		j.Raw(name, at.Of(text))
		return
	}
	j.Open(name, '[')
	for e := jsonscan.Array(text, at.Start); e.Next(); {
		adaptSchema(j, "", text, e.Value)
	}
	j.Close(']')
}
