package converse

import (
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// readUsage reads usage. inputTokens is without what the cache was read for and what was
// written to it (docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html).
func readUsage(text []byte, at jsonscan.Span) genai.Usage {
	var u genai.Usage
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		value := m.Value.Of(text)
		switch string(m.Name()) {
		case "inputTokens":
			u.Prompt = wire.Count(value)
		case "outputTokens":
			u.Completion = wire.Count(value)
		case "totalTokens":
			u.Total = wire.Count(value)
		case "cacheReadInputTokens":
			u.Cached = wire.Count(value)
		case "cacheWriteInputTokens":
			u.Written = wire.Count(value)
		case "cacheDetails":
			if m.Kind() == '[' {
				u.WrittenHour = writtenHour(text, m.Value)
			}
		}
	}
	if u.Prompt == genai.Garbage || u.Cached == genai.Garbage || u.Written == genai.Garbage {
		u.Prompt = genai.Garbage
	} else {
		u.Prompt += u.Cached + u.Written
	}
	return u
}

// writtenHour is what was written for an hour, of cacheDetails.
func writtenHour(text []byte, at jsonscan.Span) (tokens int64) {
	for e := jsonscan.Array(text, at.Start); e.Next(); {
		if e.Kind() != '{' {
			continue
		}
		var n int64
		hour := false
		for m := jsonscan.Object(text, e.Value.Start); m.Next(); {
			switch string(m.Name()) {
			case "inputTokens":
				n = wire.Count(m.Value.Of(text))
			case "ttl":
				hour = string(m.Value.Of(text)) == `"1h"`
			}
		}
		switch {
		case !hour:
		case n == genai.Garbage:
			return n
		default:
			tokens += n
		}
	}
	return tokens
}
