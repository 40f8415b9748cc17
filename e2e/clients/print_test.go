package clients_test

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
)

// writeTable writes client × case into the file that $WEIR_CLIENTS_TABLE names, for whoever runs `make clients-test`.
func writeTable(t *testing.T, clients []client, results map[string]bool) {
	t.Helper()
	path := os.Getenv("WEIR_CLIENTS_TABLE")
	if path == "" {
		return
	}
	columns := []string{plain, stream, tool, structured, failing, count}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	line := func(cells ...string) {
		// Nothing is refused by a strings.Builder.
		_, _ = w.Write([]byte(strings.Join(cells, "\t") + "\n"))
	}
	line(append([]string{"client", "endpoint"}, columns...)...)
	slices.SortFunc(clients, func(a, b client) int { return cmp.Compare(a.name, b.name) })
	for _, c := range clients {
		for _, endpoint := range []string{chat, responses, messages, embeddings} {
			cases := c.cases[endpoint]
			if len(cases) == 0 {
				continue
			}
			cells := []string{c.name, endpoint}
			for _, column := range columns {
				cells = append(cells, cell(cases, c.name+"/"+endpoint+"/"+column, column, results))
			}
			line(cells...)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// cell is what a case came to.
func cell(cases []string, id, name string, results map[string]bool) string {
	green, made := results[id]
	switch {
	case !slices.Contains(cases, name):
		return "-"
	case !made:
		return "waits"
	case green:
		return "ok"
	}
	return "FAILED"
}
