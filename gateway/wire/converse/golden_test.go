package converse

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"
	"github.com/google/go-cmp/cmp"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares JSON with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if !json.Valid(got) {
		t.Fatalf("not JSON: %s", got)
	}
	path := filepath.Join("testdata", name)
	if *update {
		var b bytes.Buffer
		if err := json.Indent(&b, got, "", "  "); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(b.Bytes(), '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with -update)", err)
	}
	if diff := cmp.Diff(compact(t, want), compact(t, got)); diff != "" {
		t.Error(diff)
	}
}

func compact(t *testing.T, text []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// dump is a value as a golden file has it: without what is empty.
func dump(t *testing.T, value any) []byte {
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

func transcripts(t *testing.T, pattern string, f func(t *testing.T, name string, text []byte)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no transcripts %s: %v", pattern, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			f(t, filepath.Base(path), text)
		})
	}
}

func TestAnswers(t *testing.T) {
	transcripts(t, "*.response.json", func(t *testing.T, name string, text []byte) {
		r, e := Protocol{}.Decode(text)
		if e != nil {
			golden(t, name+".golden", dump(t, e))
			return
		}
		golden(t, name+".golden", dump(t, r))
	})
}

// read gives text to a decoder in pieces of the given size.
func read(d wire.Decoder, text []byte, size int) (events []genai.Event) {
	var pending []byte
	for {
		n := min(size, len(text))
		pending = append(pending, text[:n]...)
		text = text[n:]
		var used int
		before := len(events)
		events, used = d.Decode(events, pending, len(text) == 0)
		for i := range events[before:] {
			e := &events[before+i]
			e.LogProbs, e.Part.Raw = bytes.Clone(e.LogProbs), bytes.Clone(e.Part.Raw)
		}
		pending = bytes.Clone(pending[used:])
		if len(text) == 0 {
			return events
		}
	}
}

// frames makes AWS's event stream of a transcript: a line "type/name JSON" a frame.
func frames(t testing.TB, transcript []byte) []byte {
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

func TestStreams(t *testing.T) {
	transcripts(t, "*.stream.txt", func(t *testing.T, name string, text []byte) {
		stream := frames(t, text)
		whole := read(Protocol{}.NewDecoder(), stream, len(stream))
		golden(t, name+".golden", dump(t, whole))
		for _, size := range []int{1, 2, 3, 7, 64, 1000} {
			if diff := cmp.Diff(whole, read(Protocol{}.NewDecoder(), stream, size)); diff != "" {
				t.Errorf("cut every %d bytes: %s", size, diff)
			}
		}
	})
}
