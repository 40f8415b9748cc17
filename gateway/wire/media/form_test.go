package media

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const boundary = "xyz"

// written is a form of parts, each the lines of its head and its content.
func written(parts ...[2]string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--" + boundary + "\r\n" + p[0] + "\r\n\r\n" + p[1] + "\r\n")
	}
	return b.String() + "--" + boundary + "--\r\n"
}

func disposition(rest string) string { return "Content-Disposition: form-data; " + rest }

// sent reads a form as a provider does.
func sent(t testing.TB, u *upload) (parts [][2]string) {
	t.Helper()
	body := u.Upload("own")
	for range 2 { // it can be opened again
		parts = nil
		r := body.Open()
		text, err := io.ReadAll(r)
		if err != nil || int64(len(text)) != body.Size() {
			t.Fatalf("%d bytes of %d, %v", len(text), body.Size(), err)
		}
		_, params, err := mime.ParseMediaType(body.ContentType())
		if err != nil {
			t.Fatal(err)
		}
		in := multipart.NewReader(bytes.NewReader(text), params["boundary"])
		for {
			p, err := in.NextRawPart()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(p)
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, [2]string{p.FormName() + "|" + p.FileName() + "|" + p.Header.Get("Content-Type"), string(content)})
		}
	}
	return parts
}

func TestForm(t *testing.T) {
	model, file := [2]string{disposition(`name="model"`), "p/m"}, [2]string{disposition(`name=file; filename="a b.wav"`) + "\r\nContent-Type: audio/wav\r\nX-Secret: 1", "RIFF\r\n--xy"}
	large := [2]string{disposition(`name="file"; filename="l"`), strings.Repeat("0123456789", 300_000)}
	ours := [2]string{disposition(`name="requesty"`), `{"user_id":"u"}`}
	sentModel, sentFile, sentLarge := [2]string{"model||", "own"}, [2]string{"file|a b.wav|audio/wav", file[1]}, [2]string{"file|l|", large[1]}
	for name, c := range map[string]struct{ in, want [][2]string }{
		"model first":       {[][2]string{model, file, ours}, [][2]string{sentModel, sentFile}},
		"file first":        {[][2]string{ours, file, model}, [][2]string{sentFile, sentModel}},
		"large, file first": {[][2]string{large, ours, model}, [][2]string{sentLarge, sentModel}},
		"large, model first": {[][2]string{model, ours, large, {disposition(`name="other"; filename=""`), "kept too"}},
			[][2]string{sentModel, sentLarge, {"other||", "kept too"}}},
	} {
		t.Setenv("TMPDIR", t.TempDir())
		u, e := readForm(Transcriptions, "multipart/form-data; boundary="+boundary, strings.NewReader(written(c.in...)))
		if e != nil {
			t.Errorf("%s: %v", name, e)
			continue
		}
		if diff := cmp.Diff(c.want, sent(t, u)); diff != "" || u.Head().Model != "p/m" {
			t.Errorf("%s: %s", name, diff)
		}
		if at := u.Head().Requesty; string(at.Of(u.Head().Body)) != ours[1] {
			t.Errorf("%s: requesty is %q", name, at.Of(u.Head().Body))
		}
		if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
			t.Errorf("%s: %v is left, %v", name, left, err)
		}
		if err := u.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRequestyInAForm(t *testing.T) {
	field := func(name, value string) part { return part{name: name, data: []byte(value)} }
	for name, c := range map[string]struct {
		ours []part
		want string // "" for a refusal
	}{
		"object":     {[]part{field("requesty", ` {"a":1} `)}, `{"a":1}`},
		"fields":     {[]part{field("requesty[user_id]", "u"), field("requesty[tags][]", "a"), field("requesty[tags][1]", "b"), field("requesty[extra][k]", `"v"`), field("requesty[auto_cache]", "true")}, `{"user_id":"u","auto_cache":true,"tags":["a","b"],"extra":{"k":"\"v\""}}`},
		"no object":  {[]part{field("requesty", `[1]`)}, ""},
		"not JSON":   {[]part{field("requesty", `{`)}, ""},
		"both":       {[]part{field("requesty[user_id]", "u"), field("requesty", "{}")}, ""},
		"not closed": {[]part{field("requesty[user_id", "u")}, ""},
	} {
		got, e := requesty(c.ours)
		if string(got) != c.want || (e == nil) != (c.want != "") {
			t.Errorf("%s: got %s, %v", name, got, e)
		}
	}
}

func FuzzForm(f *testing.F) {
	f.Add(written([2]string{disposition(`name="model"`), "p/m"}, [2]string{disposition(`name=file; filename="a"`), "x"}))
	f.Add(written([2]string{disposition(`name="requesty[tags][]"`), "x"}, [2]string{disposition(`name="file"; filename*=utf-8''a%22`), "x"}, [2]string{disposition(`name="model"`), "p/\xff"}))
	f.Add("--xyz\r\n\r\n--xyz--")
	f.Fuzz(func(t *testing.T, body string) {
		for _, format := range [...]Format{Transcriptions, Edits} {
			u, e := readForm(format, "multipart/form-data; boundary="+boundary, strings.NewReader(body))
			if e != nil {
				continue
			}
			if !json.Valid(u.Head().Body) {
				t.Fatalf("%q became %q", body, u.Head().Body)
			}
			if _, e := u.Bounds(); e == nil {
				u.Prompt()
			}
			models := 0
			for _, p := range sent(t, u) {
				if strings.HasPrefix(p[0], "requesty|") || p[0] == "model||" && p[1] != "own" {
					t.Fatalf("%q became %q", body, p)
				}
				if strings.HasPrefix(p[0], "model|") {
					models++
				}
			}
			if models != 1 {
				t.Fatalf("%d models of %q", models, body)
			}
			_ = u.Close()
		}
	})
}
