package gemini

import (
	"net/url"

	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// Embed is batchEmbedContents, which the Gemini API has and Vertex AI has not.
func (p Protocol) Embed(model string, texts []string, dimensions int64) (path string, body []byte) {
	if p.prefix != API {
		return "", nil
	}
	var j wire.JSON
	j.Open("", '{')
	j.Open("requests", '[')
	for _, text := range texts {
		j.Open("", '{')
		j.Text("model", "models/"+model)
		j.Open("content", '{')
		j.Open("parts", '[')
		j.Open("", '{')
		j.Text("text", text)
		j.Close('}')
		j.Close(']')
		j.Close('}')
		if dimensions > 0 {
			j.Int("outputDimensionality", dimensions)
		}
		j.Close('}')
	}
	j.Close(']')
	j.Close('}')
	return p.prefix + url.PathEscape(model) + ":batchEmbedContents", j
}

// Embedded reads the answer. Newer models say how many tokens there were.
func (Protocol) Embedded(text []byte) (vectors [][]byte, tokens int64, e *apierror.Error) {
	start := jsonscan.Space(text, 0)
	if _, ok := jsonscan.Valid(text); !ok || text[start] != '{' {
		return nil, 0, apierror.New(apierror.ProviderUnreadable, "The provider's answer is not a JSON object.")
	}
	whole := jsonscan.Span{Start: start, End: len(text)}
	if at := wire.Member(text, whole, "error"); !at.Empty() {
		return nil, 0, wire.ErrorInside(text, at)
	}
	list := wire.Member(text, whole, "embeddings")
	if list.Empty() || text[list.Start] != '[' {
		return nil, 0, apierror.New(apierror.ProviderUnreadable, "The provider's answer has no embeddings.")
	}
	for each := jsonscan.Array(text, list.Start); each.Next(); {
		values := wire.Member(text, each.Value, "values")
		if values.Empty() || text[values.Start] != '[' {
			return nil, 0, apierror.New(apierror.ProviderUnreadable, "The provider's answer has an embedding without values.")
		}
		vectors = append(vectors, values.Of(text))
	}
	if at := wire.Member(text, wire.Member(text, whole, "usageMetadata"), "promptTokenCount"); !at.Empty() {
		tokens = wire.Count(at.Of(text))
	}
	return vectors, tokens, nil
}
