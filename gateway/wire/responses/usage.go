package responses

import (
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// readUsage reads a usage object.
func readUsage(text []byte, at jsonscan.Span) (u genai.Usage) {
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		switch string(m.Name()) {
		case "input_tokens", "prompt_tokens":
			u.Prompt = wire.Count(m.Value.Of(text))
		case "output_tokens", "completion_tokens":
			u.Completion = wire.Count(m.Value.Of(text))
		case "total_tokens":
			u.Total = wire.Count(m.Value.Of(text))
		case "input_tokens_details":
			details(text, m.Value, &u, &u.InputAudio, &u.InputImage)
		case "output_tokens_details":
			details(text, m.Value, &u, &u.OutputAudio, &u.OutputImage)
		}
	}
	return u
}

func details(text []byte, at jsonscan.Span, u *genai.Usage, audio, image *int64) {
	if text[at.Start] != '{' {
		return
	}
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		switch string(m.Name()) {
		case "cached_tokens":
			u.Cached = wire.Count(m.Value.Of(text))
		case "cache_write_tokens", "caching_tokens":
			u.Written = wire.Count(m.Value.Of(text))
		case "reasoning_tokens":
			u.Reasoning = wire.Count(m.Value.Of(text))
		case "audio_tokens":
			*audio = wire.Count(m.Value.Of(text))
		case "image_tokens":
			*image = wire.Count(m.Value.Of(text))
		}
	}
}

// costEdit is the edit that puts the cost into a usage object.
func costEdit(text []byte, at jsonscan.Span, cost []byte) jsonscan.Edit {
	last, empty := at.Start+1, true
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		if string(m.Name()) == "cost" {
			return jsonscan.Replace(m.Value, cost)
		}
		last, empty = m.Value.End, false
	}
	name := `,"cost":`
	if empty {
		name = name[1:]
	}
	return jsonscan.InsertAt(last, append([]byte(name), cost...))
}

// appendUsage writes a usage object of the gateway's.
func appendUsage(j *wire.JSON, name string, u genai.Usage, bill *wire.Bill) {
	j.Open(name, '{')
	j.Int("input_tokens", u.Prompt)
	j.Open("input_tokens_details", '{')
	j.Int("cached_tokens", bill.Cached)
	j.Int("caching_tokens", bill.Written)
	j.Close('}')
	j.Int("output_tokens", u.Completion)
	j.Open("output_tokens_details", '{')
	j.Int("reasoning_tokens", bill.Reasoning)
	j.Close('}')
	j.Int("total_tokens", u.Prompt+u.Completion)
	j.Raw("cost", bill.Cost)
	j.Close('}')
}
