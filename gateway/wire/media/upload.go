package media

import (
	"bytes"
	"io"
	"mime/multipart"
	"os"

	"weir/gateway/wire"
)

// upload is a form, as it came and as it goes on.
type upload struct {
	*Request
	parts []part
	file  *os.File // of what is not in memory; nil for nothing
	size  int64    // of file
}

// Close gives the file up.
func (u *upload) Close() error {
	if u.file == nil {
		return nil
	}
	return u.file.Close() //nolint:wrapcheck // nothing is made of it
}

// Upload writes the form with the provider's own name for the model, and without what is
// the gateway's, which is among no parts.
func (u *upload) Upload(model string) wire.Upload {
	boundary := multipart.NewWriter(nil).Boundary()
	b := &form{kind: "multipart/form-data; boundary=" + boundary}
	var text bytes.Buffer
	for i := range u.parts {
		p := &u.parts[i]
		text.WriteString("--" + boundary + "\r\nContent-Disposition: " + p.disposition() + "\r\n")
		if p.kind != "" {
			text.WriteString("Content-Type: " + p.kind + "\r\n")
		}
		text.WriteString("\r\n")
		switch {
		case p.name == "model":
			text.WriteString(model)
		case p.isFile && p.data == nil:
			b.add(text.Bytes())
			text = bytes.Buffer{}
			b.pieces = append(b.pieces, piece{file: u.file, from: p.from, size: p.size})
			b.size += p.size
		default:
			b.add(text.Bytes())
			text = bytes.Buffer{}
			b.add(p.data)
		}
		text.WriteString("\r\n")
	}
	text.WriteString("--" + boundary + "--\r\n")
	b.add(text.Bytes())
	return b
}

// form is a body made of pieces, in memory and in a file.
type form struct {
	kind   string
	pieces []piece
	size   int64
}

type piece struct {
	data       []byte
	file       *os.File // nil for data
	from, size int64
}

func (f *form) add(data []byte) {
	f.pieces = append(f.pieces, piece{data: data})
	f.size += int64(len(data))
}

func (f *form) Size() int64         { return f.size }
func (f *form) ContentType() string { return f.kind }

func (f *form) Open() io.ReadCloser {
	readers := make([]io.Reader, len(f.pieces))
	for i := range f.pieces {
		if p := &f.pieces[i]; p.file != nil {
			readers[i] = io.NewSectionReader(p.file, p.from, p.size)
		} else {
			readers[i] = bytes.NewReader(p.data)
		}
	}
	return io.NopCloser(io.MultiReader(readers...))
}
