package answer

import (
	"encoding/json"
	"errors"
	"fmt"
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
	MinItems   int                        `json:"minItems"`
	Minimum    *json.Number               `json:"minimum"`
}

// satisfy returns a JSON text that satisfies a schema of strings, numbers, integers, booleans, nulls,
// arrays and objects, with every property filled. No schema at all is an empty object.
func satisfy(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "{}", nil
	}
	value, err := sample(raw, 0)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("write sample: %w", err)
	}
	return string(text), nil
}

func sample(raw json.RawMessage, depth int) (any, error) {
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
	}
	switch kind := s.kind(); kind {
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
		return s.array(depth)
	case "object", "":
		object := make(map[string]any, len(s.Properties))
		for name, property := range s.Properties {
			value, err := sample(property, depth+1)
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

func (s *schema) array(depth int) (any, error) {
	list := []any{}
	if len(s.Items) == 0 {
		return list, nil
	}
	item, err := sample(s.Items, depth+1)
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
