package schemas

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestBucketsCutTheWholeRange(t *testing.T) {
	if got := BucketLower(0); got != 0 {
		t.Errorf("BucketLower(0) = %d, want 0", got)
	}
	for i := uint16(0); i < Buckets; i++ {
		lower, value, upper := BucketLower(i), BucketValue(i), BucketUpper(i)
		if lower > value || value > upper {
			t.Fatalf("bucket %d: lower %d, value %d, upper %d are out of order", i, lower, value, upper)
		}
		if a, b := BucketIndex(lower), BucketIndex(upper); a != i || b != i {
			t.Fatalf("bucket %d: BucketIndex(%d) = %d, BucketIndex(%d) = %d", i, lower, a, upper, b)
		}
		if i > 0 && lower != BucketUpper(i-1)+1 {
			t.Fatalf("bucket %d begins at %d, the one before ends at %d", i, lower, BucketUpper(i-1))
		}
		// The error grows towards both ends of a bucket, so its ends bound it.
		if 50*(value-lower) > lower || 50*(upper-value) > upper {
			t.Fatalf("bucket %d: value %d is more than 2 %% away from %d or %d", i, value, lower, upper)
		}
	}
	if got := BucketUpper(Buckets - 1); got != MaxBucketUS || got < time.Hour.Microseconds() {
		t.Errorf("the last bucket ends at %d µs, want %d", got, int64(MaxBucketUS))
	}
}

// The buckets are stored data: these indexes hold for ever.
func TestBucketIndexGolden(t *testing.T) {
	for us, want := range map[int64]uint16{
		-1: 0, 0: 0, 1: 1, 31: 31, 32: 32, 63: 63, 64: 64, 65: 64, 66: 65,
		1_000: 190, 250_000: 445, 1_000_000: 509, 60_000_000: 697, 3_600_000_000: 885,
		MaxBucketUS: 1023, MaxBucketUS + 1: 1023, 1<<63 - 1: 1023,
	} {
		if got := BucketIndex(us); got != want {
			t.Errorf("BucketIndex(%d) = %d, want %d", us, got, want)
		}
	}
}

func TestBucketValueBoundsTheErrorOfAnyDuration(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		us := r.Int64N(1 << (1 + r.IntN(36)))
		diff := BucketValue(BucketIndex(us)) - us
		if 64*max(diff, -diff) > us {
			t.Fatalf("%d µs is reported as %d", us, us+diff)
		}
	}
}

func TestBucketIndexAllocatesNothing(t *testing.T) {
	us := int64(123_456)
	if n := testing.AllocsPerRun(100, func() { us += int64(BucketIndex(us)) }); n != 0 {
		t.Errorf("BucketIndex allocates %v times", n)
	}
}

func BenchmarkBucketIndex(b *testing.B) {
	us, sum := int64(1), 0
	for b.Loop() {
		sum += int(BucketIndex(us))
		us = us*3%MaxBucketUS + 1
	}
	_ = sum
}
