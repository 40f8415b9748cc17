package schemas

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// -golden writes the bytes of the JSON files that have none yet. What is there is
// never written again: it is what an older release put into somebody's log.
var writeGolden = flag.Bool("golden", false, "write the golden bytes that are missing")

// goldenFolder holds NAME.json, an event as a person reads it, and NAME.pb, its
// bytes as the release that introduced it wrote them. NAME begins with the name of
// the message.
const goldenFolder = "testdata/golden"

// message is an event in both of its codecs.
type message interface {
	proto.Message
	MarshalVT() ([]byte, error)
	UnmarshalVT([]byte) error
}

// messages are what records of the log consist of.
var messages = map[string]func() message{
	"request":  func() message { return &RequestReceived{} },
	"response": func() message { return &ResponseCompleted{} },
	"usage":    func() message { return &UsageRecorded{} },
	"payload":  func() message { return &PayloadCaptured{} },
	"dead":     func() message { return &DeadRecord{} },
	"control":  func() message { return &ControlRecord{} },
}

// Bytes that any release ever wrote mean the same for ever.
func TestGoldenBytesDecode(t *testing.T) {
	texts, err := filepath.Glob(filepath.Join(goldenFolder, "*.json"))
	if err != nil || len(texts) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	seen := make(map[string]bool)
	for _, path := range texts {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		kind, _, _ := strings.Cut(name, "_")
		t.Run(name, func(t *testing.T) {
			empty, ok := messages[kind]
			if !ok {
				t.Fatalf("%q is no message", kind)
			}
			seen[kind] = true
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := empty()
			if err := protojson.Unmarshal(text, want); err != nil {
				t.Fatal(err)
			}
			bytes := strings.TrimSuffix(path, ".json") + ".pb"
			if _, err := os.Stat(bytes); os.IsNotExist(err) && *writeGolden {
				value, err := want.MarshalVT()
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(bytes, value, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			value, err := os.ReadFile(bytes)
			if err != nil {
				t.Fatal(err)
			}
			got := empty()
			if err := got.UnmarshalVT(value); err != nil {
				t.Fatal(err)
			}
			if !proto.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			if len(got.ProtoReflect().GetUnknown()) > 0 {
				t.Error("a field is not known any more")
			}
		})
	}
	for kind := range messages {
		if !seen[kind] {
			t.Errorf("no golden file of %q", kind)
		}
	}
}
