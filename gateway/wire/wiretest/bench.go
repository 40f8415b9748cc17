package wiretest

import (
	"fmt"
	"strings"
	"testing"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

// BenchRequest measures a request that is decoded and written again.
func (s Suite) BenchRequest(b *testing.B, body []byte) {
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		r, e := s.Format.ReadRequest(body)
		if e != nil {
			b.Fatal(e)
		}
		decoded, e := r.Decode()
		if e != nil {
			b.Fatal(e)
		}
		if _, _, e = s.Protocol.Encode(decoded, wire.Options{Model: "own"}); e != nil {
			b.Fatal(e)
		}
	}
}

// Turns is a conversation of about 100 kB, by how a format writes a turn.
func Turns(turn func(i int, text string) string) string {
	var all []string
	for i := range 100 {
		all = append(all, turn(i, strings.Repeat(fmt.Sprintf("lorem \\\"ipsum\\\" %d\\n", i), 45)))
	}
	return strings.Join(all, ",")
}

// BenchChunk measures an event of a stream that is read and written again; before
// begins the stream.
func (s Suite) BenchChunk(b *testing.B, before, chunk string) {
	d, encoder := s.Protocol.NewDecoder(), s.Format.NewEncoder(Reply(nil))
	text := []byte(chunk)
	out := make([]byte, 0, 8192)
	var events []genai.Event
	read := func(text []byte) {
		events, _ = d.Decode(events[:0], text, false)
		for i := range events {
			out = encoder.Encode(out[:0], &events[i])
		}
	}
	read([]byte(before))
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		read(text)
	}
}
