package clickhouse

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"weir/schemas"
)

// realistic returns n usage events as a busy organisation makes them: time goes
// on, a few models and keys, thousands of users, a random request id.
func realistic(n int) []*schemas.UsageRecorded {
	const base32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	rng := rand.New(rand.NewPCG(1, 2))
	events := make([]*schemas.UsageRecorded, n)
	at := noon
	for i := range events {
		at = at.Add(time.Duration(rng.ExpFloat64() * float64(2*time.Millisecond)))
		id := make([]byte, 26)
		ms := at.UnixMilli()
		for j := 9; j >= 0; j-- {
			id[j], ms = base32[ms&31], ms>>5
		}
		for j := 10; j < 26; j++ {
			id[j] = base32[rng.IntN(32)]
		}
		in, out := 100+rng.Int64N(4000), 20+rng.Int64N(800)
		events[i] = &schemas.UsageRecorded{
			RequestId: "req_" + string(id), Node: "01JD0000000000000000000000", Seq: uint64(3*i + 3), OccurredAt: at.UnixMicro(),
			Dimensions: &schemas.Dimensions{
				OrgId: "org_default", Project: "prj_" + strconv.Itoa(rng.IntN(5)), KeyId: "key_" + strconv.Itoa(rng.IntN(20)),
				UserId: "user-" + strconv.Itoa(rng.IntN(5000)), Tags: []string{"prod", "team-" + strconv.Itoa(rng.IntN(8))},
				Extra:    map[string]string{"feature": "feature-" + strconv.Itoa(rng.IntN(12))},
				Endpoint: "chat.completions", RequestedModel: "openai/gpt-4o-mini", Stream: rng.IntN(2) == 0, OriginTitle: "App",
			},
			Model: "model-" + strconv.Itoa(rng.IntN(6)), Provider: []string{"openai", "anthropic"}[rng.IntN(2)], Cache: "MISS", Status: 200,
			Tokens:   &schemas.Tokens{Input: in, CachedInput: int64(rng.IntN(2)) * in / 2, Output: out},
			CostPico: in*150_000 + out*600_000, LatencyUs: 200_000 + rng.Int64N(3_000_000), TtftUs: 100_000 + rng.Int64N(400_000),
			Attempts: 1, PriceVersion: "2026-11-01",
		}
	}
	return events
}

func usageBlock(events []*schemas.UsageRecorded) *UsageBlock {
	b := NewUsageBlock()
	for i, e := range events {
		b.Append(Origin{At: time.UnixMicro(e.OccurredAt), Partition: 2, Offset: int64(i)}, e)
	}
	return b
}

// A row of usage is small on disk: this is the promise that the sizes in the
// README rest on.
func TestAUsageRowIsSmall(t *testing.T) {
	db := openMigrated(t)
	const batches, size = 4, 50_000
	events := realistic(batches * size)
	for i := range batches {
		if err := db.InsertFacts(t.Context(), token(t, i), usageBlock(events[i*size:(i+1)*size])); err != nil {
			t.Fatal(err)
		}
	}
	execute(t, db, "OPTIMIZE TABLE usage FINAL")
	got := only(t, db, "SELECT round(sum(bytes_on_disk) / sum(rows), 1), sum(bytes_on_disk) / sum(rows) <= 60 FROM system.parts WHERE active AND database = ? AND table = 'usage'", db.Database())
	t.Logf("bytes a row on disk, within 60: %s", got)
	for _, line := range query(t, db, "SELECT column, round(sum(column_bytes_on_disk) / sum(rows), 2) AS b FROM system.parts_columns WHERE active AND database = ? AND table = 'usage' GROUP BY column ORDER BY b DESC LIMIT 15", db.Database()) {
		t.Log(line)
	}
	if got[len(got)-1] != '1' {
		t.Errorf("a row of usage takes %s bytes on disk, want at most 60", got[:len(got)-2])
	}
}

func BenchmarkAppendUsage(b *testing.B) {
	events := realistic(50_000)
	b.ReportAllocs()
	for b.Loop() {
		usageBlock(events)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/row")
}

// BenchmarkInsertUsage includes the server, which shares the machine.
func BenchmarkInsertUsage(b *testing.B) {
	events := realistic(50_000)
	block := usageBlock(events)
	for _, compression := range []string{"none", "lz4"} {
		b.Run(compression, func(b *testing.B) {
			cfg := DefaultConfig()
			cfg.Addr, cfg.Database, cfg.Compression = server.Addr(), "bench_"+compression, compression
			if err := Migrate(b.Context(), cfg); err != nil {
				b.Fatal(err)
			}
			db, err := Open(cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			n := 0
			for b.Loop() {
				n++
				if err := db.InsertFacts(b.Context(), fmt.Sprint(time.Now().UnixNano(), n), block); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/row")
		})
	}
}
