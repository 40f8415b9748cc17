package service

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// fieldTag is the struct tag that names a configuration key.
const fieldTag = "koanf"

var textType = reflect.TypeFor[encoding.TextUnmarshaler]()

// isText reports whether the type is written as one piece of text.
func isText(t reflect.Type) bool {
	return t == reflect.TypeFor[time.Duration]() || reflect.PointerTo(t).Implements(textType)
}

// fieldsOf lists the keys of a configuration struct with their types. A field
// tagged ",squash" lends its keys to the struct around it.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := make(map[string]reflect.Type)
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get(fieldTag), ",")
		switch {
		case options == "squash":
			for inner, it := range fieldsOf(f.Type) {
				fields[inner] = it
			}
		case name != "" && name != "-":
			fields[name] = f.Type
		}
	}
	return fields
}

// convert is the decoder's hook: it turns what YAML or the environment gave
// into exactly the kind the field has, or says what the field expects. The
// decoder alone would cut 1.5 to 1, wrap an overflow, and merge a list that is
// given into the default one.
func convert(from, to reflect.Value) (any, error) {
	for from.Kind() == reflect.Interface {
		from = from.Elem()
	}
	switch t := to.Type(); {
	case isText(t):
		return convertText(from, t)
	case to.Kind() == reflect.Slice:
		to.SetZero()
		if from.Kind() == reflect.String {
			return splitList(from.String()), nil
		}
		if from.Kind() == reflect.Slice {
			return from.Interface(), nil
		}
	case to.Kind() == reflect.Map:
		to.SetZero()
		if from.Kind() == reflect.Map {
			return from.Interface(), nil
		}
	case to.Kind() == reflect.Struct && from.Kind() == reflect.Map, to.Kind() == reflect.Interface:
		return from.Interface(), nil
	default:
		if v, ok := convertScalar(from, t); ok {
			return v, nil
		}
	}
	return nil, fmt.Errorf("expects %s, got %s", expected(to.Type()), describe(from))
}

func convertText(from reflect.Value, t reflect.Type) (any, error) {
	if from.Type() == t {
		return from.Interface(), nil
	}
	if t == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(from.String())
		if from.Kind() != reflect.String || err != nil {
			return nil, fmt.Errorf("expects %s, got %s", expected(t), describe(from))
		}
		return d, nil
	}
	// A plain number is text of that number: max_bytes: 4096. A fraction is
	// refused, since its text is no longer what the file said.
	if from.Kind() != reflect.String && !from.CanInt() {
		return nil, fmt.Errorf("expects text, got %s", describe(from))
	}
	v := reflect.New(t)
	text := fmt.Sprint(from.Interface())
	if err := v.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
		return nil, err
	}
	return v.Elem().Interface(), nil
}

// convertScalar accepts the same kind, or text that reads as it, which is how
// every value from the environment arrives. Numbers do not become text: a price
// or a password without quotes is no longer what the file said.
func convertScalar(from reflect.Value, t reflect.Type) (any, bool) {
	v := reflect.New(t).Elem()
	text := from.Kind() == reflect.String
	switch {
	case v.Kind() == reflect.String:
		if text {
			v.SetString(from.String())
		}
		return v.Interface(), text
	case v.Kind() == reflect.Bool:
		b, err := from.Kind() == reflect.Bool && from.Bool(), error(nil)
		if text {
			b, err = strconv.ParseBool(from.String())
		}
		v.SetBool(b)
		return v.Interface(), err == nil && (text || from.Kind() == reflect.Bool)
	case v.CanInt() && (text || from.CanInt() || from.CanUint()):
		n, err := strconv.ParseInt(fmt.Sprint(from.Interface()), 10, t.Bits())
		v.SetInt(n)
		return v.Interface(), err == nil
	case v.CanUint() && (text || from.CanInt() || from.CanUint()):
		n, err := strconv.ParseUint(fmt.Sprint(from.Interface()), 10, t.Bits())
		v.SetUint(n)
		return v.Interface(), err == nil
	case v.CanFloat() && (text || from.CanInt() || from.CanFloat()):
		n, err := strconv.ParseFloat(fmt.Sprint(from.Interface()), t.Bits())
		v.SetFloat(n)
		return v.Interface(), err == nil
	}
	return nil, false
}

func splitList(text string) []any {
	items := []any{}
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// expected says in words what a field of this type takes.
func expected(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a duration such as 250ms or 1s"
	case isText(t), t.Kind() == reflect.String:
		return "text (put it in quotes)"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		return "a whole number"
	case t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uint64:
		return "a whole number from 0 up"
	case t.Kind() == reflect.Float32, t.Kind() == reflect.Float64:
		return "a number"
	case t.Kind() == reflect.Slice:
		return "a list"
	default:
		return "a mapping of keys"
	}
}

// describe says in words what was given. Text is not quoted: it may be a
// password in the wrong place.
func describe(v reflect.Value) string {
	switch {
	case !v.IsValid():
		return "nothing"
	case v.Kind() == reflect.String:
		return "text"
	case v.Kind() == reflect.Slice:
		return "a list"
	case v.Kind() == reflect.Map:
		return "a mapping"
	case v.Kind() == reflect.Bool:
		return "true or false"
	case v.CanFloat():
		return "a number with a fraction"
	case v.Type() == reflect.TypeFor[time.Time](): // as YAML reads an API's version without quotes
		return "a date"
	default:
		return fmt.Sprint("the number ", v.Interface())
	}
}

// nearest returns the known name that is a slip of the finger away from the
// given one (two edits, more in a long name), or "".
func nearest(given string, known []string) string {
	best, near := "", min(len(given)-1, max(2, len(given)/3))+1
	for _, name := range known {
		if d := edits(given, name); d < near || d == near && best != "" && name < best {
			best, near = name, d
		}
	}
	return best
}

// edits is the Levenshtein distance in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
