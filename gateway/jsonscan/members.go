package jsonscan

// state is where an iteration stands.
type state uint8

const (
	fresh state = iota
	inside
	ended
	broken
)

// Members walks the members of one object:
//
//	for m := jsonscan.Object(text, at); m.Next(); {
//		switch string(m.Name()) { … m.Value … }
//	}
type Members struct {
	// Key is the current member's name with its quotes, Value its value.
	Key, Value Span

	text    []byte
	pos     int
	depth   int
	state   state
	escaped bool
}

// Object begins at the object whose brace is text[at]; anything else is
// malformed.
func Object(text []byte, at int) Members {
	if at >= len(text) || text[at] != '{' {
		return Members{text: text, pos: at, state: broken}
	}
	return members(text, at, MaxDepth-1)
}

func members(text []byte, at, depth int) Members {
	return Members{text: text, pos: at + 1, depth: depth}
}

// Next goes to the next member. It returns false at the end of the object and
// where the text is malformed; OK tells which.
func (m *Members) Next() bool {
	at := Space(m.text, m.pos)
	if at >= len(m.text) {
		return m.fail(at)
	}
	switch m.state {
	case ended, broken:
		return false
	case fresh:
		if m.text[at] == '}' {
			m.pos, m.state = at+1, ended
			return false
		}
		m.state = inside
	case inside:
		if m.text[at] == '}' {
			m.pos, m.state = at+1, ended
			return false
		}
		if m.text[at] != ',' {
			return m.fail(at)
		}
		at = Space(m.text, at+1)
	}
	if at >= len(m.text) || m.text[at] != '"' {
		return m.fail(at)
	}
	end, escaped, ok := skipString(m.text, at)
	if !ok {
		return m.fail(end)
	}
	m.Key, m.escaped = Span{at, end}, escaped
	at = Space(m.text, end)
	if at >= len(m.text) || m.text[at] != ':' {
		return m.fail(at)
	}
	at = Space(m.text, at+1)
	end, ok = skip(m.text, at, m.depth)
	if !ok {
		return m.fail(end)
	}
	m.Value, m.pos = Span{at, end}, end
	return true
}

func (m *Members) fail(at int) bool {
	m.pos, m.state = at, broken
	return false
}

// OK tells that the object was walked to its closing brace.
func (m *Members) OK() bool { return m.state == ended }

// Pos is the offset behind the closing brace, or of the trouble.
func (m *Members) Pos() int { return m.pos }

// Name is the current member's name as a reader of the JSON would see it:
// escapes are decoded. It is valid as long as the text.
func (m *Members) Name() []byte {
	if m.escaped {
		return []byte(unescape(m.Key.Of(m.text)))
	}
	return m.text[m.Key.Start+1 : m.Key.End-1]
}

// Kind is the first byte of the current value: one of {["tfn-0123456789.
func (m *Members) Kind() byte { return m.text[m.Value.Start] }

// Elements walks the elements of one array.
type Elements struct {
	Value Span // the current element

	text  []byte
	pos   int
	depth int
	state state
}

// Array begins at the array whose bracket is text[at]; anything else is
// malformed.
func Array(text []byte, at int) Elements {
	if at >= len(text) || text[at] != '[' {
		return Elements{text: text, pos: at, state: broken}
	}
	return elements(text, at, MaxDepth-1)
}

func elements(text []byte, at, depth int) Elements {
	return Elements{text: text, pos: at + 1, depth: depth}
}

// Next goes to the next element. It returns false at the end of the array and
// where the text is malformed; OK tells which.
func (e *Elements) Next() bool {
	at := Space(e.text, e.pos)
	if at >= len(e.text) {
		e.pos, e.state = at, broken
		return false
	}
	switch e.state {
	case ended, broken:
		return false
	case fresh:
		if e.text[at] == ']' {
			e.pos, e.state = at+1, ended
			return false
		}
		e.state = inside
	case inside:
		if e.text[at] == ']' {
			e.pos, e.state = at+1, ended
			return false
		}
		if e.text[at] != ',' {
			e.pos, e.state = at, broken
			return false
		}
		at = Space(e.text, at+1)
	}
	end, ok := skip(e.text, at, e.depth)
	if !ok {
		e.pos, e.state = end, broken
		return false
	}
	e.Value, e.pos = Span{at, end}, end
	return true
}

// OK tells that the array was walked to its closing bracket.
func (e *Elements) OK() bool { return e.state == ended }

// Kind is the first byte of the current element.
func (e *Elements) Kind() byte { return e.text[e.Value.Start] }
