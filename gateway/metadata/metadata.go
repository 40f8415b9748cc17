// Package metadata reads who a call is for, from the three places where clients
// say so: the body's requesty object, OpenAI's own user and metadata, and
// headers. The body wins over a header, requesty over OpenAI's fields.
//
// Guarantee: what comes out is valid UTF-8 and within the limits of the wire
// contract; what is over them is refused by the field's name, never cut.
// Concurrency: pure functions. Failure: an apierror with status 400.
package metadata

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
)

// Limits of the wire contract; sizes in bytes.
const (
	MaxTags      = 64
	MaxTagBytes  = 128
	MaxExtra     = 64
	MaxNameBytes = 64
	MaxValue     = 512
	MaxID        = 256
	// MaxOrigin bounds HTTP-Referer and X-Title.
	MaxOrigin = 512
)

// extraPrefix begins the headers that become entries of extra.
const extraPrefix = "X-Requesty-"

// Metadata is what a client said about a call.
type Metadata struct {
	Tags          []string // distinct, in order
	UserID        string
	TraceID       string
	Extra         map[string]string // nil when empty
	OriginReferer string
	OriginTitle   string
	// AutoCache says that prompt cache breakpoints are wanted where there are none.
	AutoCache bool
}

// Body is where a request's body holds metadata: its text, and the spans of
// its own objects, empty when absent. User is OpenAI's field, decoded.
type Body struct {
	Text     []byte
	Requesty jsonscan.Span
	Metadata jsonscan.Span
	User     string
}

// Read gathers a call's metadata. On an error, what was read until then is
// returned too, for the ledger.
func Read(body Body, header http.Header) (m Metadata, e *apierror.Error) {
	if e := m.headers(header); e != nil {
		return m, e
	}
	if !body.Metadata.Empty() {
		if e := m.extra("metadata", body.Text, body.Metadata); e != nil {
			return m, e
		}
	}
	if !body.Requesty.Empty() {
		if e := m.requesty(body.Text, body.Requesty); e != nil {
			return m, e
		}
	}
	if m.UserID == "" && body.User != "" {
		if e := fits("user", body.User, MaxID); e != nil {
			return m, e
		}
		m.UserID = valid(body.User)
	}
	if len(m.Extra) > MaxExtra {
		return m, apierror.Invalid("requesty.extra", fmt.Sprintf("There are more than %d extra entries.", MaxExtra))
	}
	return m, nil
}

func (m *Metadata) headers(header http.Header) *apierror.Error {
	for name, values := range header {
		if len(values) == 0 || name[0] != 'X' && name[0] != 'H' && name[0] != 'R' {
			continue
		}
		value := values[len(values)-1]
		switch {
		case name == "Http-Referer", name == "Referer":
			if e := fits("HTTP-Referer", value, MaxOrigin); e != nil {
				if name == "Referer" {
					continue // the browser's own, not meant for us: a long one is no mistake of the client's
				}
				return e
			}
			if name == "Http-Referer" || m.OriginReferer == "" {
				m.OriginReferer = valid(value)
			}
		case name == "X-Title":
			if e := fits("X-Title", value, MaxOrigin); e != nil {
				return e
			}
			m.OriginTitle = valid(value)
		case len(name) > len(extraPrefix) && name[:len(extraPrefix)] == extraPrefix:
			key := strings.ToLower(name[len(extraPrefix):])
			if e := m.put(name, key, value); e != nil {
				return e
			}
		}
	}
	return nil
}

func (m *Metadata) put(param, name, value string) *apierror.Error {
	if e := fits(param, value, MaxValue); e != nil {
		return e
	}
	if len(name) > MaxNameBytes {
		return apierror.Invalid(param, fmt.Sprintf("The name of an entry of %s is longer than %d bytes.", param, MaxNameBytes))
	}
	if m.Extra == nil {
		m.Extra = make(map[string]string, 4)
	}
	m.Extra[valid(name)] = valid(value)
	return nil
}

