package manage_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/gateway/manage/access"
)

// The table of docs/management.md is the one of the code.
func TestDocumentedRoles(t *testing.T) {
	page, err := os.ReadFile("../../docs/management.md")
	if err != nil {
		t.Fatal(err)
	}
	var written, want []string
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 9 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		written = append(written, strings.Join(append(cells[1:2], cells[3:8]...), " | "))
	}
	scopes := map[access.Scope]string{access.Nothing: "", access.Own: "own", access.All: "all"}
	for _, o := range document(t) {
		r, key := access.Find(o.id), "read"
		if r.Write {
			key = "write"
		}
		want = append(want, fmt.Sprintf("`%s %s` | %s | %s | %s | %s | %s", o.method, o.path, key,
			scopes[r.Owner], scopes[r.Admin], scopes[r.Member], scopes[r.Viewer]))
	}
	slices.Sort(written)
	slices.Sort(want)
	if diff := cmp.Diff(want, written); diff != "" {
		t.Error(diff)
	}
}
