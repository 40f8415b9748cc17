package layout

import (
	"fmt"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rule lets the packages that `from` matches import those that `to` matches.
// Folders are from the root, "/..." includes what lies below.
type rule struct {
	from, to string
	why      string
}

// module is the name in go.mod; e2e is a module of its own, weir/e2e, and its
// imports read the same.
const module = "weir"

func TestImportsWithinWeir(t *testing.T) {
	check(t, ours, func(imported string) (string, bool) {
		return strings.CutPrefix(imported, module+"/")
	})
}

func TestImportsOfDrivers(t *testing.T) {
	check(t, drivers, func(imported string) (string, bool) {
		first, _, _ := strings.Cut(imported, "/")
		return imported, strings.Contains(first, ".")
	})
}

// rules of one table: what code may import, and what its tests may import
// besides.
type rules struct {
	code, tests []rule
}

// check holds every import that is of the table's kind against the table, and
// every line of the table against the imports.
func check(t *testing.T, table rules, kind func(imported string) (target string, ok bool)) {
	used := make(map[rule]bool)
	allowed := func(list []rule, from, to string) bool {
		found := false
		for _, r := range list {
			if matches(r.from, from) && matches(r.to, to) {
				used[r], found = true, true
			}
		}
		return found
	}
	var wrong []string
	for _, f := range goFiles(t) {
		for _, imported := range f.imports {
			to, ok := kind(imported)
			if !ok || to == f.folder {
				continue
			}
			if !allowed(table.code, f.folder, to) && (!f.test || !allowed(table.tests, f.folder, to)) {
				wrong = append(wrong, fmt.Sprintf("%s imports %s, which no rule allows", f.path, to))
			}
		}
	}
	slices.Sort(wrong)
	for _, line := range wrong {
		t.Error(line)
	}
	for _, r := range slices.Concat(table.code, table.tests) {
		if !used[r] {
			t.Errorf("stale rule: no import from %s to %s (%s)", r.from, r.to, r.why)
		}
		if r.why == "" {
			t.Errorf("rule without a reason: from %s to %s", r.from, r.to)
		}
	}
}

// The binaries that run in production never link what stands in for a server,
// nor the mock provider.
func TestProductionBinariesAreClean(t *testing.T) {
	never := []string{
		module + "/stack/...", module + "/e2e/...",
		"github.com/twmb/franz-go/pkg/kfake/...", "github.com/alicebob/miniredis/v2/...", "github.com/ebitengine/purego/...",
		"testing/...",
	}
	for _, binary := range []string{"gateway", "ingest", "aggregator"} {
		list := exec.CommandContext(t.Context(), "go", "list", "-deps", "./"+binary)
		list.Dir = filepath.FromSlash(root)
		out, err := list.Output()
		if err != nil {
			t.Fatalf("list what %s links: %v", binary, err)
		}
		linked := strings.Fields(string(out))
		if !slices.Contains(linked, path.Join(module, binary)) {
			t.Fatalf("list what %s links: got %d packages without its own", binary, len(linked))
		}
		for _, pattern := range never {
			for _, pkg := range linked {
				if matches(pattern, pkg) {
					t.Errorf("%s links %s", binary, pkg)
				}
			}
		}
	}
}
