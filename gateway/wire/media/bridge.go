package media

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// bridge takes embeddings to a protocol that has its own.
type bridge struct {
	to         wire.Embedder
	texts      []string
	dimensions int64
	encoded    bool // as base64, which is what OpenAI's SDKs ask for
	warnings   []string
}

// Bridge is for embeddings of texts.
func (f Format) Bridge(r wire.Request, p wire.Protocol) (wire.Bridge, *apierror.Error) {
	to, ok := p.(wire.Embedder)
	if f != Embeddings || !ok {
		return nil, nil
	}
	if path, _ := to.Embed("", nil, 0); path == "" {
		return nil, nil
	}
	q := requestOf(r)
	b := &bridge{to: to}
	for m := jsonscan.Object(q.head.Body, jsonscan.Space(q.head.Body, 0)); m.Next(); {
		switch name := string(m.Name()); name {
		case "model", "user", "metadata", "requesty":
		case "input":
			if e := b.input(q.head.Body, m.Value); e != nil {
				return nil, e
			}
		case "dimensions":
			if b.dimensions = wire.Count(m.Value.Of(q.head.Body)); b.dimensions < 0 || b.dimensions > wire.MaxChoices {
				return nil, apierror.Invalid(name, "Invalid type for 'dimensions': expected an integer.")
			}
		case "encoding_format":
			switch format := wire.String(q.head.Body, m.Value); {
			case m.Kind() != 'n' && format != "float" && format != "base64":
				return nil, apierror.Invalid(name, "Invalid value for 'encoding_format': expected float or base64.")
			default:
				b.encoded = format == "base64"
			}
		default:
			b.warnings = append(b.warnings, fmt.Sprintf("%.64q was left out: the provider's embeddings have no such field", name))
		}
	}
	return b, nil
}

// maxTexts is how many texts OpenAI's API takes at once.
const maxTexts = 2048

func (b *bridge) input(text []byte, at jsonscan.Span) *apierror.Error {
	if text[at.Start] == '"' {
		b.texts = []string{jsonscan.String(text, at)}
		return nil
	}
	for e := jsonscan.Array(text, at.Start); e.Next(); {
		field := "input[" + strconv.Itoa(len(b.texts)) + "]"
		switch {
		case e.Kind() != '"':
			return apierror.Invalid(field, "The provider of this model takes texts, not tokens or objects, in '"+field+"'.")
		case len(b.texts) == maxTexts:
			return apierror.Invalid("input", fmt.Sprintf("'input' has more than %d texts.", maxTexts))
		}
		b.texts = append(b.texts, jsonscan.String(text, e.Value))
	}
	if len(b.texts) == 0 {
		return apierror.Invalid("input", "The input parameter is an empty list.")
	}
	return nil
}

func (b *bridge) Warnings() []string { return b.warnings }

func (b *bridge) Call(model string) (path string, body []byte) {
	return b.to.Embed(model, b.texts, b.dimensions)
}

// ReadAnswer reads the vectors, of which there must be one for each text.
func (b *bridge) ReadAnswer(text []byte, to *wire.Reply) (wire.Answer, *apierror.Error) {
	list, tokens, e := b.to.Embedded(text)
	if e == nil && len(list) != len(b.texts) {
		e = apierror.New(apierror.ProviderUnreadable, "The provider's answer has another number of embeddings than there were texts.")
	}
	if e != nil {
		return nil, e
	}
	v := &vectors{bridge: b, to: to, list: list, seen: wire.Seen{Content: true, HasUsage: tokens != 0, Usage: genai.Usage{Prompt: tokens, Total: tokens}}}
	return v, nil
}

// vectors is an answer that is written anew.
type vectors struct {
	bridge *bridge
	to     *wire.Reply
	list   [][]byte
	seen   wire.Seen
}

func (v *vectors) Seen() *wire.Seen { return &v.seen }

func (v *vectors) Append(out []byte, usage genai.Usage, bill *wire.Bill) []byte {
	out = append(out, `{"object":"list","data":[`...)
	for i, values := range v.list {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(append(out, `{"object":"embedding","index":`...), int64(i), 10)
		out = append(out, `,"embedding":`...)
		if v.bridge.encoded {
			out = append(appendEncoded(append(out, '"'), values), '"')
		} else {
			out = append(out, values...)
		}
		out = append(out, '}')
	}
	out = append(append(append(out, `],"model":`...), v.to.Quoted...), `,"usage":{"prompt_tokens":`...)
	prompt := max(0, usage.Prompt)
	out = strconv.AppendInt(out, prompt, 10)
	out = strconv.AppendInt(append(out, `,"total_tokens":`...), prompt, 10)
	return append(append(append(out, `,"cost":`...), bill.Cost...), "}}"...)
}

// appendEncoded appends a vector as OpenAI encodes it: 32-bit floats, little-endian, in
// base64.
func appendEncoded(out, values []byte) []byte {
	var raw []byte
	for e := jsonscan.Array(values, 0); e.Next(); {
		f, err := strconv.ParseFloat(string(e.Value.Of(values)), 32)
		if err != nil {
			f = 0 // no number, or none of 32 bits: there is no better one
		}
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(f)))
	}
	return base64.StdEncoding.AppendEncode(out, raw)
}
