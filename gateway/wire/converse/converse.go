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
	claudes
	nova
)

func vendorOf(model string) vendor {
	switch {
	case strings.Contains(model, "anthropic"), strings.Contains(model, "claude"):
		return claudes
	case strings.Contains(model, "amazon.nova"):
		return nova
	}
	return other
}
