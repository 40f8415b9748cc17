package wire

import (
	"math"
	"strconv"

	"weir/gateway/genai"
)

// Count reads a token count, as it stands in the JSON. Null counts as absent, and
// what is no whole number of 0 or more is genai.Garbage.
func Count(value []byte) int64 {
	if len(value) > 0 && value[0] == 'n' {
		return 0
	}
	var n int64
	for _, c := range value {
		if c < '0' || c > '9' || len(value) > 18 {
			return countSlow(value)
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// countSlow reads what is not plain digits: 12.0 and 1e3 are whole numbers too.
func countSlow(value []byte) int64 {
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil || f < 0 || f != math.Trunc(f) || f > 1<<53 {
		return genai.Garbage
	}
	return int64(f)
}
