package media

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"os"
	"strings"

	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// Bounds of a form, beside that of the whole body.
const (
	maxParts = 64
	// maxFields bounds the names and values of all fields that are no files.
	maxFields = 1 << 20
	// inMemory is how much of all files is held in memory; the rest goes to a file.
	inMemory = 1 << 20
	// maxName bounds the name of a field and of a file, and a file's type.
	maxName = 1 << 10
)

// part is one part of a form. A file is in data, or at a place in the form's file.
type part struct {
	name, file, kind string
	isFile           bool
	data             []byte
	from, size       int64
}

// reader reads a form.
type reader struct {
	upload *upload
	fields int // bytes so far
	memory int
	ours   []part // fields that are the gateway's, of the form requesty[user_id]
}

func notForm() *apierror.Error {
	return apierror.Invalid("", "The request body must be multipart/form-data, and Content-Type must say its boundary.")
}

func badForm() *apierror.Error {
	return apierror.Invalid("", "The request body is not a whole multipart/form-data form with the boundary that Content-Type says.")
}

// readForm reads a form. On an error nothing is left behind.
func readForm(f Format, contentType string, body io.Reader) (_ *upload, e *apierror.Error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" || len(params["boundary"]) > 70 {
		return nil, notForm()
	}
	in := &reader{upload: &upload{}}
	defer func() {
		if e != nil {
			_ = in.upload.Close()
		}
	}()
	parts := multipart.NewReader(body, params["boundary"])
	for n := 0; ; n++ {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) && n > 0 {
			break
		}
		if err != nil { // also a body that the boundary is not in
			return nil, badForm()
		}
		if n == maxParts {
			return nil, apierror.Invalid("", fmt.Sprintf("The form has more than %d parts.", maxParts))
		}
		if e := in.part(p); e != nil {
			return nil, e
		}
	}
	text, e := in.text()
	if e != nil {
		return nil, e
	}
	if in.upload.Request, e = readRequest(f, text, true); e != nil {
		return nil, e
	}
	return in.upload, in.filesOf(f)
}

// filesOf notes the files, of which there must be some.
func (in *reader) filesOf(f Format) *apierror.Error {
	r, needed, found := in.upload.Request, "file", 0
	if f == Edits {
		needed = "image"
	}
	for i := range in.upload.parts {
		if p := &in.upload.parts[i]; p.isFile {
			r.files = append(r.files, p.size)
			if strings.TrimSuffix(p.name, "[]") == needed {
				found++
			}
		}
	}
	switch {
	case found == 0:
		return apierror.Invalid(needed, "You must provide '"+needed+"', as a file of the form.")
	case found > 1 && f == Transcriptions:
		return apierror.Invalid(needed, "Duplicate field '"+needed+"'.")
	}
	return nil
}

func (in *reader) part(p *multipart.Part) *apierror.Error {
	_, params, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
	_, isFile := params["filename"]
	one := part{name: p.FormName(), file: p.FileName(), isFile: isFile, kind: p.Header.Get("Content-Type")}
	known, _, ok := fieldOf([]byte(one.name))
	switch encoding := p.Header.Get("Content-Transfer-Encoding"); {
	case err != nil || one.name == "":
		return apierror.Invalid("", "A part of the form has no name.")
	case len(one.name) > maxName || len(one.file) > maxName || len(one.kind) > maxName:
		return apierror.Invalid("", fmt.Sprintf("A part of the form has a name or a type longer than %d bytes.", maxName))
	case encoding != "" && !strings.EqualFold(encoding, "binary") && !strings.EqualFold(encoding, "8bit") && !strings.EqualFold(encoding, "7bit"):
		return apierror.Invalid("", "A part of the form has a Content-Transfer-Encoding; send it as it is.")
	case isFile && ok:
		return wrongKind(known, "a field that is no file")
	case isFile:
		return in.file(p, one)
	}
	left := maxFields - in.fields - len(one.name)
	one.data, err = io.ReadAll(io.LimitReader(p, int64(max(left, 0))+1))
	switch {
	case err != nil:
		return badForm()
	case len(one.data) > left:
		return apierror.Invalid("", fmt.Sprintf("The fields of the form have more than %d bytes.", maxFields))
	}
	in.fields += len(one.name) + len(one.data)
	one.size = int64(len(one.data))
	if one.name == "requesty" || strings.HasPrefix(one.name, "requesty[") {
		in.ours = append(in.ours, one)
	} else {
		in.upload.parts = append(in.upload.parts, one)
	}
	return nil
}

