package gemini

import (
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// readUsage reads usageMetadata. candidatesTokenCount is without the thoughts, and
// promptTokenCount with what was cached but without what tools of Google's gave the
// model (ai.google.dev/api/generate-content#UsageMetadata).
func readUsage(text []byte, at jsonscan.Span) genai.Usage {
	var u genai.Usage
	var tools int64
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		value := m.Value.Of(text)
		switch string(m.Name()) {
		case "promptTokenCount":
			u.Prompt = wire.Count(value)
		case "candidatesTokenCount":
			u.Completion = wire.Count(value)
		case "thoughtsTokenCount":
			u.Reasoning = wire.Count(value)
		case "toolUsePromptTokenCount":
			tools = wire.Count(value)
		case "cachedContentTokenCount":
			u.Cached = wire.Count(value)
		case "totalTokenCount":
			u.Total = wire.Count(value)
		case "promptTokensDetails", "toolUsePromptTokensDetails":
			modalities(text, &m, &u.InputAudio, &u.InputImage)
		case "candidatesTokensDetails":
			modalities(text, &m, &u.OutputAudio, &u.OutputImage)
		}
	}
	u.Prompt, u.Completion = sum(u.Prompt, tools), sum(u.Completion, u.Reasoning)
	return u
}

func sum(a, b int64) int64 {
	if a == genai.Garbage || b == genai.Garbage {
		return genai.Garbage
	}
	return a + b
}

func modalities(text []byte, of *jsonscan.Members, audio, image *int64) {
	if of.Kind() != '[' {
		return
	}
	for e := jsonscan.Array(text, of.Value.Start); e.Next(); {
		if e.Kind() != '{' {
			continue
		}
		var to *int64
		var count int64
		for m := jsonscan.Object(text, e.Value.Start); m.Next(); {
			switch string(m.Name()) {
			case "modality":
				switch string(m.Value.Of(text)) {
				case `"AUDIO"`:
					to = audio
				case `"IMAGE"`:
					to = image
				}
			case "tokenCount":
				count = wire.Count(m.Value.Of(text))
			}
		}
		if to != nil {
			*to = sum(*to, count)
		}
	}
}
