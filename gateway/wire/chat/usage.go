package chat

import (
	"strconv"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// usageSpans are the places of a usage object that the gateway edits.
type usageSpans struct {
	object     jsonscan.Span
	last       int // the end of the last member's value, or behind the brace
	empty      bool
	cost       jsonscan.Span // values; empty when absent
	prompt     detailSpans
	completion detailSpans
}

// detailSpans are those of prompt_tokens_details or completion_tokens_details.
type detailSpans struct {
	value     jsonscan.Span // empty when absent
	object    bool
	last      int
	empty     bool
	cached    bool // cached_tokens stands there
	written   bool // caching_tokens
	reasoning bool // reasoning_tokens
}

// readUsage reads the usage object at the span. Other vendors that speak
// OpenAI's protocol put the cache's counts elsewhere; OpenAI's own place wins.
func readUsage(text []byte, at jsonscan.Span) (genai.Usage, usageSpans) {
	var u genai.Usage
	var cachedElsewhere, writtenElsewhere, reasoningElsewhere int64
	s := usageSpans{object: at, last: at.Start + 1, empty: true}
	m := jsonscan.Object(text, at.Start)
	for m.Next() {
		s.last, s.empty = m.Value.End, false
		switch string(m.Name()) {
		case "prompt_tokens", "input_tokens":
			u.Prompt = wire.Count(m.Value.Of(text))
		case "completion_tokens", "output_tokens":
			u.Completion = wire.Count(m.Value.Of(text))
		case "total_tokens":
			u.Total = wire.Count(m.Value.Of(text))
		case "prompt_cache_hit_tokens", "cache_read_input_tokens", "cached_tokens": // DeepSeek, Anthropic, Moonshot
			cachedElsewhere = wire.Count(m.Value.Of(text))
		case "caching_tokens", "cache_creation_input_tokens", "cache_write_tokens":
			writtenElsewhere = wire.Count(m.Value.Of(text))
		case "reasoning_tokens":
			reasoningElsewhere = wire.Count(m.Value.Of(text))
		case "num_search_queries": // Perplexity
			u.Searches = wire.Count(m.Value.Of(text))
		case "num_sources_used": // xAI
			u.Sources = wire.Count(m.Value.Of(text))
		case "server_tool_use": // Anthropic, OpenRouter
			if at := wire.Member(text, m.Value, "web_search_requests"); !at.Empty() {
				u.Searches = wire.Count(at.Of(text))
			}
		case "cost":
			s.cost = m.Value
		case "prompt_tokens_details":
			s.prompt = readDetails(text, &u, &u.InputAudio, &m)
		case "input_tokens_details":
			readDetails(text, &u, &u.InputAudio, &m)
		case "completion_tokens_details":
			s.completion = readDetails(text, &u, &u.OutputAudio, &m)
		case "output_tokens_details":
			readDetails(text, &u, &u.OutputAudio, &m)
		}
	}
	if u.Cached == 0 {
		u.Cached = cachedElsewhere
	}
	if u.Written == 0 {
		u.Written = writtenElsewhere
	}
	if u.Reasoning == 0 {
		u.Reasoning = reasoningElsewhere
	}
	return u, s
}

func readDetails(text []byte, u *genai.Usage, audio *int64, of *jsonscan.Members) detailSpans {
	d := detailSpans{value: of.Value}
	if of.Kind() != '{' {
		return d
	}
	d.object, d.empty, d.last = true, true, of.Value.Start+1
	m := jsonscan.Object(text, of.Value.Start)
	for m.Next() {
		d.empty, d.last = false, m.Value.End
		switch string(m.Name()) {
		case "cached_tokens":
			u.Cached, d.cached = wire.Count(m.Value.Of(text)), true
		case "caching_tokens":
			u.Written, d.written = wire.Count(m.Value.Of(text)), true
		case "cache_write_tokens", "cache_creation_tokens":
			if !d.written {
				u.Written = wire.Count(m.Value.Of(text))
			}
		case "reasoning_tokens":
			u.Reasoning, d.reasoning = wire.Count(m.Value.Of(text)), true
		case "audio_tokens":
			*audio = wire.Count(m.Value.Of(text))
		}
	}
	return d
}

// edits puts the bill into the usage object: cost is ours, a detail that the
// provider gave stays as it gave it.
func (s *usageSpans) edits(into []jsonscan.Edit, b *wire.Bill) []jsonscan.Edit {
	var tail []byte
	member := func() {
		if !s.empty || len(tail) > 0 {
			tail = append(tail, ',')
		}
	}
	if s.cost.Empty() {
		member()
		tail = append(append(tail, `"cost":`...), b.Cost...)
	} else {
		into = append(into, jsonscan.Replace(s.cost, b.Cost))
	}
	prompt := s.prompt.missing(!s.prompt.cached, `"cached_tokens":`, b.Cached, !s.prompt.written, `"caching_tokens":`, b.Written)
	completion := s.completion.missing(!s.completion.reasoning, `"reasoning_tokens":`, b.Reasoning, false, "", 0)
	for _, part := range [2]struct {
		name string
		at   *detailSpans
		text []byte
	}{{`"prompt_tokens_details":{`, &s.prompt, prompt}, {`"completion_tokens_details":{`, &s.completion, completion}} {
		switch {
		case len(part.text) == 0:
		case part.at.value.Empty():
			member()
			tail = append(append(append(tail, part.name...), part.text...), '}')
		case !part.at.object:
			into = append(into, jsonscan.Replace(part.at.value, append(append([]byte{'{'}, part.text...), '}')))
		case part.at.empty:
			into = append(into, jsonscan.InsertAt(part.at.last, part.text))
		default:
			into = append(into, jsonscan.InsertAt(part.at.last, append([]byte{','}, part.text...)))
		}
	}
	if len(tail) > 0 {
		into = append(into, jsonscan.InsertAt(s.last, tail))
	}
	return into
}

// missing writes the counts that the details lack, without braces.
func (d *detailSpans) missing(first bool, name string, n int64, second bool, name2 string, n2 int64) []byte {
	var b []byte
	if first {
		b = strconv.AppendInt(append(b, name...), n, 10)
	}
	if second {
		if len(b) > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, name2...), n2, 10)
	}
	return b
}

// appendUsage appends a usage object made by the gateway, for a provider that
// reported none.
func appendUsage(b []byte, u genai.Usage, bill *wire.Bill) []byte {
	for _, part := range [...]struct {
		name string
		n    int64
	}{
		{`{"prompt_tokens":`, u.Prompt}, {`,"completion_tokens":`, u.Completion}, {`,"total_tokens":`, u.Prompt + u.Completion},
		{`,"prompt_tokens_details":{"cached_tokens":`, bill.Cached}, {`,"caching_tokens":`, bill.Written},
		{`},"completion_tokens_details":{"reasoning_tokens":`, bill.Reasoning},
	} {
		b = strconv.AppendInt(append(b, part.name...), part.n, 10)
	}
	b = append(append(b, `},"cost":`...), bill.Cost...)
	return append(b, '}')
}
