package rollup

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"weir/internal/eventlog"
	"weir/schemas"
)

// busy returns the records of a busy organisation: twenty keys with a model or
// two each, 5,000 users of whom few make most of the calls, 500 calls a second
// over six partitions.
func busy(b *testing.B, n int) []*eventlog.Record {
	random := rand.New(rand.NewPCG(1, 2))
	users := rand.NewZipf(random, 1.1, 1, 4999)
	records := make([]*eventlog.Record, n)
	for i := range records {
		user := int(users.Uint64())
		key := user % 20
		u := usage(noon.Add(time.Duration(i)*12*time.Millisecond), func(u *schemas.UsageRecorded) {
			u.RequestId, u.Seq = fmt.Sprintf("req_%026d", i), uint64(i+1)
			d := u.Dimensions
			d.KeyId, d.Project, d.UserId = "key_"+strconv.Itoa(key), "prj_"+strconv.Itoa(key%5), "user-"+strconv.Itoa(user)
			d.Tags = []string{"prod", "team-" + strconv.Itoa(key%8)}
			d.Extra = map[string]string{"feature": "feature-" + strconv.Itoa(random.IntN(12))}
			u.Model, u.CostPico = "model-"+strconv.Itoa((key+random.IntN(5)/4)%6), random.Int64N(1e9)
			u.LatencyUs, u.TtftUs = 200_000+random.Int64N(3_000_000), 100_000+random.Int64N(400_000)
		})
		records[i] = recordOf(b, u, int64(i), time.UnixMicro(u.OccurredAt))
	}
	return records
}

// BenchmarkBatch is what a batch costs before it is sent.
func BenchmarkBatch(b *testing.B) {
	const size = 50_000
	records := busy(b, size)
	b.ReportAllocs()
	rows := 0
	for b.Loop() {
		batch := NewSink(nil, 1, []string{"feature"}).NewBatch(schemas.TopicUsage, 3).(*Batch)
		for _, r := range records {
			if err := batch.Add(r); err != nil {
				b.Fatal(err)
			}
		}
		batch.seal()
		rows = batch.Rows()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/event")
	b.ReportMetric(float64(rows)/size, "rows/event")
}
