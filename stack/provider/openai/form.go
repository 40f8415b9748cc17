package openai

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"weir/stack/provider/answer"
)

// form is a multipart body: the fields' values, and of the files only how long they are.
type form struct {
	values map[string][]string
	sizes  map[string]int64
}

func readForm(r *http.Request, body []byte) (form, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return form{}, answer.Invalid("", "Invalid Content-Type: expected multipart/form-data with a boundary, got %q.", r.Header.Get("Content-Type"))
	}
	f := form{values: map[string][]string{}, sizes: map[string]int64{}}
	parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return form{}, answer.Invalid("", "could not parse multipart form: %v", err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return form{}, answer.Invalid("", "could not parse multipart form: %v", err)
		}
		if part.FileName() != "" {
			f.sizes[part.FormName()] += int64(len(content))
			continue
		}
		f.values[part.FormName()] = append(f.values[part.FormName()], string(content))
	}
}

// value is the first value of a field, "" for none.
func (f form) value(name string) string {
	return strings.Join(f.values[name][:min(len(f.values[name]), 1)], "")
}

// size is how many bytes the files of a field have together.
func (f form) size(name string) int64 { return f.sizes[name] }
