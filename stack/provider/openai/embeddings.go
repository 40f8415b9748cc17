package openai

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
)

// maxDimensions and defaultDimensions are of an embedding.
const (
	maxDimensions     = 3072
	defaultDimensions = 8
)

// embeddingsRequest is what is read of an embedding's body. The input is a text, tokens, or a list of either.
type embeddingsRequest struct {
	Model      string          `json:"model"`
	Input      json.RawMessage `json:"input"`
	Encoding   string          `json:"encoding_format"`
	Dimensions *int            `json:"dimensions"`
	Requesty   json.RawMessage `json:"requesty"`
}

func readEmbeddings(r *http.Request, body []byte) (answer.Wish, exchange.Writer, error) {
	q := new(embeddingsRequest)
	if err := exchange.Decode(body, q); err != nil {
		return answer.Wish{}, nil, err
	}
	if name := deployment(r); name != "" {
		q.Model = name
	}
	wish := answer.Wish{Model: q.Model, Prompt: q.Input, NoOutput: true}
	w := &embeddingsWire{dimensions: defaultDimensions, encoded: q.Encoding == "base64"}
	if q.Dimensions != nil {
		w.dimensions = *q.Dimensions
	}
	var ok bool
	w.inputs, ok = inputs(q.Input)
	switch {
	case q.Requesty != nil:
		return wish, nil, answer.Invalid("requesty", "Unrecognized request argument supplied: requesty")
	case q.Model == "":
		return wish, nil, answer.Invalid("model", "you must provide a model parameter")
	case !ok || len(w.inputs) == 0 || len(w.inputs) > 2048:
		return wish, nil, answer.Invalid("input", "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.")
	case w.dimensions < 1 || w.dimensions > maxDimensions:
		return wish, nil, answer.Invalid("dimensions", "Invalid value for 'dimensions' = %d. Must be between 1 and %d.", w.dimensions, maxDimensions)
	case q.Encoding != "" && q.Encoding != "float" && q.Encoding != "base64":
		return wish, nil, answer.Invalid("encoding_format", "Invalid value: '%s'. Supported values are: 'float' and 'base64'.", q.Encoding)
	}
	return wish, func(a *answer.Answer) exchange.Wire { w.a = a; return w }, nil
}

// inputs takes the input apart into what gets one vector each.
func inputs(raw json.RawMessage) ([]string, bool) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		var text string
		err := json.Unmarshal(raw, &text)
		return []string{text}, err == nil && text != ""
	}
	var tokens []int
	if json.Unmarshal(raw, &tokens) == nil {
		return []string{string(raw)}, len(tokens) > 0
	}
	texts := make([]string, len(list))
	for i, one := range list {
		var text string
		if json.Unmarshal(one, &text) != nil && json.Unmarshal(one, &tokens) != nil || text == "" && len(tokens) == 0 {
			return nil, false
		}
		texts[i] = string(one)
	}
	return texts, true
}

// embeddingsWire writes vectors; there is no stream of them.
type embeddingsWire struct {
	a          *answer.Answer
	inputs     []string
	dimensions int
	encoded    bool // little-endian float32 as base64
}

func (*embeddingsWire) Types() (whole, stream string) { return "application/json", "" }
func (*embeddingsWire) Open() [][]byte                { return nil }
func (*embeddingsWire) Piece(int) []byte              { return nil }
func (*embeddingsWire) Close() [][]byte               { return nil }
func (*embeddingsWire) Broken(bool) []byte            { return brokenBody() }

func (w *embeddingsWire) Whole() []byte {
	data := make([]object, len(w.inputs))
	for i, input := range w.inputs {
		vector := answer.Vector(input, w.dimensions)
		data[i] = object{"object": "embedding", "index": i, "embedding": vector}
		if w.encoded {
			var b []byte
			for _, v := range vector {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
			}
			data[i]["embedding"] = base64.StdEncoding.EncodeToString(b)
		}
	}
	body := object{"object": "list", "model": w.a.Model, "data": data}
	if w.a.Report {
		body["usage"] = object{"prompt_tokens": w.a.Tokens.Prompt, "total_tokens": w.a.Tokens.Prompt}
	}
	return exchange.JSON(body)
}
