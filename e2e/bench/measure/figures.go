package measure

import (
	"cmp"
	"slices"
)

// Median is the middle of the values, the upper one of two. It panics without any.
func Median[T cmp.Ordered](values []T) T { return Percentile(values, 50) }

// Percentile is the value that p percent of the values are below, by the nearest rank. It panics without
// any values.
func Percentile[T cmp.Ordered](values []T, p float64) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(float64(len(sorted))*p/100), len(sorted)-1)]
}

// Mean is the sum of the values divided by their number. It panics without any.
func Mean[T ~int64](values []T) T {
	var sum T
	for _, v := range values {
		sum += v
	}
	return sum / T(len(values))
}

// Ratios divides each figure by its neighbour in the same round.
func Ratios[T ~int64 | ~float64](of, by []T) []float64 {
	ratios := make([]float64, len(of))
	for i := range of {
		ratios[i] = float64(of[i]) / float64(by[i])
	}
	return ratios
}
