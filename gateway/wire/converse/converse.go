package converse

import (
	"net/url"
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

// Knows tells which fields of a client's are the API's own.
func (Protocol) Knows(field string) bool {
	switch field {
	case "guardrailConfig", "performanceConfig", "requestMetadata", "promptVariables":
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

// adaptive tells that a Claude decides by itself how long to think, by an effort: from
// 4.6 on; a budget is for those before.
func adaptive(model string) bool {
	_, rest, found := strings.Cut(model, "claude-")
	if !found {
		return false
	}
	var version [2]int
	part := 0
	for _, word := range strings.FieldsFunc(rest, func(r rune) bool { return r == '-' || r == '.' }) {
		if len(word) > 2 || word[0] < '0' || word[0] > '9' { // a family, a date, or v1:0
			if part > 0 {
				break
			}
			continue
		}
		for i := range len(word) {
			version[part] = version[part]*10 + int(word[i]-'0')
		}
		if part++; part == len(version) {
			break
		}
	}
	return version[0] > 4 || version[0] == 4 && version[1] >= 6
}
