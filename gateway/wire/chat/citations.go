package chat

import (
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// citationOf reads an annotation.
func citationOf(text []byte, at jsonscan.Span) (genai.Citation, bool) {
	inner := wire.Member(text, at, "url_citation")
	if inner.Empty() {
		return genai.Citation{}, false
	}
	get := func(name string) jsonscan.Span { return wire.Member(text, inner, name) }
	c := genai.Citation{URL: wire.String(text, get("url")), Title: wire.String(text, get("title")), Quote: wire.String(text, get("content")),
		Raw: at.Of(text), From: genai.Chat}
	for name, into := range map[string]*int{"start_index": &c.Start, "end_index": &c.End} {
		if at := get(name); !at.Empty() {
			*into = int(max(0, wire.Count(at.Of(text))))
		}
	}
	return c, true
}

// sourcesOf reads the sources that some vendors put beside the choices: addresses, or
// Perplexity's search results.
func sourcesOf(text []byte, at jsonscan.Span) []genai.Citation {
	if text[at.Start] != '[' {
		return nil
	}
	var all []genai.Citation
	for e := jsonscan.Array(text, at.Start); e.Next(); {
		c := genai.Citation{URL: wire.String(text, e.Value)}
		if e.Kind() == '{' {
			c.URL, c.Title = wire.String(text, wire.Member(text, e.Value, "url")), wire.String(text, wire.Member(text, e.Value, "title"))
		}
		if c.URL != "" {
			all = append(all, c)
		}
	}
	return all
}

// cite gives the last text the sources of the answer, unless it has citations.
func cite(parts []genai.Part, sources []genai.Citation) {
	for i := len(parts) - 1; i >= 0; i-- {
		if parts[i].Kind == genai.Text {
			if len(parts[i].Citations) == 0 {
				parts[i].Citations = sources
			}
			return
		}
	}
}