// extra reads an object of names and scalar values.
func (m *Metadata) extra(param string, text []byte, at jsonscan.Span) *apierror.Error {
	entries := 0
	for o := jsonscan.Object(text, at.Start); o.Next(); {
		if entries++; entries > MaxExtra {
			return apierror.Invalid(param, fmt.Sprintf("'%s' has more than %d entries.", param, MaxExtra))
		}
		name := string(o.Name())
		field := param + "." + clip(name)
		var value string
		switch o.Kind() {
		case '"':
			value = jsonscan.String(text, o.Value)
		case '{', '[':
			return wrongKind(field, "a string")
		case 'n':
			continue
		default: // numbers and booleans as they stand
			value = string(o.Value.Of(text))
		}
		if e := m.put(field, name, value); e != nil {
			return e
		}
	}
	return nil
}

func (m *Metadata) requesty(text []byte, at jsonscan.Span) *apierror.Error {
	var seen [5]bool
	for o := jsonscan.Object(text, at.Start); o.Next(); {
		field := slices.Index(fieldNames(), string(o.Name()))
		if field < 0 {
			continue
		}
		name := "requesty." + fieldNames()[field]
		if seen[field] {
			return apierror.Invalid(name, "Duplicate field '"+name+"'.")
		}
		seen[field] = true
		kind := o.Kind()
		if kind == 'n' {
			continue
		}
		var e *apierror.Error
		switch fieldNames()[field] {
		case "tags":
			e = m.tags(name, text, o.Value)
		case "user_id":
			m.UserID, e = id(name, text, &o)
		case "trace_id":
			m.TraceID, e = id(name, text, &o)
		case "extra":
			if kind != '{' {
				return wrongKind(name, "an object")
			}
			e = m.extra(name, text, o.Value)
		case "auto_cache":
			if kind != 't' && kind != 'f' {
				return wrongKind(name, "a boolean")
			}
			m.AutoCache = kind == 't'
		}
		if e != nil {
			return e
		}
	}
	return nil
}

func fieldNames() []string { return []string{"tags", "user_id", "trace_id", "extra", "auto_cache"} }

func id(param string, text []byte, o *jsonscan.Members) (string, *apierror.Error) {
	if o.Kind() != '"' {
		return "", wrongKind(param, "a string")
	}
	s := jsonscan.String(text, o.Value)
	if e := fits(param, s, MaxID); e != nil {
		return "", e
	}
	return valid(s), nil
}

func (m *Metadata) tags(param string, text []byte, at jsonscan.Span) *apierror.Error {
	if text[at.Start] != '[' {
		return wrongKind(param, "an array of strings")
	}
	n := 0
	for tag := jsonscan.Array(text, at.Start); tag.Next(); n++ {
		if n == MaxTags {
			return apierror.Invalid(param, fmt.Sprintf("'%s' has more than %d tags.", param, MaxTags))
		}
		name := param + "[" + strconv.Itoa(n) + "]"
		if tag.Kind() != '"' {
			return wrongKind(name, "a string")
		}
		s := jsonscan.String(text, tag.Value)
		if e := fits(name, s, MaxTagBytes); e != nil {
			return e
		}
		if s = valid(s); s != "" && !slices.Contains(m.Tags, s) {
			m.Tags = append(m.Tags, s)
		}
	}
	return nil
}

func fits(param, value string, limit int) *apierror.Error {
	if len(value) > limit {
		return apierror.Invalid(param, fmt.Sprintf("'%s' is longer than %d bytes.", param, limit))
	}
	return nil
}

func wrongKind(param, want string) *apierror.Error {
	return apierror.Invalid(param, fmt.Sprintf("Invalid type for '%s': expected %s.", param, want))
}

// clip bounds a client's own name where it stands in an error.
func clip(name string) string {
	if len(name) > MaxNameBytes {
		return valid(name[:MaxNameBytes])
	}
	return valid(name)
}

// valid makes s what the ledger can hold: Protobuf strings are UTF-8.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// ValidUTF8 is what Read does to every text.
func ValidUTF8(s string) string { return valid(s) }
