package wiretest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"
	"github.com/google/go-cmp/cmp"
)

// Transcripts runs f on every file of testdata that ends in suffix.
func Transcripts(t *testing.T, suffix string, f func(t *testing.T, name string, text []byte)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*"+suffix))
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts *%s: %v", suffix, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { f(t, filepath.Base(file), Read(t, file)) })
	}
}

// Seed gives a fuzz target the files of testdata that end in suffix.
func Seed(f *testing.F, suffix string) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*"+suffix))
	if err != nil || len(files) == 0 {
		f.Fatalf("no transcripts *%s: %v", suffix, err)
	}
	for _, file := range files {
		f.Add(Read(f, file))
	}
}

// Read reads a file.
func Read(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Golden compares with a golden file, JSON in any layout; update writes it anew.
func Golden(t *testing.T, update bool, file string, got []byte) {
	t.Helper()
	isJSON := !strings.HasSuffix(file, ".sse")
	if isJSON && !json.Valid(got) {
		t.Fatalf("no JSON: %s", got)
	}
	if update {
		text := got
		if isJSON {
			var b bytes.Buffer
			if err := json.Indent(&b, got, "", "  "); err != nil {
				t.Fatal(err)
			}
			text = append(b.Bytes(), '\n')
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run the test with -update", err)
	}
	if isJSON {
		got, want = Compact(got), Compact(want)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: %s", file, diff)
	}
}

// Same compares JSON in any layout.
func Same() cmp.Option {
	return cmp.Comparer(func(a, b []byte) bool { return bytes.Equal(Compact(a), Compact(b)) })
}

// Compact takes the white space out of JSON; other texts stay.
func Compact(text []byte) []byte {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return text
	}
	return b.Bytes()
}

// Dump is a value as a golden file has it: without what is empty.
func Dump(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	if text, err = json.Marshal(prune(tree)); err != nil {
		t.Fatal(err)
	}
	return text
}

func prune(tree any) any {
	switch v := tree.(type) {
	case map[string]any:
		kept := map[string]any{}
		for name, value := range v {
			switch value = prune(value); value {
			case nil, "", 0.0, false:
			default:
				kept[name] = value
			}
		}
		return kept
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
	}
	return tree
}

// Frames makes AWS's event stream of a transcript: a line "type/name JSON" a frame.
func Frames(t testing.TB, transcript []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := eventstream.NewEncoder()
	for line := range strings.Lines(string(transcript)) {
		head, payload, found := strings.Cut(strings.TrimSpace(line), " ")
		kind, name, named := strings.Cut(head, "/")
		if !found || !named {
			t.Fatalf("line %q", line)
		}
		m := eventstream.Message{Payload: []byte(payload)}
		m.Headers.Set(eventstreamapi.MessageTypeHeader, eventstream.StringValue(kind))
		m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
		switch kind {
		case "event":
			m.Headers.Set(eventstreamapi.EventTypeHeader, eventstream.StringValue(name))
		case "exception":
			m.Headers.Set(eventstreamapi.ExceptionTypeHeader, eventstream.StringValue(name))
		case "error":
			m.Headers.Set(eventstreamapi.ErrorCodeHeader, eventstream.StringValue(name))
			m.Headers.Set(eventstreamapi.ErrorMessageHeader, eventstream.StringValue(payload))
			m.Payload = nil
		}
		if err := encoder.Encode(&out, m); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}
