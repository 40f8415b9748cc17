package messages

import (
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
)

// breakpoint is what is put behind a block.
const breakpoint = `"cache_control":{"type":"ephemeral"}`

// autoCache notes the edits that do to the body what genai.Request.AutoCache does to a
// decoded request.
func (r *Request) autoCache(edits []jsonscan.Edit) []jsonscan.Edit {
	body := r.head.Body
	for m := jsonscan.Object(body, jsonscan.Space(body, 0)); m.Next(); {
		switch string(m.Name()) {
		case "cache_control":
			return edits
		case "system", "messages", "tools":
			if marked(body, m.Value, 0) {
				return edits
			}
		}
	}
	if !r.tools.Empty() {
		edits = markLastOf(body, r.tools, edits)
	}
	if !r.system.Empty() {
		edits = markContent(body, r.system, edits)
	}
	var sizes []int
	var contents []jsonscan.Span
	for e := jsonscan.Array(body, r.messages.Start); e.Next(); {
		var content jsonscan.Span
		if e.Kind() == '{' {
			for m := jsonscan.Object(body, e.Value.Start); m.Next(); {
				if string(m.Name()) == "content" {
					content = m.Value
				}
			}
		}
		contents = append(contents, content)
		sizes = append(sizes, content.End-content.Start)
	}
	for _, i := range genai.Longest(sizes) {
		edits = markContent(body, contents[i], edits)
	}
	return edits
}

// marked tells that some block of a list has a breakpoint, those inside of results
// included.
func marked(body []byte, at jsonscan.Span, depth int) bool {
	if body[at.Start] != '[' || depth > 3 {
		return false
	}
	for e := jsonscan.Array(body, at.Start); e.Next(); {
		if e.Kind() != '{' {
			continue
		}
		for m := jsonscan.Object(body, e.Value.Start); m.Next(); {
			switch string(m.Name()) {
			case "cache_control":
				if m.Kind() != 'n' {
					return true
				}
			case "content":
				if marked(body, m.Value, depth+1) {
					return true
				}
			}
		}
	}
	return false
}

// markContent puts a breakpoint behind a text, or behind the last block of a list.
func markContent(body []byte, at jsonscan.Span, edits []jsonscan.Edit) []jsonscan.Edit {
	switch {
	case at.Empty():
	case body[at.Start] == '[':
		edits = markLastOf(body, at, edits)
	case body[at.Start] == '"' && at.End-at.Start > 2:
		edits = append(edits, jsonscan.InsertAt(at.Start, []byte(`[{"type":"text","text":`)),
			jsonscan.InsertAt(at.End, []byte(`,`+breakpoint+`}]`)))
	}
	return edits
}

// markLastOf puts a breakpoint into the last object of a list, unless it is one that can
// have none.
func markLastOf(body []byte, at jsonscan.Span, edits []jsonscan.Edit) []jsonscan.Edit {
	end, null := 0, jsonscan.Span{}
	for e := jsonscan.Array(body, at.Start); e.Next(); {
		if e.Kind() != '{' {
			continue
		}
		able, here, there := true, 0, jsonscan.Span{}
		for m := jsonscan.Object(body, e.Value.Start); m.Next(); {
			here = m.Value.End
			switch string(m.Name()) {
			case "type":
				kind := string(m.Value.Of(body))
				able = able && kind != `"thinking"` && kind != `"redacted_thinking"`
			case "text":
				able = able && m.Value.End-m.Value.Start > 2
			case "cache_control":
				there = m.Value // null
			}
		}
		if able && here > 0 {
			end, null = here, there
		}
	}
	switch {
	case !null.Empty():
		return append(edits, jsonscan.Replace(null, []byte(`{"type":"ephemeral"}`)))
	case end > 0:
		return append(edits, jsonscan.InsertAt(end, []byte(`,`+breakpoint)))
	}
	return edits
}
