package schemas

import "math/bits"

// Latency histograms count durations in whole microseconds by log buckets: each
// power of two is cut into 32 buckets of equal width, so a bucket is at most
// 1/32 of the values in it wide. Durations below 64 µs have a bucket each, and
// bucket 0 is the duration 0. The boundaries are shifts of integers, hence the
// same on every architecture and in SQL; they are part of the stored data and
// never change.
//
// A percentile is the BucketValue of the bucket that holds it: the bucket's
// middle, at most 1/64 (1.6 %) away from any duration in it.
const (
	bucketBits = 5 // a power of two has 1<<bucketBits buckets

	// Buckets is the number of buckets; the indexes are 0 to Buckets-1.
	Buckets = 1024
	// MaxBucketUS is the longest duration that keeps the error bound, 19 hours
	// in microseconds; the last bucket also takes everything above it.
	MaxBucketUS = 1<<36 - 1
)

// BucketIndex returns the bucket of a duration in microseconds. A negative one
// counts as 0.
func BucketIndex(us int64) uint16 {
	us = min(max(us, 0), MaxBucketUS)
	if us < 1<<bucketBits {
		return uint16(us)
	}
	shift := bits.Len64(uint64(us)) - bucketBits - 1
	return uint16(shift<<bucketBits + int(us>>shift))
}

// BucketLower returns the least duration of a bucket in microseconds. An index
// past the last bucket counts as the last.
func BucketLower(i uint16) int64 {
	mantissa, shift := bucketParts(i)
	return mantissa << shift
}

// BucketUpper returns the greatest duration of a bucket in microseconds. An
// index past the last bucket counts as the last.
func BucketUpper(i uint16) int64 {
	mantissa, shift := bucketParts(i)
	return (mantissa+1)<<shift - 1
}

// BucketValue returns the duration in microseconds that stands for a bucket,
// its middle rounded down. In SQL, for an index i below Buckets:
//
//	if(i < 64, i, intDiv(bitShiftLeft(2 * (32 + i % 32) + 1, intDiv(i, 32) - 1) - 1, 2))
//
// with i as UInt64.
func BucketValue(i uint16) int64 {
	return (BucketLower(i) + BucketUpper(i)) / 2
}

// bucketParts returns the bucket's leading bits and how far they are shifted.
func bucketParts(i uint16) (mantissa int64, shift int) {
	i = min(i, Buckets-1)
	if i < 1<<(bucketBits+1) {
		return int64(i), 0
	}
	shift = int(i>>bucketBits) - 1
	return int64(i) - int64(shift)<<bucketBits, shift
}
