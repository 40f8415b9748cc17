package httpapi_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"runtime"
	"strings"
	"testing"

	"weir/schemas"
)

// field is a part of a form; a file has a name.
type field struct{ name, value, file string }

func form(t testing.TB, fields ...field) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range fields {
		h := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="` + f.name + `"`}}
		if f.file != "" {
			h = textproto.MIMEHeader{"Content-Disposition": {`form-data; name="` + f.name + `"; filename="` + f.file + `"`}, "Content-Type": {"audio/wav"}}
		}
		p, err := w.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(p, f.value)
	}
	_ = w.Close()
	return b.String(), w.FormDataContentType()
}

// upload sends a form with the live key.
func (w *world) upload(path string, fields ...field) answer {
	w.t.Helper()
	body, kind := form(w.t, fields...)
	return w.do(w.t.Context(), "POST", path, strings.NewReader(body), "Authorization", "Bearer "+apiKey, "Content-Type", kind)
}

func TestFormRefusals(t *testing.T) {
	file := field{"file", "RIFF", "a.wav"}
	many := []field{file, {"model", "mock/a", ""}}
	for range 70 {
		many = append(many, field{"x", "y", ""})
	}
	for name, c := range map[string]struct {
		fields []field
		param  string
	}{
		"no model":       {[]field{file}, "model"},
		"two models":     {[]field{{"model", "mock/a", ""}, file, {"model", "mock/b", ""}}, "model"},
		"other case":     {[]field{{"model", "mock/a", ""}, file, {"MODEL", "mock/b", ""}}, "model"},
		"no file":        {[]field{{"model", "mock/a", ""}}, "file"},
		"two files":      {[]field{{"model", "mock/a", ""}, file, file}, "file"},
		"model as file":  {[]field{{"model", "mock/a", "m.txt"}, file}, "model"},
		"requesty":       {[]field{{"model", "mock/a", ""}, file, {"requesty", "1", ""}}, "requesty"},
		"two requesties": {[]field{{"model", "mock/a", ""}, file, {"requesty[user_id]", "a", ""}, {"requesty[user_id]", "b", ""}}, "requesty.user_id"},
		"stream":         {[]field{{"model", "mock/a", ""}, file, {"stream", "perhaps", ""}}, "stream"},
		"many":           {many, ""},
		"large":          {[]field{{"model", "mock/a", ""}, file, {"prompt", strings.Repeat("a", 1<<20), ""}}, ""},
	} {
		w := start(t, never(t))
		a := w.upload("/v1/audio/transcriptions", c.fields...)
		if e := a.error(t); a.status != 400 || value(e.Error.Param) != c.param {
			t.Errorf("%s: got %d %s", name, a.status, a.body)
		}
		if rec := w.only(); rec.usage.ErrorKind != "invalid_request" {
			t.Errorf("%s: recorded %v", name, rec.usage)
		}
	}
	body, kind := form(t, file, field{"model", "mock/a", ""})
	for name, c := range map[string][2]string{
		"other boundary": {body, "multipart/form-data; boundary=other"},
		"no boundary":    {body, "multipart/form-data"},
		"no form":        {body, "text/plain"},
		"cut":            {body[:len(body)-20], kind},
		"nothing":        {"", kind},
	} {
		w := start(t, never(t))
		a := w.do(t.Context(), "POST", "/v1/audio/transcriptions", strings.NewReader(c[0]), "Authorization", "Bearer "+apiKey, "Content-Type", c[1])
		if a.error(t); a.status != 400 || !strings.Contains(a.body, "multipart/form-data") { // and not about a field
			t.Errorf("%s: got %d %s", name, a.status, a.body)
		}
	}
}

// A form goes out again, whole, on the second account.
func TestUploadOnASecondAccount(t *testing.T) {
	for _, size := range []int{4, 3 << 20} {
		var first, second asked
		b := startByok(t, first.notes(respond(429, `{"error":{"message":"slow down"}}`)), second.notes(respond(200, `{"text":"hi","usage":{"type":"duration","seconds":9}}`)), priced)
		b.has(&schemas.Credential{CredentialId: "cred", BaseUrl: b.theirs.url})
		b.strategy(ownFirst)
		content := strings.Repeat("0123", size/4)
		a := b.upload("/v1/audio/transcriptions", field{"file", content, "a.wav"}, field{"model", "mock/whisper-1", ""})
		if a.status != 200 || b.theirs.arrived() != ownSecret || b.operators.arrived() != "sk-upstream" {
			t.Errorf("%d bytes: got %d %s", size, a.status, a.body)
		}
		for _, got := range []*asked{&first, &second} {
			if len(got.files["file"]) != 1 || got.files["file"][0] != "a.wav: "+content || len(got.fields["model"]) != 1 || got.fields["model"][0] != "whisper-1" {
				t.Errorf("%d bytes: got %v and another file", size, got.fields)
			}
		}
		if rec := b.only(); rec.usage.Attempts != 2 || rec.usage.CostPico != 900_000_000 {
			t.Errorf("%d bytes: recorded %v", size, rec.usage)
		}
	}
}

// A client that leaves before its file is there, or before the answer.
func TestClientLeavesAnUpload(t *testing.T) {
	w := start(t, never(t))
	body, kind := form(t, field{"file", "RIFF", "a.wav"}, field{"model", "mock/whisper-1", ""})
	// By hand: Go's client has its own mind about what of a body it sends before it is stopped.
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: weir\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		apiKey, kind, len(body), body[:len(body)/2])
	if err == nil {
		err = conn.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if rec := w.only(); rec.response.Status != 499 || rec.usage.CostPico != 0 {
		t.Errorf("recorded %v", rec.response)
	}
}

func TestUploadLimit(t *testing.T) {
	w := start(t, never(t), func(c *config) { c.limits.MaxUpload = 1000 })
	a := w.upload("/v1/audio/transcriptions", field{"file", strings.Repeat("a", 2000), "a.wav"}, field{"model", "mock/a", ""})
	if a.error(t); a.status != 413 || w.only().usage.ErrorKind != "body_too_large" {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// noise is a file of so many bytes that nobody holds.
type noise struct{ left int }

func (n *noise) Read(b []byte) (int, error) {
	if n.left == 0 {
		return 0, io.EOF
	}
	size := min(len(b), n.left)
	for i := range b[:size] {
		b[i] = byte(n.left - i)
	}
	n.left -= size
	return size, nil
}

// A large file, before the model as the SDKs send it, is never in memory.
func TestLargeFileIsNotHeld(t *testing.T) {
	const size = 50 << 20
	var at uint64
	sum := make(chan [32]byte, 1)
	w := start(t, func(rw http.ResponseWriter, r *http.Request) {
		parts, err := r.MultipartReader()
		if err != nil {
			t.Error(err)
			return
		}
		p, err := parts.NextPart()
		if err != nil {
			t.Error(err)
			return
		}
		hash := sha256.New()
		if n, err := io.Copy(hash, p); n != size || err != nil || r.ContentLength < size {
			t.Errorf("the file has %d bytes of %d, %v", n, r.ContentLength, err)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		at = m.TotalAlloc
		sum <- [32]byte(hash.Sum(nil))
		_, _ = io.Copy(io.Discard, r.Body)
		rw.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(rw, `{"text":"hi","usage":{"type":"duration","seconds":9}}`)
	}, priced)
	var head bytes.Buffer
	m := multipart.NewWriter(&head)
	if _, err := m.CreateFormFile("file", "a.wav"); err != nil {
		t.Fatal(err)
	}
	before := head.String()
	head.Reset()
	_ = m.WriteField("model", "mock/whisper-1")
	_ = m.Close()
	hash := sha256.New()
	_, _ = io.Copy(hash, &noise{size})
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	a := w.do(t.Context(), "POST", "/v1/audio/transcriptions", io.MultiReader(strings.NewReader(before), &noise{size}, &head), "Authorization", "Bearer "+apiKey, "Content-Type", m.FormDataContentType())
	if a.status != 200 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	if got := <-sum; got != [32]byte(hash.Sum(nil)) {
		t.Error("the provider got another file")
	}
	if used := at - memory.TotalAlloc; used > 10<<20 {
		t.Errorf("%d bytes were allocated for a file of %d", used, size)
	}
	if rec := w.only(); rec.request.RequestBytes < size {
		t.Errorf("recorded %v", rec.request)
	}
}
