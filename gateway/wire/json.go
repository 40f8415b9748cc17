package wire

import (
	"strconv"

	"weir/gateway/jsonscan"
)

// JSON is a text that is written piece by piece; it sets the commas itself. A name
// of "" is for the elements of an array.
type JSON []byte

func (j *JSON) name(name string) {
	b := *j
	if n := len(b); n > 0 {
		switch b[n-1] {
		case '{', '[', ':', ' ', '\n':
		default:
			b = append(b, ',')
		}
	}
	if name != "" {
		b = append(jsonscan.AppendString(b, name), ':')
	}
	*j = b
}

// Open begins an object or an array, by its bracket.
func (j *JSON) Open(name string, bracket byte) {
	j.name(name)
	*j = append(*j, bracket)
}

// Close ends what Open began, by the other brackets, the innermost first.
func (j *JSON) Close(brackets ...byte) { *j = append(*j, brackets...) }

// Shut is Close for what is left out when it holds nothing: from is where the text
// ended before Open.
func (j *JSON) Shut(from int, brackets ...byte) {
	if last := (*j)[len(*j)-1]; last == '{' || last == '[' {
		*j = (*j)[:from]
		return
	}
	j.Close(brackets...)
}

// Text writes a string.
func (j *JSON) Text(name, s string) {
	j.name(name)
	*j = jsonscan.AppendString(*j, s)
}

// Some writes a string that is not empty, and nothing for one that is.
func (j *JSON) Some(name, s string) {
	if s != "" {
		j.Text(name, s)
	}
}

// Int writes a whole number.
func (j *JSON) Int(name string, n int64) {
	j.name(name)
	*j = strconv.AppendInt(*j, n, 10)
}

// Bool writes true or false.
func (j *JSON) Bool(name string, b bool) {
	j.name(name)
	*j = strconv.AppendBool(*j, b)
}

// Raw writes a value that is JSON already. Its line breaks, which can only be white
// space, become spaces: the text may be a line of a stream.
func (j *JSON) Raw(name string, raw []byte) {
	j.name(name)
	at := len(*j)
	*j = append(*j, raw...)
	for i, c := range (*j)[at:] {
		if c == '\n' || c == '\r' {
			(*j)[at+i] = ' '
		}
	}
}

// Number writes a number as it was written, and nothing for "".
func (j *JSON) Number(name, number string) {
	if number != "" {
		j.name(name)
		*j = append(*j, number...)
	}
}

// Null writes null.
func (j *JSON) Null(name string) {
	j.name(name)
	*j = append(*j, "null"...)
}

// String is a string's content; what is no string is "".
func String(text []byte, at jsonscan.Span) string {
	if at.Empty() || text[at.Start] != '"' {
		return ""
	}
	return jsonscan.String(text, at)
}

// Member is the value of an object's member, empty when there is none, when it is null,
// and when at is no object.
func Member(text []byte, at jsonscan.Span, name string) jsonscan.Span {
	var found jsonscan.Span
	if at.Empty() || text[at.Start] != '{' {
		return found
	}
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		if string(m.Name()) == name && m.Kind() != 'n' {
			found = m.Value
		}
	}
	return found
}

// Pick is Member for several names in one walk: the values go to into, in the order of
// the names. It walks m to its end, so that a caller can go on behind it.
func Pick(m *jsonscan.Members, into []jsonscan.Span, names ...string) {
	for m.Next() {
		if m.Kind() == 'n' {
			continue
		}
		name := m.Name()
		for i := range names {
			if string(name) == names[i] {
				into[i] = m.Value
				break
			}
		}
	}
}
