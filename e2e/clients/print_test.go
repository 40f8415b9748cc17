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
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	line := func(cells ...string) {
		// Nothing is refused by a strings.Builder.
		_, _ = w.Write([]byte(strings.Join(cells, "\t") + "\n"))
	}
	line(append([]string{"client", "endpoint", "provider"}, cases()...)...)
	slices.SortFunc(clients, func(a, b client) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.at, b.at))
	})
	for _, c := range clients {
		for _, endpoint := range endpoints() {
			made := c.cases[endpoint]
			if len(made) == 0 {
				continue
			}
			cells := []string{c.name, endpoint, cmp.Or(c.at, expectedOf(endpoint, "", made[0]).provider)}
			for _, column := range cases() {
				cells = append(cells, cell(made, c.id(endpoint, column), column, results))
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
	switch {
	case !slices.Contains(cases, name):
		return "-"
	case results[id]:
		return "ok"
	}
	return "FAILED"
}
