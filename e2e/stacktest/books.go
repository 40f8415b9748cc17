package stacktest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Tokens are the disjoint token counts of one call.
type Tokens struct{ Input, Cached, Written, Output, Reasoning int64 }

// Usage is one row of weir.usage. Costs are decimals as ClickHouse writes them.
type Usage struct {
	RequestID       string            `ch:"request_id"`
	KeyID           string            `ch:"key_id"`
	UserID          string            `ch:"user_id"`
	TraceID         string            `ch:"trace_id"`
	Tags            []string          `ch:"tags"`
	Extra           map[string]string `ch:"extra"`
	OriginReferer   string            `ch:"origin_referer"`
	OriginTitle     string            `ch:"origin_title"`
	RequestedModel  string            `ch:"requested_model"`
	Model           string            `ch:"model"`
	Provider        string            `ch:"provider"`
	Endpoint        string            `ch:"endpoint"`
	Stream          bool              `ch:"stream"`
	Status          int64             `ch:"status"`
	ErrorKind       string            `ch:"error_kind"`
	InputTokens     int64             `ch:"input"`
	CachedTokens    int64             `ch:"cached"`
	WrittenTokens   int64             `ch:"written"`
	OutputTokens    int64             `ch:"output"`
	ReasoningTokens int64             `ch:"reasoning"`
	Estimated       bool              `ch:"estimated"`
	Cost            string            `ch:"cost"`
}

const selectUsage = `SELECT request_id, key_id, user_id, trace_id, CAST(tags AS Array(String)) AS tags,
	CAST(extra AS Map(String, String)) AS extra, origin_referer, origin_title, requested_model,
	toString(model) AS model, toString(provider) AS provider, toString(endpoint) AS endpoint, CAST(stream AS Bool) AS stream, toInt64(status) AS status,
	toString(error_kind) AS error_kind, toInt64(input_tokens) AS input, toInt64(cached_input_tokens) AS cached,
	toInt64(cache_write_tokens) AS written, toInt64(output_tokens) AS output, toInt64(reasoning_tokens) AS reasoning,
	CAST(estimated AS Bool) AS estimated, toString(cost_usd) AS cost FROM weir.usage`

// Tokens are the counts of the row.
func (u Usage) Tokens() Tokens {
	return Tokens{u.InputTokens, u.CachedTokens, u.WrittenTokens, u.OutputTokens, u.ReasoningTokens}
}

// Books reads Weir's tables over ClickHouse's native protocol.
type Books struct{ conn driver.Conn }

// Books connects to the stack's ClickHouse.
func (s *Stack) Books() (*Books, error) {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{s.ClickHouseNative}, Auth: clickhouse.Auth{Database: "default", Username: "default"},
	})
	if err != nil {
		return nil, fmt.Errorf("connect to ClickHouse: %w", err)
	}
	return &Books{conn}, nil
}

// OpenBooks connects for the length of a test.
func OpenBooks(t testing.TB, s *Stack) *Books {
	t.Helper()
	b, err := s.Books()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.conn.Close(); err != nil {
			t.Errorf("close the connection to ClickHouse: %v", err)
		}
	})
	return b
}

// Usage reads all rows of weir.usage by request id. Two rows under one id are a final error: no waiting
// mends them.
func (b *Books) Usage(ctx context.Context) (map[string]Usage, error) {
	var rows []Usage
	if err := b.conn.Select(ctx, &rows, selectUsage); err != nil {
		return nil, fmt.Errorf("read usage: %w", err)
	}
	byID := make(map[string]Usage, len(rows))
	for _, row := range rows {
		if _, twice := byID[row.RequestID]; twice {
			return nil, Final(fmt.Errorf("request %s is in usage twice", row.RequestID))
		}
		byID[row.RequestID] = row
	}
	return byID, nil
}

// Rows runs a query whose columns are all strings.
func (b *Books) Rows(ctx context.Context, query string, args ...any) ([][]string, error) {
	rows, err := b.conn.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("query ClickHouse: %w", err)
	}
	defer rows.Close()
	var list [][]string
	for rows.Next() {
		row := make([]string, len(rows.Columns()))
		into := make([]any, len(row))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("read a row: %w", err)
		}
		list = append(list, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	return list, nil
}

// Exec runs a statement without a result.
func (b *Books) Exec(ctx context.Context, statement string) error {
	if err := b.conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("execute in ClickHouse: %w", err)
	}
	return nil
}

