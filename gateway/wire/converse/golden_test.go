package converse

import (
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
		r, e := Protocol{}.Decode(text)
		if e != nil {
			golden(t, name+".golden", wiretest.Dump(t, e))
			return
		}
		golden(t, name+".golden", wiretest.Dump(t, r))
	})
}

func TestStreams(t *testing.T) {
	wiretest.Transcripts(t, ".stream.txt", func(t *testing.T, name string, text []byte) {
		stream := wiretest.Frames(t, text)
		whole := wiretest.Events(Protocol{}, stream, len(stream))
		golden(t, name+".golden", wiretest.Dump(t, whole))
		for _, size := range []int{1, 2, 3, 7, 64, 1000} {
			if diff := cmp.Diff(whole, wiretest.Events(Protocol{}, stream, size)); diff != "" {
				t.Errorf("cut every %d bytes: %s", size, diff)
			}
		}
	})
}
