package clients_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/shopspring/decimal"

	"weir/e2e/stacktest"
)

// visible is how long the last row may take into ClickHouse.
const visible = 20 * time.Second

// books are the rows of weir.usage by the call that each names in its extra entries, and what else there is of them.
type books struct {
	usage  map[string][]stacktest.Usage
	rows   map[string]map[string]string // table -> request id -> number of rows
	ledger map[string]stacktest.LedgerEntry
	known  map[string]bool
}

// readBooks waits until every call that was made is in usage.
func readBooks(t *testing.T, calls []call, made map[string]outcome) books {
	t.Helper()
	db := stacktest.OpenBooks(t, shared)
	b := books{rows: map[string]map[string]string{}, known: map[string]bool{}}
	err := stacktest.Until(t.Context(), visible, func() error {
		usage, err := db.Usage(t.Context())
		if err != nil {
			return err
		}
		b.usage = map[string][]stacktest.Usage{}
		for _, row := range usage {
			name := row.Extra["call"]
			b.usage[name] = append(b.usage[name], row)
		}
		for _, c := range calls {
			for _, id := range c.turnsOf() {
				if o, ok := made[c.ID]; ok && o.Error == "" && len(b.usage[id]) == 0 {
					return fmt.Errorf("%s is not in usage", id)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, table := range []string{"requests", "responses", "usage"} {
		list, err := db.Rows(t.Context(), `SELECT request_id, toString(count()) FROM weir.`+table+` GROUP BY request_id`)
		if err != nil {
			t.Fatal(err)
		}
		b.rows[table] = map[string]string{}
		for _, row := range list {
			b.rows[table][row[0]] = row[1]
		}
	}
	if b.ledger, err = shared.Ledger(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range calls {
		for _, id := range c.turnsOf() {
			b.known[id] = true
		}
	}
	return b
}

// check compares the rows of a call with what must be in them.
func (b books) check(t *testing.T, c call) {
	t.Helper()
	for _, id := range c.turnsOf() {
		b.checkOne(t, c, id)
	}
}

func (b books) checkOne(t *testing.T, c call, id string) {
	t.Helper()
	list := b.usage[id]
	if len(list) != 1 {
		t.Fatalf("%s has %d rows in usage: %+v", id, len(list), list)
	}
	got, e := list[0], c.want
	want := wantedRow(c, id)
	ignored := []string{"RequestID", "KeyID", "Cost", "ErrorKind"}
	if e.estimated {
		ignored = append(ignored, "InputTokens", "OutputTokens")
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(stacktest.Usage{}, ignored...), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
	if got.KeyID == "" {
		t.Error("the row names no key")
	}
	if failed := e.status != 200; (got.ErrorKind != "") != failed {
		t.Errorf("error_kind is %q", got.ErrorKind)
	}
	cost, err := decimal.NewFromString(got.Cost)
	switch {
	case err != nil || e.estimated && !cost.IsPositive():
		t.Errorf("cost_usd is %s", got.Cost)
	case !e.estimated && !cost.Equal(decimal.RequireFromString(e.cost)):
		t.Errorf("cost_usd is %s, want %s", got.Cost, e.cost)
	}
	b.checkLedger(t, c, got, want.Stream)
	for table, rows := range b.rows {
		if n := rows[got.RequestID]; n != "1" {
			t.Errorf("%s has %s rows of the call", table, n)
		}
	}
}

// wantedRow is what must be in usage of a call, or of its second turn.
func wantedRow(c call, id string) stacktest.Usage {
	want := stacktest.Usage{
		RequestedModel: c.Model, Model: c.want.model, Provider: c.want.provider, Endpoint: c.Endpoint, Status: c.want.status,
		Stream:      id == c.ID && (c.Case == stream || c.Case == streamTool || c.Case == thinking),
		InputTokens: c.want.tokens.Input, CachedTokens: c.want.tokens.Cached, WrittenTokens: c.want.tokens.Written,
		OutputTokens: c.want.tokens.Output, ReasoningTokens: c.want.tokens.Reasoning, Estimated: c.want.estimated,
		Extra: map[string]string{"call": id},
	}
	if c.Case == moved {
		want.Stream = id == c.ID
		if want.Stream { // the first turn
			want.Provider, want.RequestedModel = movedFrom, movedFrom+"/"+want.Model
		}
	}
	switch {
	case c.Case == count: // which has no place for metadata
		want.Endpoint = "messages.count_tokens"
	case strings.HasPrefix(c.Client, "claude-code"):
		want.UserID = claudeUser
	case c.body:
		want.Tags, want.UserID, want.TraceID = []string{"client:" + c.Client}, "user-"+c.Client, "trace-"+c.Case
		want.Extra["feature"] = "clients"
	}
	return want
}

// checkLedger compares with what the provider says that it did. It does not count tokens for a count, and sends
// sound always as it makes it.
func (b books) checkLedger(t *testing.T, c call, got stacktest.Usage, streamed bool) {
	t.Helper()
	entry, served := b.ledger[got.RequestID]
	switch {
	case c.Case == count:
	case !served, entry.Stream != (streamed || c.Endpoint == speech), int64(entry.Status) != c.want.status:
		t.Errorf("the provider's ledger has %+v", entry)
	case !c.want.estimated && entry.Tokens() != stacktest.Tokens{Input: got.InputTokens, Cached: got.CachedTokens,
		Written: got.WrittenTokens, Output: got.OutputTokens, Reasoning: got.ReasoningTokens} && c.want.provider != "mock-bedrock":
		t.Errorf("the provider's ledger has %+v", entry)
	}
}

// checkNothingElse finds calls that no client was asked to make, such as a try that a client made again by itself.
func (b books) checkNothingElse(t *testing.T) {
	t.Helper()
	for name, rows := range b.usage {
		if !b.known[name] {
			t.Errorf("usage has %d rows of %q, which nobody asked for: %+v", len(rows), name, rows[0])
		}
	}
}
