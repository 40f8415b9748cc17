package service

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/knadh/koanf/v2"
)

const (
	envPrefix = "WEIR_"
	// envLevel parts the levels of a key, since names have underscores of
	// their own. Only variables with it are configuration: WEIR_ENGINE_CACHE
	// belongs to a tool.
	envLevel = "__"
)

// EnvNames lists, sorted, every environment variable that Load understands for
// these sections.
func EnvNames(sections map[string]any) []string {
	return slices.Sorted(maps.Keys(envPaths(sections)))
}

// envPaths maps each variable to the path of the key that it sets. Only values
// of one piece and lists of them can be written in a variable.
func envPaths(sections map[string]any) map[string]string {
	paths := make(map[string]string)
	var walk func(path string, t reflect.Type)
	walk = func(path string, t reflect.Type) {
		switch {
		case isText(t):
		case t.Kind() == reflect.Struct:
			for name, field := range fieldsOf(t) {
				walk(path+"."+name, field)
			}
			return
		case t.Kind() == reflect.Slice && !isText(t.Elem()) && !isScalar(t.Elem()),
			t.Kind() != reflect.Slice && !isScalar(t):
			return
		}
		paths[envPrefix+strings.ToUpper(strings.ReplaceAll(path, ".", envLevel))] = path
	}
	for name, target := range sections {
		walk(name, reflect.TypeOf(target).Elem())
	}
	return paths
}

func isScalar(t reflect.Type) bool {
	return t.Kind() == reflect.String || t.Kind() >= reflect.Bool && t.Kind() <= reflect.Float64
}

// overlayEnv puts the variables that are set over what the file said and
// returns which key came from which variable. Variables of sections that this
// binary does not read belong to another one and are left alone.
func overlayEnv(k *koanf.Koanf, environ []string, sections map[string]any) (map[string]string, error) {
	paths := envPaths(sections)
	fromEnv := make(map[string]string)
	var problems []error
	for _, entry := range environ {
		variable, value, _ := strings.Cut(entry, "=")
		rest, ok := strings.CutPrefix(variable, envPrefix)
		section, _, nested := strings.Cut(rest, envLevel)
		if !ok || !nested {
			continue
		}
		section = strings.ToLower(section)
		if sectionOwners[section] == "" {
			problems = append(problems, unknown(variable, section, slices.Collect(maps.Keys(sectionOwners))))
			continue
		}
		if sections[section] == nil {
			continue
		}
		path, known := paths[variable]
		if !known {
			problems = append(problems, unknownVariable(variable, slices.Collect(maps.Keys(paths))))
			continue
		}
		if err := k.Set(path, value); err != nil {
			problems = append(problems, fmt.Errorf("%s: set %s: %w", variable, path, err))
		}
		fromEnv[path] = variable
	}
	return fromEnv, errors.Join(problems...)
}

func unknownVariable(variable string, known []string) error {
	if near := nearest(variable, known); near != "" {
		return fmt.Errorf("%s: unknown environment variable; did you mean %s?", variable, near)
	}
	return fmt.Errorf("%s: unknown environment variable", variable)
}
