package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// file is one Go file of the tree. Files are read, and not asked of `go list`,
// so that the test cache sees when one changes and no build tag hides any.
type file struct {
	folder  string // from the root, "/" between its parts
	path    string // from the root
	test    bool
	lines   int
	syntax  *ast.File
	imports []string
}

func goFiles(t *testing.T) []file {
	t.Helper()
	var files []file
	for _, name := range sources(t, ".go") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Fatalf("parse %s: %v", name, err)
		}
		f := file{
			folder: path.Dir(name), path: name, test: strings.HasSuffix(name, "_test.go"),
			lines: strings.Count(string(text), "\n"), syntax: syntax,
		}
		for _, spec := range syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatalf("parse %s: %v", name, err)
			}
			f.imports = append(f.imports, imported)
		}
		files = append(files, f)
	}
	if len(files) < 10 {
		t.Fatalf("found %d Go files below %s: not the tree", len(files), root)
	}
	return files
}

// sources lists the files of the tree with one of the endings, from the root,
// without what is installed, built or hidden.
func sources(t *testing.T, endings ...string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if name != "." && (strings.HasPrefix(base, ".") || slices.Contains([]string{"node_modules", "testdata", "bin", "dist"}, base)) {
				return fs.SkipDir
			}
			return nil
		}
		if slices.Contains(endings, path.Ext(name)) {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("walk the tree: %v", err)
	}
	return names
}

// matches reports whether a folder is what the pattern names: itself, or with
// "/..." at the end also everything below it.
func matches(pattern, folder string) bool {
	base, below := strings.CutSuffix(pattern, "/...")
	return folder == base || below && strings.HasPrefix(folder, base+"/")
}
