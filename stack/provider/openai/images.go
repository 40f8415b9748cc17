package openai

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
	"weir/stack/provider/ledger"
)

// pixel is a PNG of one grey pixel, as base64.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="

// imagesRequest is what is read of a request for images, of a JSON body or a form.
type imagesRequest struct {
	Model    string          `json:"model"`
	Prompt   string          `json:"prompt"`
	N        *int            `json:"n"`
	Stream   bool            `json:"stream"`
	Partial  int             `json:"partial_images"`
	Format   string          `json:"response_format"`
	Requesty json.RawMessage `json:"requesty"`
	edit     bool
}

func readGeneration(r *http.Request, body []byte) (answer.Wish, exchange.Writer, error) {
	q := new(imagesRequest)
	if err := exchange.Decode(body, q); err != nil {
		return answer.Wish{}, nil, err
	}
	return q.read(r)
}

// readEdit takes the pictures as files of a form.
func readEdit(r *http.Request, body []byte) (answer.Wish, exchange.Writer, error) {
	f, err := readForm(r, body)
	if err != nil {
		return answer.Wish{}, nil, err
	}
	q := &imagesRequest{Model: f.value("model"), Prompt: f.value("prompt"), Stream: f.value("stream") == "true",
		Format: f.value("response_format"), edit: true}
	if text := f.value("n"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return answer.Wish{Model: q.Model}, nil, answer.Invalid("n", "Invalid type for 'n': expected an integer.")
		}
		q.N = &n
	}
	q.Partial, _ = strconv.Atoi(f.value("partial_images"))
	if f.value("requesty") != "" {
		q.Requesty = json.RawMessage("{}")
	}
	if f.size("image")+f.size("image[]") == 0 {
		return answer.Wish{Model: q.Model}, nil, answer.Invalid("image", "Missing required parameter: 'image'.")
	}
	return q.read(r)
}

func (q *imagesRequest) read(r *http.Request) (answer.Wish, exchange.Writer, error) {
	if name := deployment(r); name != "" {
		q.Model = name
	}
	n := 1
	if q.N != nil {
		n = *q.N
	}
	wish := answer.Wish{Model: q.Model, Stream: q.Stream, Prompt: []byte(q.Prompt), Parts: max(n*q.Partial, 1),
		Units: ledger.Units{Images: int64(n)}}
	switch {
	case q.Requesty != nil:
		return wish, nil, answer.Invalid("requesty", "Unknown parameter: 'requesty'.")
	case q.Model == "":
		return wish, nil, answer.Invalid("model", "you must provide a model parameter")
	case q.Prompt == "":
		return wish, nil, answer.Invalid("prompt", "Missing required parameter: 'prompt'.")
	case n < 1 || n > 10:
		return wish, nil, answer.Invalid("n", "Invalid 'n': integer out of range. Expected a value between 1 and 10.")
	case q.Partial < 0 || q.Partial > 3:
		return wish, nil, answer.Invalid("partial_images", "Invalid 'partial_images': expected a value between 0 and 3.")
	case !slices.Contains([]string{"", "b64_json", "url"}, q.Format):
		return wish, nil, answer.Invalid("response_format", "Invalid value: '%s'. Supported values are: 'b64_json' and 'url'.", q.Format)
	}
	return wish, func(a *answer.Answer) exchange.Wire { return &imagesWire{a: a, q: q, n: n} }, nil
}

// imagesWire writes pictures. The content chunks of a stream are the partial ones; where none were asked
// for, it has one that is empty.
type imagesWire struct {
	a *answer.Answer
	q *imagesRequest
	n int
}

func (*imagesWire) Types() (whole, stream string) {
	return "application/json", "text/event-stream; charset=utf-8"
}
func (*imagesWire) Open() [][]byte { return nil }

func (w *imagesWire) Piece(i int) []byte {
	if w.q.Partial == 0 {
		return nil
	}
	return w.event("partial_image", object{"partial_image_index": i % w.q.Partial})
}

// Close sends the pictures; usage is in the last of them.
func (w *imagesWire) Close() [][]byte {
	var list [][]byte
	for i := range w.n {
		more := object{}
		if i == w.n-1 && w.a.Report {
			more["usage"] = w.usage()
		}
		list = append(list, w.event("completed", more))
	}
	return list
}

func (*imagesWire) Broken(stream bool) []byte {
	if stream {
		return exchange.Event("error", object{"type": "error", "error": errorBody(answer.Broken())["error"]})
	}
	return brokenBody()
}

func (w *imagesWire) Whole() []byte {
	data := make([]object, w.n)
	for i := range data {
		data[i] = object{"b64_json": pixel}
		if w.q.Format == "url" {
			data[i] = object{"url": "https://mock.invalid/" + w.a.CallID(i) + ".png"}
		}
	}
	body := object{"created": w.a.Created, "background": "opaque", "output_format": "png", "quality": "low", "size": "1024x1024", "data": data}
	if w.a.Report {
		body["usage"] = w.usage()
	}
	return exchange.JSON(body)
}

func (w *imagesWire) event(kind string, more object) []byte {
	name := "image_generation." + kind
	if w.q.edit {
		name = "image_edit." + kind
	}
	more["type"], more["b64_json"], more["created_at"] = name, pixel, w.a.Created
	more["size"], more["quality"], more["background"], more["output_format"] = "1024x1024", "low", "opaque", "png"
	return exchange.Event(name, more)
}

// usage is gpt-image's. The cached tokens are of the text.
func (w *imagesWire) usage() object {
	t := w.a.Tokens
	var pictures int64
	if w.q.edit {
		pictures = t.Prompt / 2
	}
	return object{"input_tokens": t.Prompt, "output_tokens": t.Completion, "total_tokens": t.Prompt + t.Completion,
		"input_tokens_details": object{"text_tokens": t.Prompt - pictures, "image_tokens": pictures, "cached_tokens": t.Cached}}
}
