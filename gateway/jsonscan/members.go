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
func (m *Members) Next() bool { return m.Advance() && m.Skip() }

// Advance goes to the next member like Next, but only to where its value
// begins: the caller then calls Skip, or walks the value by Object or Array and
// hands its iterator to Resume, so that no byte is looked at twice.
func (m *Members) Advance() bool {
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
	if at = Space(m.text, at+1); at >= len(m.text) {
		return m.fail(at)
	}
	m.Value, m.pos = Span{at, at}, at
	return true
}

// Skip goes to the end of the value that Advance found.
func (m *Members) Skip() bool {
	end, ok := skip(m.text, m.pos, m.depth)
	if !ok {
		return m.fail(end)
	}
	m.Value.End, m.pos = end, end
	return true
}

// Object walks the value that Advance found, which must be an object.
func (m *Members) Object() Members {
	if m.depth == 0 {
		return Members{text: m.text, pos: m.pos, state: broken}
	}
	return members(m.text, m.pos, m.depth-1)
}

// Array walks the value that Advance found, which must be an array.
func (m *Members) Array() Elements {
	if m.depth == 0 {
		return Elements{text: m.text, pos: m.pos, state: broken}
	}
	return elements(m.text, m.pos, m.depth-1)
}

// Resume goes on behind a value that was walked to its end.
func (m *Members) Resume(pos int, ok bool) {
	if !ok {
		m.fail(pos)
		return
	}
	m.Value.End, m.pos = pos, pos
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
func (e *Elements) Next() bool { return e.Advance() && e.Skip() }

// Advance goes to where the next element begins; see Members.Advance.
func (e *Elements) Advance() bool {
	at := Space(e.text, e.pos)
	if at >= len(e.text) {
		return e.fail(at)
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
			return e.fail(at)
		}
		if at = Space(e.text, at+1); at >= len(e.text) {
			return e.fail(at)
		}
	}
	e.Value, e.pos = Span{at, at}, at
	return true
}

// Skip goes to the end of the element that Advance found.
func (e *Elements) Skip() bool {
	end, ok := skip(e.text, e.pos, e.depth)
	if !ok {
		return e.fail(end)
	}
	e.Value.End, e.pos = end, end
	return true
}

// Object walks the element that Advance found, which must be an object.
func (e *Elements) Object() Members {
	if e.depth == 0 {
		return Members{text: e.text, pos: e.pos, state: broken}
	}
	return members(e.text, e.pos, e.depth-1)
}

// Resume goes on behind an element that was walked to its end.
func (e *Elements) Resume(pos int, ok bool) {
	if !ok {
		e.fail(pos)
		return
	}
	e.Value.End, e.pos = pos, pos
}

func (e *Elements) fail(at int) bool {
	e.pos, e.state = at, broken
	return false
}

// Pos is the offset behind the closing bracket, or of the trouble.
func (e *Elements) Pos() int { return e.pos }

// OK tells that the array was walked to its closing bracket.
func (e *Elements) OK() bool { return e.state == ended }

// Kind is the first byte of the current element.
func (e *Elements) Kind() byte { return e.text[e.Value.Start] }
