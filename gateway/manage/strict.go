package manage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// strict is JSON as huma writes it, and read without what encoding/json lets pass:
// a name given twice, of which it takes the last, or adds both up; one in other
// letters' case, for which it takes a long s and the Kelvin sign, too; and bytes that
// are no UTF-8, which it replaces. What was checked would not be what is used.
func strict() huma.Format {
	return huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: func(data []byte, v any) error {
		// First of all: it bounds how deep the body is nested.
		if err := json.Unmarshal(data, v); err != nil {
			return err
		}
		if !utf8.Valid(data) {
			return errors.New("it is not UTF-8 throughout")
		}
		return checkNames(data)
	}}
}

// object is one that is being read.
type object struct {
	names map[string]bool // nil of an array
	free  bool            // its names are the client's own: labels
	next  string          // the name whose value comes next, "" where a name comes
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
			o := object{free: in != nil && in.next == "labels"}
			if t == '{' {
				o.names = map[string]bool{}
			}
			if in != nil {
				in.next = ""
			}
			open = append(open, o)
			continue
		case string:
			if in != nil && in.names != nil && in.next == "" {
				if err := in.enter(t); err != nil {
					return err
				}
				continue
			}
		}
		if in != nil {
			in.next = ""
		}
	}
	return nil
}

// enter notes a name.
func (o *object) enter(name string) error {
	if o.names[name] {
		return fmt.Errorf("%q is given twice", clip(name))
	}
	if !o.free && strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsUpper(r) }) {
		return fmt.Errorf("%q is not a field of this call", clip(name))
	}
	o.names[name] = true
	o.next = name
	return nil
}
