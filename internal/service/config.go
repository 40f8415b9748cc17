package service

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
)

// sectionOwners is every top-level section of weir.yaml and the package whose
// Config it holds. One file serves all binaries, so a binary tolerates the
// sections of the others, and no section outside this table.
var sectionOwners = map[string]string{
	"kafka":      "internal/eventlog",
	"clickhouse": "clickhouse",
	"redis":      "internal/live",
	"catalog":    "internal/catalog",
	"gateway":    "gateway",
	"ingest":     "ingest",
	"aggregator": "aggregator",
}

// Load fills the sections that a binary reads, by name, from the YAML file at
// path and from the environment, which wins. Each value is a pointer to a
// struct whose fields carry `koanf:"name"` tags and hold their defaults before
// the call; a key that is absent or null leaves the default, a list or map that
// is given replaces it. An empty path means defaults and environment only.
//
// Scalars and lists of scalars can be set by WEIR_<SECTION>__<FIELD>, with a
// further __ for each level and commas between the items of a list. Durations
// are written "250ms" or "1s"; types with UnmarshalText (Bytes) parse their own
// text.
//
// Errors: the file cannot be read or is not YAML; unknown sections, keys or
// variables, and values of the wrong kind, all of them joined, one a line.
// After an error the structs hold unspecified values.
func Load(path string, sections map[string]any) error {
	return load(path, os.Environ(), sections)
}

func load(path string, environ []string, sections map[string]any) error {
	for name, target := range sections {
		if sectionOwners[name] == "" {
			return fmt.Errorf("load configuration: section %q is not in the table of sections", name)
		}
		if v := reflect.ValueOf(target); v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
			return fmt.Errorf("load configuration: section %q is decoded into %T, not into a pointer to a struct", name, target)
		}
	}

	k := koanf.New(".")
	if path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read configuration: %w", err)
		}
		if err := k.Load(rawbytes.Provider(text), yaml.Parser()); err != nil {
			return fmt.Errorf("parse configuration %s: %w", path, err)
		}
	}

	problems := unknownKeys(k.Raw(), sections)
	fromEnv, err := overlayEnv(k, environ, sections)
	if err := errors.Join(append(problems, err)...); err != nil {
		return fmt.Errorf("read configuration %s:\n%w", cmp.Or(path, "from the environment"), err)
	}

	raw := k.Raw()
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		if raw[name] == nil {
			continue
		}
		if err := decodeSection(name, raw[name], sections[name]); err != nil {
			problems = append(problems, decodeProblems(err, fromEnv)...)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("read configuration %s:\n%w", cmp.Or(path, "from the environment"), err)
	}
	return nil
}

// unknownKeys reports what the file says and nobody asked for.
func unknownKeys(raw map[string]any, sections map[string]any) []error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if sectionOwners[name] == "" {
			problems = append(problems, unknown(name, name, slices.Collect(maps.Keys(sectionOwners))))
			continue
		}
		if target, ours := sections[name]; ours && raw[name] != nil {
			problems = append(problems, unknownIn(name, raw[name], reflect.TypeOf(target).Elem())...)
		}
	}
	return problems
}

// unknownIn compares a value of the file with the type that will hold it. Kinds
// other than a struct's are left to the decoder.
func unknownIn(path string, value any, t reflect.Type) []error {
	var problems []error
	switch {
	case isText(t):
	case t.Kind() == reflect.Struct:
		keys, ok := value.(map[string]any)
		if !ok {
			return []error{fmt.Errorf("%s: expects a mapping of keys, got %s", path, describe(reflect.ValueOf(value)))}
		}
		known := fieldsOf(t)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			field, ok := known[key]
			switch {
			case !ok:
				problems = append(problems, unknown(path+"."+key, key, slices.Collect(maps.Keys(known))))
			case keys[key] != nil:
				problems = append(problems, unknownIn(path+"."+key, keys[key], field)...)
			}
		}
	case t.Kind() == reflect.Slice:
		items, _ := value.([]any)
		for i, item := range items {
			problems = append(problems, unknownIn(fmt.Sprintf("%s[%d]", path, i), item, t.Elem())...)
		}
	}
	return problems
}

func unknown(path, key string, known []string) error {
	if near := nearest(key, known); near != "" {
		return fmt.Errorf("%s: unknown key; did you mean %s?", path, near)
	}
	slices.Sort(known)
	return fmt.Errorf("%s: unknown key; known here are %s", path, strings.Join(known, ", "))
}

func decodeSection(name string, raw, target any) error {
	d, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result:   target,
		RootName: name,
		TagName:  fieldTag,
		// unknownIn has already named what is unused, with what was meant;
		// this stays as the check on it.
		ErrorUnused:          true,
		IgnoreUntaggedFields: true,
		MatchName:            func(key, field string) bool { return key == field },
		DecodeHook:           mapstructure.DecodeHookFuncValue(convert),
	})
	if err != nil {
		return err
	}
	return d.Decode(raw)
}

// decodeProblems takes the decoder's tree of errors apart into one error a key.
func decodeProblems(err error, fromEnv map[string]string) []error {
	switch e := err.(type) { //nolint:errorlint // the tree is taken apart level by level
	case interface{ Unwrap() []error }:
		var all []error
		for _, one := range e.Unwrap() {
			all = append(all, decodeProblems(one, fromEnv)...)
		}
		return all
	case *mapstructure.DecodeError:
		if variable := fromEnv[e.Name()]; variable != "" {
			return []error{fmt.Errorf("%s (from %s): %w", e.Name(), variable, e.Unwrap())}
		}
		return []error{fmt.Errorf("%s: %w", e.Name(), e.Unwrap())}
	}
	if inner := errors.Unwrap(err); inner != nil {
		return decodeProblems(inner, fromEnv)
	}
	return []error{err}
}
