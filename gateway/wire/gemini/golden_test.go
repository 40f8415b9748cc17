package gemini

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/gateway/wire/wiretest"
)

var update = wiretest.Flag()

// golden compares JSON with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	wiretest.Golden(t, *update, "testdata/"+name, got)
}

func TestAnswers(t *testing.T) {
	wiretest.Transcripts(t, ".response.json", func(t *testing.T, name string, text []byte) {
		r, e := New(API).Decode(text)
		if e != nil {
			golden(t, name+".golden", wiretest.Dump(t, e))
			return
		}
		golden(t, name+".golden", wiretest.Dump(t, r))
	})
}

func TestStreams(t *testing.T) {
	wiretest.Transcripts(t, ".stream.sse", func(t *testing.T, name string, text []byte) {
		whole := wiretest.Events(New(API), text, len(text))
		golden(t, name+".golden", wiretest.Dump(t, whole))
		crlf := bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
		for _, size := range []int{1, 2, 3, 7, 64, 1000} {
			if diff := cmp.Diff(whole, wiretest.Events(New(API), text, size)); diff != "" {
				t.Errorf("cut every %d bytes: %s", size, diff)
			}
			if diff := cmp.Diff(whole, wiretest.Events(New(API), crlf, size)); diff != "" {
				t.Errorf("CRLF, cut every %d bytes: %s", size, diff)
			}
		}
	})
}
