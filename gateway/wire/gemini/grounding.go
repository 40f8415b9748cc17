package gemini

import (
	"unicode/utf8"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// grounding is what an answer rests on. The places of its citations are in bytes.
type grounding struct {
	citations []genai.Citation
	searches  int64
}

// readGrounding reads groundingMetadata. From Gemini 3 on every query is billed, before
// that the answer that was searched for (ai.google.dev/gemini-api/docs/google-search,
// "Pricing").
func readGrounding(text []byte, at jsonscan.Span, model family) grounding {
	var g grounding
	var sources []genai.Citation
	var supports jsonscan.Span
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		if m.Kind() != '[' {
			continue
		}
		switch string(m.Name()) {
		case "webSearchQueries":
			for e := jsonscan.Array(text, m.Value.Start); e.Next(); {
				g.searches++
			}
		case "groundingChunks":
			for e := jsonscan.Array(text, m.Value.Start); e.Next(); {
				sources = append(sources, source(text, e.Value))
			}
		case "groundingSupports":
			supports = m.Value
		}
	}
	if !model.levels() {
		g.searches = min(g.searches, 1)
	}
	if supports.Empty() {
		g.citations = sources
		return g
	}
	for e := jsonscan.Array(text, supports.Start); e.Next(); {
		if e.Kind() == '{' {
			g.support(text, e.Value, sources)
		}
	}
	return g
}

// source reads a chunk: {"web": {…}}, {"retrievedContext": {…}}, {"maps": {…}}.
func source(text []byte, at jsonscan.Span) genai.Citation {
	var c genai.Citation
	if text[at.Start] != '{' {
		return c
	}
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		if m.Kind() != '{' {
			continue
		}
		for f := jsonscan.Object(text, m.Value.Start); f.Next(); {
			if f.Kind() != '"' {
				continue
			}
			switch string(f.Name()) {
			case "uri":
				c.URL = jsonscan.String(text, f.Value)
			case "title":
				c.Title = jsonscan.String(text, f.Value)
			case "text":
				c.Quote = jsonscan.String(text, f.Value)
			}
		}
	}
	return c
}

func (g *grounding) support(text []byte, at jsonscan.Span, sources []genai.Citation) {
	var start, end int
	var chunks jsonscan.Span
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		switch name := string(m.Name()); {
		case name == "segment" && m.Kind() == '{':
			start, end = place(text, m.Value)
		case name == "groundingChunkIndices" && m.Kind() == '[':
			chunks = m.Value
		}
	}
	if chunks.Empty() {
		return
	}
	for e := jsonscan.Array(text, chunks.Start); e.Next(); {
		if i := wire.Count(e.Value.Of(text)); i >= 0 && i < int64(len(sources)) {
			c := sources[i]
			c.Start, c.End = start, end
			g.citations = append(g.citations, c)
		}
	}
}

func place(text []byte, at jsonscan.Span) (start, end int) {
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		switch string(m.Name()) {
		case "startIndex":
			start = int(max(0, wire.Count(m.Value.Of(text))))
		case "endIndex":
			end = int(max(0, wire.Count(m.Value.Of(text))))
		}
	}
	return start, end
}

// readRecitation reads citationMetadata, whose list the two services call differently.
func readRecitation(text []byte, at jsonscan.Span) (citations []genai.Citation) {
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		if name := string(m.Name()); m.Kind() != '[' || name != "citationSources" && name != "citations" {
			continue
		}
		for e := jsonscan.Array(text, m.Value.Start); e.Next(); {
			if e.Kind() != '{' {
				continue
			}
			var c genai.Citation
			c.Start, c.End = place(text, e.Value)
			for f := jsonscan.Object(text, e.Value.Start); f.Next(); {
				switch name := string(f.Name()); {
				case name == "uri" && f.Kind() == '"':
					c.URL = jsonscan.String(text, f.Value)
				case name == "title" && f.Kind() == '"':
					c.Title = jsonscan.String(text, f.Value)
				}
			}
			citations = append(citations, c)
		}
	}
	return citations
}

// inCharacters turns places in bytes into places in characters of the text; places that
// are not in the text become unknown.
func inCharacters(citations []genai.Citation, text string) {
	for i := range citations {
		c := &citations[i]
		if c.Start > c.End || c.End > len(text) {
			c.Start, c.End = 0, 0
			continue
		}
		c.Start, c.End = utf8.RuneCountInString(text[:c.Start]), utf8.RuneCountInString(text[:c.End])
	}
}
