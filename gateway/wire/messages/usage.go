package messages

import (
	"strconv"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// counts are the token counts as the API reports them: input is what was neither read
// from the cache nor written to it. In a stream they are cumulative, and a report that
// leaves one out leaves it as it was.
type counts struct {
	input, output, cached, written, hour, searches, thinking int64
	tier                                                     []byte // a JSON string
	fast, us                                                 bool   // what else the price depends on
}

// usageSpans are the places of a usage object that the gateway edits.
type usageSpans struct {
	last  int // the end of the last member's value, or behind the brace
	empty bool
	cost  jsonscan.Span // the value; empty when absent
}

// read takes the usage object at the span.
func (c *counts) read(text []byte, at jsonscan.Span) usageSpans {
	s := usageSpans{last: at.Start + 1, empty: true}
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		s.last, s.empty = m.Value.End, false
		kind := m.Kind()
		if kind == 'n' {
			continue
		}
		value := m.Value.Of(text)
		switch string(m.Name()) {
		case "input_tokens":
			c.input = wire.Count(value)
		case "output_tokens":
			c.output = wire.Count(value)
		case "cache_read_input_tokens":
			c.cached = wire.Count(value)
		case "cache_creation_input_tokens":
			c.written = wire.Count(value)
		case "cache_creation":
			c.inside(text, m.Value, kind, "ephemeral_1h_input_tokens", &c.hour)
		case "server_tool_use":
			c.inside(text, m.Value, kind, "web_search_requests", &c.searches)
		case "output_tokens_details":
			c.inside(text, m.Value, kind, "thinking_tokens", &c.thinking)
		case "service_tier":
			if kind == '"' {
				c.tier = append(c.tier[:0], value...)
			}
		case "speed":
			c.fast = string(value) == `"fast"`
		case "inference_geo":
			c.us = string(value) == `"us"`
		case "cost":
			s.cost = m.Value
		}
	}
	return s
}

func (c *counts) inside(text []byte, at jsonscan.Span, kind byte, name string, into *int64) {
	if kind != '{' {
		return
	}
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		if string(m.Name()) == name {
			*into = wire.Count(m.Value.Of(text))
		}
	}
}

// usage is what they come to.
func (c *counts) usage() genai.Usage {
	u := genai.Usage{Prompt: genai.Garbage, Completion: c.output, Cached: c.cached, Written: c.written, WrittenHour: c.hour,
		Searches: c.searches, Reasoning: c.thinking}
	if c.input >= 0 && c.cached >= 0 && c.written >= 0 {
		u.Prompt = c.input + c.cached + c.written
	}
	return u
}

// serviceTier is the tier that the answer names, and in it what else its price depends
// on, as the catalog's table of terms has it: "fast", "standard@us".
func (c *counts) serviceTier() string {
	var tier string
	if len(c.tier) > 0 {
		tier = jsonscan.String(c.tier, jsonscan.Span{End: len(c.tier)})
	}
	return pricedTier(tier, c.fast, c.us)
}

func pricedTier(tier string, fast, us bool) string {
	if fast {
		tier = "fast"
	}
	if us {
		if tier == "" {
			tier = "standard"
		}
		tier += "@us"
	}
	return tier
}

// edit puts the cost into the usage object.
func (s *usageSpans) edit(cost []byte) jsonscan.Edit {
	if !s.cost.Empty() {
		return jsonscan.Replace(s.cost, cost)
	}
	text := []byte(`,"cost":`)
	if s.empty {
		text = text[1:]
	}
	return jsonscan.InsertAt(s.last, append(text, cost...))
}

// appendUsage appends a usage object made by the gateway.
func appendUsage(b []byte, u genai.Usage, bill *wire.Bill, tier string) []byte {
	cached, written := u.Cached, u.Written
	if bill != nil {
		cached, written = bill.Cached, bill.Written
	}
	hour := min(max(0, u.WrittenHour), max(0, written))
	for _, part := range [...]struct {
		name string
		n    int64
	}{
		{`{"input_tokens":`, u.Prompt - cached - written}, {`,"output_tokens":`, u.Completion},
		{`,"cache_creation_input_tokens":`, written}, {`,"cache_read_input_tokens":`, cached},
		{`,"cache_creation":{"ephemeral_5m_input_tokens":`, written - hour}, {`,"ephemeral_1h_input_tokens":`, hour},
	} {
		b = strconv.AppendInt(append(b, part.name...), max(0, part.n), 10)
	}
	b = append(b, '}')
	if u.Searches > 0 {
		b = strconv.AppendInt(append(b, `,"server_tool_use":{"web_search_requests":`...), u.Searches, 10)
		b = append(b, '}')
	}
	switch tier {
	case "default", "standard":
		b = append(b, `,"service_tier":"standard"`...)
	case "priority", "batch":
		b = append(append(append(b, `,"service_tier":"`...), tier...), '"')
	}
	if bill != nil {
		b = append(append(b, `,"cost":`...), bill.Cost...)
	}
	return append(b, '}')
}
