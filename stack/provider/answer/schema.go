package answer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// maxDepth bounds how deep a schema is followed.
const maxDepth = 16

// schema is the part of JSON Schema that the mock understands. Type may be a list; its first entry
// counts.
type schema struct {
	Type       json.RawMessage            `json:"type"`
	Enum       []json.RawMessage          `json:"enum"`
	Const      json.RawMessage            `json:"const"`
	Properties map[string]json.RawMessage `json:"properties"`
	Items      json.RawMessage            `json:"items"`
	AnyOf      []json.RawMessage          `json:"anyOf"`
	OneOf      []json.RawMessage          `json:"oneOf"`
	AllOf      []json.RawMessage          `json:"allOf"`
	Ref        string                     `json:"$ref"`
	Defs       map[string]json.RawMessage `json:"$defs"`
	MinItems   int                        `json:"minItems"`
	Minimum    *json.Number               `json:"minimum"`
}

// satisfy returns a JSON text that satisfies a schema of strings, numbers, integers, booleans, nulls,
// arrays and objects, with every property filled, also through references and the first of alternatives.
// Types may be written in capitals, as Google does. No schema at all is an empty object.
func satisfy(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "{}", nil
	}
	var root schema
	if err := json.Unmarshal(raw, &root); err != nil {
		return "", fmt.Errorf("read schema: %w", err)
	}
	value, err := sampler(root.Defs).sample(raw, 0)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("write sample: %w", err)
	}
	return string(text), nil
}

// sampler makes values; it is the definitions that a schema refers to as "#/$defs/name".
type sampler map[string]json.RawMessage

func (d sampler) sample(raw json.RawMessage, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("schema is nested too deep")
	}
	var s schema
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	switch {
	case s.Const != nil:
		return s.Const, nil
	case len(s.Enum) > 0:
		return s.Enum[0], nil
	case s.Ref != "":
		name, known := strings.CutPrefix(s.Ref, "#/$defs/")
		if _, there := d[name]; !known || !there {
			return nil, fmt.Errorf("unknown reference %q", s.Ref)
		}
		return d.sample(d[name], depth+1)
	}
	for _, list := range [][]json.RawMessage{s.AnyOf, s.OneOf, s.AllOf} {
		if len(list) > 0 {
			return d.sample(list[0], depth+1)
		}
	}
	switch kind := strings.ToLower(s.kind()); kind {
	case "string":
		return "mock", nil
	case "number", "integer":
		if s.Minimum != nil {
			return *s.Minimum, nil
		}
		return 7, nil
	case "boolean":
		return true, nil
	case "null":
		return nil, nil
	case "array":
		return s.array(d, depth)
	case "object", "":
		object := make(map[string]any, len(s.Properties))
		for name, property := range s.Properties {
			value, err := d.sample(property, depth+1)
			if err != nil {
				return nil, fmt.Errorf("property %q: %w", name, err)
			}
			object[name] = value
		}
		return object, nil
	default:
		return nil, fmt.Errorf("unknown type %q", kind)
	}
}

func (s *schema) array(d sampler, depth int) (any, error) {
	list := []any{}
	if len(s.Items) == 0 || s.MinItems == 0 && depth > maxDepth/2 { // a schema may contain itself
		return list, nil
	}
	item, err := d.sample(s.Items, depth+1)
	if err != nil {
		return nil, fmt.Errorf("items: %w", err)
	}
	for range min(max(s.MinItems, 1), 100) {
		list = append(list, item)
	}
	return list, nil
}

func (s *schema) kind() string {
	var one string
	if json.Unmarshal(s.Type, &one) == nil {
		return one
	}
	var many []string
	if json.Unmarshal(s.Type, &many) == nil && len(many) > 0 {
		return many[0]
	}
	return ""
}
