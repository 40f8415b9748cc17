package eventlog

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"weir/schemas"
)

// What is in flight at once never makes two batches of one partition, whatever
// frames came together.
func TestPartsOfAChunkFitIntoABatch(t *testing.T) {
	for name, c := range map[string]struct {
		sizes []int
		want  []int
	}{
		"nothing":             {nil, []int{0}},
		"small ones":          {[]int{1000, 2000, 3000}, []int{3}},
		"two large payloads":  {[]int{1000, maxEventBytes, 1000, maxEventBytes}, []int{1, 1, 1, 1}},
		"just as many as fit": {[]int{chunkBytes/2 - recordOverhead, chunkBytes/2 - recordOverhead, 1}, []int{2, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var records []*kgo.Record
			for _, n := range c.sizes {
				records = append(records, &kgo.Record{Value: make([]byte, n)})
			}
			var got []int
			for _, part := range parts(records, chunkBytes) {
				size := 0
				for _, r := range part {
					size += len(r.Value) + recordOverhead
				}
				if size > maxBatchBytes {
					t.Errorf("a part of %d bytes", size)
				}
				got = append(got, len(part))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzDecodeFrame(f *testing.F) {
	b := []byte{frameEvents}
	b = appendEntry(b, &entry{topic: schemas.TopicUsage, partition: 3, seq: 7, requestID: "req_x", value: []byte("v")})
	f.Add(b)
	f.Add([]byte{frameOpen, 9})
	f.Add([]byte{frameClosings, 1, 'n'})
	f.Fuzz(func(t *testing.T, payload []byte) {
		var entries []entry
		head, err := decodeFrame(payload, func(_ frame, e entry) error {
			entries = append(entries, e)
			return nil
		})
		if err == nil && head.kind == frameEvents && len(payload) > 1 && len(entries) == 0 {
			t.Error("bytes of a frame were passed over")
		}
	})
}
