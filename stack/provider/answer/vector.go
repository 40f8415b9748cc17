package answer

import (
	"hash/fnv"
	"math"
)

// Vector is an embedding: a vector of length one that depends on the text alone.
func Vector(text string, dimensions int) []float32 {
	vector, sum := make([]float32, dimensions), 0.0
	for i := range vector {
		hash := fnv.New32a()
		hash.Write([]byte(text))
		hash.Write([]byte{byte(i), byte(i >> 8)})
		v := float64(hash.Sum32()%2001)/1000 - 1
		vector[i], sum = float32(v), sum+v*v
	}
	norm := math.Sqrt(max(sum, 1e-9))
	for i := range vector {
		vector[i] = float32(float64(vector[i]) / norm)
	}
	return vector
}
