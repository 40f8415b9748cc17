package clients_test

import (
	"fmt"
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
			if o, ok := made[c.ID]; ok && o.Error == "" && c.Case != count && len(b.usage[c.ID]) == 0 {
				return fmt.Errorf("%s is not in usage", c.ID)
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
		b.known[c.ID] = true
	}
	return b
}

// check compares the rows of a call with what must be in them.
func (b books) check(t *testing.T, c call) {
	t.Helper()
	list := b.usage[c.ID]
	if c.Case == count && len(list) == 0 {
		return // nothing was used
	}
	if len(list) != 1 {
		t.Fatalf("the call has %d rows in usage: %+v", len(list), list)
	}
	got, e := list[0], expectedOf(c.Endpoint, c.Case)
	want := stacktest.Usage{
		RequestedModel: c.Model, Model: e.model, Provider: e.provider, Endpoint: c.Endpoint, Stream: c.Case == stream, Status: e.status,
		InputTokens: e.tokens.Input, CachedTokens: e.tokens.Cached, WrittenTokens: e.tokens.Written,
		OutputTokens: e.tokens.Output, ReasoningTokens: e.tokens.Reasoning,
		Extra: map[string]string{"call": c.ID},
	}
	if c.body && c.Case != count {
		want.Tags, want.UserID, want.TraceID = []string{"client:" + c.Client}, "user-"+c.Client, "trace-"+c.Case
		want.Extra["feature"] = "clients"
	}
	ignored := []string{"RequestID", "KeyID", "Cost", "ErrorKind"}
	switch {
	case c.Client == "claude-code":
		ignored = append(ignored, "UserID") // it has a user id of its own in `metadata`
	case c.Case == count:
		ignored = append(ignored, "Endpoint")
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
	if cost, err := decimal.NewFromString(got.Cost); err != nil || !cost.Equal(decimal.RequireFromString(e.cost)) {
		t.Errorf("cost_usd is %s, want %s", got.Cost, e.cost)
	}
	entry, served := b.ledger[got.RequestID]
	if c.Case != count && (!served || entry.Tokens() != e.tokens || entry.Stream != want.Stream || int64(entry.Status) != e.status) {
		t.Errorf("the provider's ledger has %+v", entry)
	}
	for table, rows := range b.rows {
		if n := rows[got.RequestID]; n != "1" {
			t.Errorf("%s has %s rows of the call", table, n)
		}
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
