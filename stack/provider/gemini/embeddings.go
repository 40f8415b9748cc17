package gemini

import (
	"encoding/json"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
)

// maxEmbeddings and maxDimensions are of one call, and of one vector.
const (
	maxEmbeddings     = 100
	maxDimensions     = 3072
	defaultDimensions = 8
)

// readEmbeddings reads batchEmbedContents, which repeats the model of the path in each of its requests.
func readEmbeddings(wish answer.Wish, body []byte) (answer.Wish, exchange.Writer, error) {
	var whole any
	if err := exchange.Decode(body, &whole); err != nil {
		return wish, nil, err
	}
	request := named("model taskType title outputDimensionality", fields{"content": named("role", fields{"parts": named("text", nil)})})
	if err := check(whole, fields{"requests": request}, ""); err != nil {
		return wish, nil, err
	}
	var q struct {
		Requests []struct {
			Model      string          `json:"model"`
			Content    json.RawMessage `json:"content"`
			Dimensions *int            `json:"outputDimensionality"`
		} `json:"requests"`
	}
	if err := exchange.Decode(exchange.JSON(whole), &q); err != nil {
		return wish, nil, err
	}
	if n := len(q.Requests); n == 0 || n > maxEmbeddings {
		return wish, nil, answer.Invalid("", "* BatchEmbedContentsRequest.requests: at least one and at most %d requests can be in one batch", maxEmbeddings)
	}
	w := &embeddingsWire{}
	var prompt []json.RawMessage
	for _, one := range q.Requests {
		dimensions := defaultDimensions
		if one.Dimensions != nil {
			dimensions = *one.Dimensions
		}
		switch {
		case one.Model != "models/"+wish.Model:
			return wish, nil, answer.Invalid("", "* BatchEmbedContentsRequest.model: the model of each request must be the one of the path")
		case len(one.Content) == 0:
			return wish, nil, answer.Invalid("", "* EmbedContentRequest.content: contents is not specified")
		case dimensions < 1 || dimensions > maxDimensions:
			return wish, nil, answer.Invalid("", "* EmbedContentRequest.output_dimensionality: must be between 1 and %d", maxDimensions)
		}
		prompt = append(prompt, one.Content)
		w.vectors = append(w.vectors, object{"values": answer.Vector(string(one.Content), dimensions)})
	}
	wish.Prompt, wish.NoOutput = exchange.JSON(prompt), true
	return wish, func(a *answer.Answer) exchange.Wire { w.a = a; return w }, nil
}

// embeddingsWire writes vectors; there is no stream of them.
type embeddingsWire struct {
	a       *answer.Answer
	vectors []object
}

func (*embeddingsWire) Types() (whole, stream string) { return "application/json; charset=UTF-8", "" }
func (*embeddingsWire) Open() [][]byte                { return nil }
func (*embeddingsWire) Piece(int) []byte              { return nil }
func (*embeddingsWire) Close() [][]byte               { return nil }
func (*embeddingsWire) Broken(bool) []byte            { return exchange.JSON(errorBody(answer.Broken())) }

func (w *embeddingsWire) Whole() []byte {
	body := object{"embeddings": w.vectors}
	if w.a.Report {
		body["usageMetadata"] = object{"promptTokenCount": w.a.Tokens.Prompt}
	}
	return exchange.JSON(body)
}
