package converse

import (
	"net/url"
	"strconv"
	"strings"

	"weir/gateway/genai"
)

// Protocol is the Converse API, under the base URL of a region's runtime.
type Protocol struct{}

// Name is the protocol's in weir.yaml.
func (Protocol) Name() string { return genai.Bedrock }

// Call is the path of a call. Colons are escaped as AWS's own SDKs do it, so that what
// is signed is what they sign.
func (Protocol) Call(model string, stream bool) (path, query string) {
	path = "model/" + strings.ReplaceAll(url.PathEscape(model), ":", "%3A") + "/converse"
	if stream {
		path += "-stream"
	}
	return path, ""
}

// Knows tells which fields of a client's are the API's own. performanceConfig is not
// among them: optimised latency has prices that the catalog has none of.
func (Protocol) Knows(field string) bool {
	switch field {
	case "guardrailConfig", "requestMetadata", "promptVariables":
		return true
	}
	return false
}

// vendor is whose model it is: it decides how its own fields are written. The name is
// a model's id, that of an inference profile of several regions, or an ARN.
type vendor uint8

const (
	other vendor = iota
	claude
	nova
)

func vendorOf(model string) vendor {
	switch {
	case strings.Contains(model, "anthropic"), strings.Contains(model, "claude"):
		return claude
	case strings.Contains(model, "amazon.nova"):
		return nova
	}
	return other
}

// version is a Claude's as a number: 406 for 4.6, 0 where the name has none.
func version(model string) int {
	_, rest, found := strings.Cut(model, "claude-")
	if !found {
		return 0
	}
	var numbers []int
	for _, word := range strings.FieldsFunc(rest, func(r rune) bool { return r == '-' || r == '.' }) {
		n, err := strconv.Atoi(word)
		if err == nil && n < 100 { // no date
			if numbers = append(numbers, n); len(numbers) == 2 {
				return numbers[0]*100 + numbers[1]
			}
		} else if len(numbers) > 0 {
			break
		}
	}
	if len(numbers) > 0 {
		return numbers[0] * 100
	}
	return 0
}

// adaptive tells that a Claude decides by itself how long to think, by an effort: from
// 4.6 on; a budget is for those before.
func adaptive(model string) bool { return version(model) >= 406 }