// file reads a file, to memory while there is room.
func (in *reader) file(p io.Reader, one part) *apierror.Error {
	var head bytes.Buffer
	n, err := io.CopyN(&head, p, int64(inMemory-in.memory)+1)
	switch {
	case errors.Is(err, io.EOF):
		one.data, one.size = head.Bytes(), n
		in.memory += int(n)
	case err != nil:
		return badForm()
	default:
		u := in.upload
		if u.file == nil {
			if u.file, err = os.CreateTemp("", "weir-upload-*"); err != nil {
				return noRoom()
			}
			_ = os.Remove(u.file.Name()) // open, it lasts as long as the call
		}
		into := &keeping{file: u.file}
		one.from = u.size
		one.size, err = io.Copy(into, io.MultiReader(&head, p))
		u.size += one.size
		switch {
		case into.failed:
			return noRoom()
		case err != nil:
			return badForm()
		}
	}
	in.upload.parts = append(in.upload.parts, one)
	return nil
}

// keeping tells the file's trouble from the body's.
type keeping struct {
	file   *os.File
	failed bool
}

func (k *keeping) Write(b []byte) (int, error) {
	n, err := k.file.Write(b)
	k.failed = k.failed || err != nil
	return n, err //nolint:wrapcheck // for Copy alone
}

func noRoom() *apierror.Error {
	return apierror.New(apierror.Internal, "The gateway has no room for the file at the moment.")
}

// text is the form as a JSON object: its fields as strings, the gateway's as an object,
// and of files their names and sizes.
func (in *reader) text() ([]byte, *apierror.Error) {
	var j wire.JSON
	j.Open("", '{')
	for i := range in.upload.parts {
		if p := &in.upload.parts[i]; p.isFile {
			j.Open(p.name, '{')
			j.Text("filename", p.file)
			j.Int("bytes", p.size)
			j.Close('}')
		} else {
			j.Text(p.name, string(p.data))
		}
	}
	if len(in.ours) > 0 {
		object, e := requesty(in.ours)
		if e != nil {
			return nil, e
		}
		j.Raw("requesty", object)
	}
	j.Close('}')
	return j, nil
}

// requesty makes an object of requesty={…}, or of requesty[user_id]=… and the like.
func requesty(ours []part) ([]byte, *apierror.Error) {
	if ours[0].name == "requesty" && len(ours) == 1 {
		text := bytes.TrimSpace(ours[0].data)
		if _, ok := jsonscan.Valid(text); !ok || text[0] != '{' {
			return nil, apierror.Invalid("requesty", "Invalid type for 'requesty': expected a JSON object.")
		}
		return text, nil
	}
	var object, tags, extra wire.JSON
	for _, p := range ours {
		inside, closed := strings.CutSuffix(strings.TrimPrefix(p.name, "requesty["), "]")
		field, key, nested := strings.Cut(inside, "][")
		value := string(p.data)
		switch {
		case p.name == "requesty":
			return nil, apierror.Invalid("requesty", "Duplicate field 'requesty'.")
		case !closed:
			return nil, apierror.Invalid("requesty", "The name of a field that begins with 'requesty[' has no end.")
		case field == "tags":
			tags.Text("", value)
		case field == "extra" && nested:
			extra.Text(key, value)
		case field == "auto_cache" && !nested && (value == "true" || value == "false"):
			object.Bool(field, value == "true")
		default:
			object.Text(field, value)
		}
	}
	var all wire.JSON
	all.Open("", '{')
	if len(object) > 0 {
		all = append(all, object...)
	}
	for _, list := range [...]struct {
		name        string
		open, close byte
		text        wire.JSON
	}{{"tags", '[', ']', tags}, {"extra", '{', '}', extra}} {
		if len(list.text) > 0 {
			all.Open(list.name, list.open)
			all = append(all, list.text...)
			all.Close(list.close)
		}
	}
	all.Close('}')
	return all, nil
}

// disposition writes a part's Content-Disposition anew, so that no provider reads
// another name in it than the gateway did.
func (p *part) disposition() string {
	d := `form-data; name="` + escaped(p.name) + `"`
	if p.isFile {
		d += `; filename="` + escaped(p.file) + `"`
	}
	return d
}

// escaped is a name as browsers write it.
func escaped(name string) string {
	return strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A", `\`, `\\`).Replace(name)
}
