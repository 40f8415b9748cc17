package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/shopspring/decimal"

	"weir/e2e/stacktest"
)

// visible is how long a row may take into ClickHouse in tests that are about something else.
const visible = 20 * time.Second

// clientCase is one of the calls that each official client makes, and what must be in the books of it.
type clientCase struct {
	name   string
	model  string // with the mock provider's options
	stream bool
	status int64
	tokens stacktest.Tokens
	cost   string // in USD, computed by hand
}

// clientCases: the prices are those of prices_test.go, a million tokens each.
func clientCases() []clientCase {
	return []clientCase{
		{name: "plain", model: "mock/small:in=1000,cached=400,write=100,out=50,reasoning=20", status: 200,
			tokens: stacktest.Tokens{Input: 500, Cached: 400, Written: 100, Output: 30, Reasoning: 20},
			// 500×0.15 + 400×0.075 + 100×0.1875 + 30×0.60 + 20×0.60 = 75 + 30 + 18.75 + 18 + 12 = 153.75 millionths
			cost: "0.00015375"},
		{name: "streamed", model: "mock/large:chunks=16,in=2000,cached=1500,write=0,out=300,reasoning=100", stream: true, status: 200,
			tokens: stacktest.Tokens{Input: 500, Cached: 1500, Output: 200, Reasoning: 100},
			// 500×2.50 + 1500×0.25 + 200×10 + 100×12 = 1250 + 375 + 2000 + 1200 = 4825 millionths
			cost: "0.004825"},
		{name: "tools", model: "mock/large:in=321,out=17", status: 200,
			tokens: stacktest.Tokens{Input: 321, Output: 17},
			// 321×2.50 + 17×10 = 802.5 + 170 = 972.5 millionths
			cost: "0.0009725"},
		{name: "structured", model: "mock/large:in=7,cached=3,write=4,out=1", status: 200,
			tokens: stacktest.Tokens{Cached: 3, Written: 4, Output: 1},
			// 3×0.25 + 4×3.125 + 1×10 = 0.75 + 12.5 + 10 = 23.25 millionths
			cost: "0.00002325"},
		{name: "error", model: "mock/small:status=429", status: 429, cost: "0"},
	}
}

// dimensions are what the client of a case says of itself in `requesty`.
func (c clientCase) dimensions(client string) (tags []string, user, trace string, extra map[string]string) {
	return []string{"client:" + client, "case:" + c.name}, "user-" + client, "trace-" + c.name,
		map[string]string{"feature": "e2e", "client": client}
}

// checkBooks waits for the calls of a client and compares their rows with what must be in them. ids are
// the request ids by the name of the case.
func checkBooks(t *testing.T, client string, ids map[string]string) {
	t.Helper()
	books := stacktest.OpenBooks(t, shared)
	var answers []stacktest.Answer
	for _, id := range ids {
		answers = append(answers, stacktest.Answer{Status: 200, RequestID: id})
	}
	usage := stacktest.WaitUsage(t, books, visible, answers...)
	ledger, err := shared.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range clientCases() {
		t.Run("books of "+c.name, func(t *testing.T) {
			id := ids[c.name]
			got := usage[id]
			tags, user, trace, extra := c.dimensions(client)
			want := stacktest.Usage{
				RequestID: id, UserID: user, TraceID: trace, Tags: tags, Extra: extra, RequestedModel: c.model,
				Model: c.model[len("mock/"):], Provider: "mock", Stream: c.stream, Status: c.status,
				InputTokens: c.tokens.Input, CachedTokens: c.tokens.Cached, WrittenTokens: c.tokens.Written,
				OutputTokens: c.tokens.Output, ReasoningTokens: c.tokens.Reasoning,
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(stacktest.Usage{}, "KeyID", "Cost", "ErrorKind")); diff != "" {
				t.Errorf("usage (-want +got):\n%s", diff)
			}
			if got.KeyID == "" {
				t.Error("the row names no key")
			}
			if failed := c.status != 200; (got.ErrorKind != "") != failed {
				t.Errorf("error_kind is %q", got.ErrorKind)
			}
			if cost, err := decimal.NewFromString(got.Cost); err != nil || !cost.Equal(decimal.RequireFromString(c.cost)) {
				t.Errorf("cost_usd is %s, want %s", got.Cost, c.cost)
			}
			entry, served := ledger[id]
			if !served || entry.Tokens() != c.tokens || entry.Stream != c.stream || int64(entry.Status) != c.status {
				t.Errorf("the provider's ledger has %+v", entry)
			}
			for _, table := range []string{"requests", "responses", "usage"} {
				rows, err := books.Rows(t.Context(), `SELECT toString(count()) FROM weir.`+table+` WHERE request_id = ?`, id)
				if err != nil || fmt.Sprint(rows) != "[[1]]" {
					t.Errorf("%s has %v rows of the call (%v)", table, rows, err)
				}
			}
		})
	}
}
