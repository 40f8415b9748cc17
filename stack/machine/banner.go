package machine

import (
	"fmt"
	"strings"
)

// Banner is what a person sees when everything answers: where things are, the owner's key, and four
// commands that can be pasted as they stand.
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
		"  API key      " + info.APIKey + "   (the owner's: it calls, and it manages)",
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
		"",
		"A key for somebody else, who may spend a dollar a day (the management API as a page: http://" + info.Gateway + "/docs):",
		"",
		fmt.Sprintf(`  curl http://%s/v1/manage/apikey \
    -H 'Authorization: Bearer %s' \
    -d '{"name": "ada", "limits": {"budgets": [{"window": "day", "limit": "1"}]}}'`, info.Gateway, info.APIKey),
	}
	return strings.Join(lines, "\n") + "\n"
}
