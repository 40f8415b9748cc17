package answer

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// IsName says whether s is of the letters that providers let names and ids of tools have, and at most that long.
func IsName(s string, most int) bool {
	return s != "" && len(s) <= most && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

// CheckClosed looks through a schema of JSON Schema for an object that does not forbid additional properties,
// and for words that are not in the schemas of a provider. It returns where and what is wrong.
func CheckClosed(raw json.RawMessage, refused []string) error {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return fmt.Errorf("read schema: %w", err)
	}
	return closed(value, refused)
}

func closed(value any, refused []string) error {
	switch v := value.(type) {
	case []any:
		for _, one := range v {
			if err := closed(one, refused); err != nil {
				return err
			}
		}
	case map[string]any:
		if v["type"] == "object" && v["additionalProperties"] != false {
			return errors.New("for 'object' type, 'additionalProperties' must be explicitly set to false")
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if slices.Contains(refused, name) {
				return fmt.Errorf("for '%v' type, property '%s' is not supported", v["type"], name)
			}
			below := v[name]
			switch name {
			case "properties", "$defs", "definitions": // names of the client's choice, each with a schema
				named, _ := below.(map[string]any)
				below = slices.Collect(maps.Values(named))
			case "const", "enum", "default", "examples":
				continue
			}
			if err := closed(below, refused); err != nil {
				return err
			}
		}
	}
	return nil
}
