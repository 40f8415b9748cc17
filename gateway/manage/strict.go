package manage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// strict is JSON as huma writes it, and read without what encoding/json lets pass:
// a name given twice, of which it takes the last, or adds both up; one in other
// letters' case, for which it takes a long s and the Kelvin sign, too; and bytes that
// are no UTF-8, which it replaces. What was checked would not be what is used. An error
// that is about a field begins with its name in quotes, see fieldOf.
func strict() huma.Format {
	return huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: func(data []byte, v any) error {
		// First of all: it bounds how deep the body is nested.
		err := json.Unmarshal(data, v)
		var kind *json.UnmarshalTypeError
		switch {
		case err != nil && !errors.As(err, &kind):
			return err
		case !utf8.Valid(data):
			return errors.New("it is not UTF-8 throughout")
		}
		if err := checkNames(data); err != nil || kind == nil {
			return err
		}
		return fmt.Errorf("%q is a number that is too large, or no whole one", kind.Field)
	}}
}

// object is one that is being read.
type object struct {
	names map[string]bool // nil of an array
	free  bool            // its names are the client's own, or a cloud's: labels, api_key
	next  string          // the name whose value comes next, "" where a name comes; an array's own
}

// checkNames walks through JSON that is valid.
func checkNames(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var open []object
	for d.More() || len(open) > 0 {
		token, err := d.Token()
		if err != nil {
			return err
		}
		var in *object
		if len(open) > 0 {
			in = &open[len(open)-1]
		}
		switch t := token.(type) {
		case json.Delim:
			if t == '}' || t == ']' {
				open = open[:len(open)-1]
				break
			}
			o := object{free: in != nil && (in.next == "labels" || in.next == "api_key")}
			if t == '{' {
				o.names = map[string]bool{}
			} else if in != nil {
				o.next = in.next
			}
			in.done()
			open = append(open, o)
			continue
		case json.Number:
			if _, err := t.Float64(); err != nil && in != nil {
				return fmt.Errorf("%q is a number that is too large", in.next)
			}
		case string:
			if in != nil && in.names != nil && in.next == "" {
				if err := in.enter(t); err != nil {
					return err
				}
				continue
			}
		}
		in.done()
	}
	return nil
}

// done notes that a value has come.
func (o *object) done() {
	if o != nil && o.names != nil {
		o.next = ""
	}
}

// enter notes a name.
func (o *object) enter(name string) error {
	if o.names[name] {
		return fmt.Errorf("%q is given twice: give it once", clip(name))
	}
	if !o.free && strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsUpper(r) }) {
		return fmt.Errorf("%q is not a field of this call: remove it", clip(name))
	}
	o.names[name] = true
	o.next = name
	return nil
}

// fieldOf takes the name of the field off an error of the body, "" when it has none.
func fieldOf(message string) (field, rest string) {
	quoted, err := strconv.QuotedPrefix(message)
	if err != nil {
		return "", message
	}
	if field, err = strconv.Unquote(quoted); err != nil {
		return "", message
	}
	return field, field + message[len(quoted):]
}
