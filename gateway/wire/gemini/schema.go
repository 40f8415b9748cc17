package gemini

import "weir/gateway/jsonscan"

// plainSchema tells that a JSON Schema says nothing that Google's own Schema does not
// have (ai.google.dev/api/caching#Schema), so that models before parametersJsonSchema
// and responseJsonSchema understand it, too.
func plainSchema(raw []byte) bool { return plainAt(raw, jsonscan.Space(raw, 0)) }

func plainAt(raw []byte, at int) bool {
	if at >= len(raw) || raw[at] != '{' {
		return false
	}
	var typ, format string
	enum, properties := false, true
	m := jsonscan.Object(raw, at)
	for m.Next() {
		kind := m.Kind()
		switch string(m.Name()) {
		case "type":
			if kind != '"' {
				return false // several types
			}
			typ = jsonscan.String(raw, m.Value)
		case "format":
			if kind == '"' {
				format = jsonscan.String(raw, m.Value)
			}
		case "enum":
			enum = true
			for e := jsonscan.Array(raw, m.Value.Start); e.Next(); {
				if e.Kind() != '"' {
					return false
				}
			}
		case "properties":
			inner := jsonscan.Object(raw, m.Value.Start)
			properties = false
			for inner.Next() {
				properties = true
				if !plainAt(raw, inner.Value.Start) {
					return false
				}
			}
		case "items":
			if !plainAt(raw, m.Value.Start) {
				return false
			}
		case "anyOf":
			for e := jsonscan.Array(raw, m.Value.Start); e.Next(); {
				if !plainAt(raw, e.Value.Start) {
					return false
				}
			}
		case "title", "description", "nullable", "required", "propertyOrdering", "minItems", "maxItems", "minimum", "maximum",
			"minLength", "maxLength", "minProperties", "maxProperties", "pattern", "example", "default":
		default:
			return false
		}
	}
	switch {
	case !m.OK(), !properties, enum && typ != "string":
		return false
	case typ == "string" && format != "":
		return format == "enum" || format == "date-time" // all others are refused
	}
	return true
}

// noProperties tells that a schema is an object without any.
func noProperties(raw []byte) bool {
	at := jsonscan.Space(raw, 0)
	if at >= len(raw) || raw[at] != '{' {
		return false
	}
	object := true
	for m := jsonscan.Object(raw, at); m.Next(); {
		switch string(m.Name()) {
		case "type":
			object = m.Kind() == '"' && jsonscan.String(raw, m.Value) == "object"
		case "properties":
			inner := jsonscan.Object(raw, m.Value.Start)
			if inner.Next() {
				return false
			}
		case "description", "title", "required", "$schema":
		case "additionalProperties":
			if m.Kind() != 'f' {
				return false
			}
		default:
			return false
		}
	}
	return object
}
