package machine

import (
	"fmt"
	"strings"
)

// Banner is what a person sees when everything answers: where things are, the key, and three commands
// that can be pasted as they stand.
func (s *Stack) Banner() string {
	info := s.Info()
	call := func(flags, body string) string {
		return fmt.Sprintf(`  curl%s http://%s/v1/chat/completions \
    -H 'Authorization: Bearer %s' \
    -H 'Content-Type: application/json' \
    -d '%s'`, flags, info.Gateway, info.APIKey, body)
	}
	const message = `"messages": [{"role": "user", "content": "Hello, Weir"}]`
	lines := []string{
		"Weir is up. Everything it keeps is in " + string(s.data) + "; Ctrl-C stops it.",
		"",
		"  gateway      http://" + info.Gateway + "/v1",
		"  provider     http://" + info.Provider + "/v1   (a mock; what it billed: /ledger)",
		"  ClickHouse   http://" + info.ClickHouseHTTP + "   (native " + info.ClickHouseNative + ", user default, no password)",
		"  Kafka        " + info.Kafka,
		"  Redis        " + info.Redis,
		"  API key      " + info.APIKey,
		"",
		"A call:",
		"",
		call("", `{"model": "mock/small", `+message+`}`),
		"",
		"A streamed call:",
		"",
		call(" -N", `{"model": "mock/small", "stream": true, `+message+`}`),
		"",
		"What the two cost, from ClickHouse, where a call is within 3 seconds:",
		"",
		"  sleep 3; curl -s http://" + info.ClickHouseHTTP + "/ --data-binary \\",
		`    "SELECT request_id, model, stream, input_tokens, output_tokens, cost_usd`,
		`     FROM weir.usage ORDER BY occurred_at DESC LIMIT 2 FORMAT PrettyCompact"`,
	}
	return strings.Join(lines, "\n") + "\n"
}
