package events

import (
	"context"
	"embed"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// statement reads one of the .sql files and fills in what stands in braces: pairs of name and text.
func statement(name string, values ...string) string {
	text, err := sqlFiles.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic(err) // it is embedded
	}
	for i := 0; i < len(values); i += 2 {
		values[i] = "{" + values[i] + "}"
	}
	return strings.NewReplacer(values...).Replace(string(text))
}

// database asks ClickHouse over HTTP, which also takes and gives whole files.
type database struct{ url string }

// ask runs one statement and returns its answer without the last line break.
func (d database) ask(ctx context.Context, statement string) (string, error) {
	body, err := d.do(ctx, "", strings.NewReader(statement))
	if err != nil {
		return "", err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	return strings.TrimSpace(string(text)), err
}

// number runs a query for one whole number.
func (d database) number(ctx context.Context, query string) (int, error) {
	text, err := d.ask(ctx, query)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("read the answer to %q: %w", query, err)
	}
	return n, nil
}

// save writes the answer into a file, send gives a file to an INSERT.
func (d database) save(ctx context.Context, query string, file *os.File) error {
	body, err := d.do(ctx, "", strings.NewReader(query))
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := io.Copy(file, body); err != nil {
		return fmt.Errorf("save the answer of ClickHouse: %w", err)
	}
	return nil
}

func (d database) send(ctx context.Context, insert string, file *os.File) error {
	body, err := d.do(ctx, insert, file)
	if err != nil {
		return err
	}
	return body.Close()
}

func (d database) do(ctx context.Context, query string, body io.Reader) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+"/?query="+url.QueryEscape(query), body)
	if err != nil {
		return nil, fmt.Errorf("ask ClickHouse: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask ClickHouse: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(response.Body, 2<<10)) // as much of it as came
		return nil, fmt.Errorf("ClickHouse answers %s: %s", response.Status, text)
	}
	return response.Body, nil
}