// Counts are the numbers of rows and of different request ids of the three ledger tables.
type Counts struct{ Requests, Responses, Usage, RequestIDs, ResponseIDs, UsageIDs uint64 }

// Counts reads the counts. Each table is counted at one moment, the three one after the other.
func (b *Books) Counts(ctx context.Context) (c Counts, err error) {
	for table, into := range map[string][2]*uint64{
		"requests": {&c.Requests, &c.RequestIDs}, "responses": {&c.Responses, &c.ResponseIDs}, "usage": {&c.Usage, &c.UsageIDs},
	} {
		row := b.conn.QueryRow(ctx, `SELECT count(), uniqExact(request_id) FROM weir.`+table)
		if err := row.Scan(into[0], into[1]); err != nil {
			return c, fmt.Errorf("count %s: %w", table, err)
		}
	}
	return c, nil
}

// Balanced says whether each of the three tables has the same number of calls, each once. A call that is
// there twice is final: no waiting mends it.
func (c Counts) Balanced() error {
	switch {
	case c.Requests != c.RequestIDs || c.Responses != c.ResponseIDs || c.Usage != c.UsageIDs:
		return Final(fmt.Errorf("a request is in a table twice: %+v", c))
	case c.Requests != c.Responses || c.Requests != c.Usage:
		return fmt.Errorf("the tables differ: %+v", c)
	}
	return nil
}

// Are says whether n calls are in each of the three tables exactly once. A row too many is final.
func (c Counts) Are(n int) error {
	if max(c.Requests, c.Responses, c.Usage) > uint64(n) {
		return Final(fmt.Errorf("more rows than the %d calls made: %+v", n, c))
	}
	if err := c.Balanced(); err != nil {
		return err
	}
	if c.Requests != uint64(n) {
		return fmt.Errorf("of %d calls there are %+v", n, c)
	}
	return nil
}

// ErrDiffers is in the errors of comparisons that more rows may still mend.
var ErrDiffers = errors.New("the books differ")

// spendRollups are the rollups whose totals are de-duplicated, with the column that a person is under.
func spendRollups() []string {
	return []string{"spend_by_key_1m", "spend_by_key_1h", "spend_by_key_1d", "spend_by_user_1m", "spend_by_user_1h", "spend_by_user_1d"}
}

// total is the sum of requests, tokens by kind and cost of a rollup, all as text. Decimals stay exact.
func total(table string) string {
	return `SELECT toString(sum(requests)), toString(sum(input_tokens)), toString(sum(cached_input_tokens)),
		toString(sum(cache_write_tokens)), toString(sum(output_tokens)), toString(sum(reasoning_tokens)),
		toString(sum(cost_usd)) FROM weir.` + table
}

// usageTotal is the same of the facts.
const usageTotal = `SELECT toString(count()), toString(sum(input_tokens)), toString(sum(cached_input_tokens)),
	toString(sum(cache_write_tokens)), toString(sum(output_tokens)), toString(sum(reasoning_tokens)),
	toString(sum(cost_usd)) FROM weir.usage`

// CompareRollups says whether every rollup adds up to the facts, to the last digit: those by key and by
// user in total, those by tag for each tag.
func (b *Books) CompareRollups(ctx context.Context) error {
	want, err := b.Rows(ctx, usageTotal)
	if err != nil {
		return err
	}
	for _, table := range spendRollups() {
		got, err := b.Rows(ctx, total(table))
		if err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("%w: usage adds up to %v, %s to %v", ErrDiffers, want, table, got)
		}
	}
	const perTag = ` GROUP BY tag ORDER BY tag`
	// The extra entry "feature" counts as a tag, as the aggregator is configured by default.
	want, err = b.Rows(ctx, `SELECT tag, toString(count()), toString(sum(cost_usd)) FROM (SELECT cost_usd,
		arrayJoin(arrayDistinct(arrayConcat(CAST(tags AS Array(String)), arrayMap(value -> 'feature=' || value,
			mapValues(mapFilter((name, value) -> name = 'feature', CAST(extra AS Map(String, String)))))))) AS tag
		FROM weir.usage)`+perTag)
	if err != nil {
		return err
	}
	for _, table := range []string{"spend_by_tag_1m", "spend_by_tag_1h", "spend_by_tag_1d"} {
		got, err := b.Rows(ctx, `SELECT toString(tag), toString(sum(requests)), toString(sum(cost_usd)) FROM weir.`+table+perTag)
		if err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("%w: tags in usage add up to %v, %s to %v", ErrDiffers, want, table, got)
		}
	}
	return nil
}
