package wire

import (
	"hash/fnv"
	"strconv"
	"strings"

	"weir/gateway/jsonscan"
)

// Arguments writes the arguments of a call where they must be an object: what a model
// wrote that is none stands in one.
func (j *JSON) Arguments(name, arguments string) {
	text := []byte(strings.TrimSpace(arguments))
	switch {
	case len(text) == 0:
		j.Raw(name, []byte("{}"))
	case IsObject(text):
		j.Raw(name, text)
	default:
		j.Open(name, '{')
		j.Text("input", arguments)
		j.Close('}')
	}
}

// IsObject tells that a text is a JSON object.
func IsObject(text []byte) bool {
	at := jsonscan.Space(text, 0)
	if at >= len(text) || text[at] != '{' {
		return false
	}
	_, ok := jsonscan.Valid(text)
	return ok
}

// ObjectSchema is the schema of a tool's arguments with the type on which APIs insist.
func ObjectSchema(schema []byte) []byte {
	at := jsonscan.Space(schema, 0)
	if at == len(schema) || schema[at] != '{' {
		return []byte(`{"type":"object","properties":{}}`)
	}
	empty := true
	for m := jsonscan.Object(schema, at); m.Next(); {
		if empty = false; string(m.Name()) == "type" {
			return schema
		}
	}
	if empty {
		return []byte(`{"type":"object","properties":{}}`)
	}
	return append([]byte(`{"type":"object",`), schema[at+1:]...)
}

// maxCallID is the longest id of a call that every API takes.
const maxCallID = 64

// CallID is the id of a call in the form that Anthropic's and Bedrock's APIs take,
// [a-zA-Z0-9_-]{1,64}: the same one for the same id, another one for another.
func CallID(id string) string {
	fine := id != "" && len(id) <= maxCallID
	for i := 0; i < len(id) && fine; i++ {
		fine = Word(id[i])
	}
	if fine {
		return id
	}
	b := []byte(id)
	for i := range b {
		if !Word(b[i]) {
			b[i] = '_'
		}
	}
	h := fnv.New64a()
	h.Write([]byte(id))
	sum := "_" + strconv.FormatUint(h.Sum64(), 36)
	return string(b[:min(len(b), maxCallID-len(sum))]) + sum
}

// Word tells that a byte is one that names in APIs are made of.
func Word(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// SearchSays tells that a web search, as its own protocol wrote it, says more than the
// members that are given.
func SearchSays(raw []byte, members ...string) bool {
	at := jsonscan.Space(raw, 0)
	if at >= len(raw) || raw[at] != '{' {
		return false
	}
next:
	for m := jsonscan.Object(raw, at); m.Next(); {
		if m.Kind() == 'n' {
			continue
		}
		switch string(m.Name()) {
		case "type", "name", "cache_control":
			continue
		}
		for _, known := range members {
			if string(m.Name()) == known {
				continue next
			}
		}
		return true
	}
	return false
}
