package layout

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// maxLines is where a file wants a reason for being so long.
const maxLines = 500

// longFiles are the files over maxLines, each with the reason.
var longFiles = map[string]string{}

func TestEveryPackageHasOneComment(t *testing.T) {
	where := make(map[string][]string)
	hasCode := make(map[string]bool)
	for _, f := range goFiles(t) {
		if f.test {
			continue
		}
		hasCode[f.folder] = true
		if f.syntax.Doc.Text() != "" {
			where[f.folder] = append(where[f.folder], f.path)
		}
	}
	for folder := range hasCode {
		switch files := where[folder]; len(files) {
		case 0:
			t.Errorf("%s has no package comment", folder)
		case 1:
		default:
			t.Errorf("%s has package comments in %v", folder, files)
		}
	}
}

func TestNoFileIsTooLong(t *testing.T) {
	long := make(map[string]bool)
	for _, name := range sources(t, ".go", ".ts", ".tsx", ".sql", ".sh") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Count(text, []byte("\n"))
		if lines <= maxLines || isGenerated(text) {
			continue
		}
		long[name] = true
		if longFiles[name] == "" {
			t.Errorf("%s has %d lines, the limit is %d", name, lines, maxLines)
		}
	}
	for name := range longFiles {
		if !long[name] {
			t.Errorf("stale exception: %s is not over %d lines", name, maxLines)
		}
	}
}

func isGenerated(text []byte) bool {
	return bytes.Contains(text, []byte("\n// Code generated ")) || bytes.HasPrefix(text, []byte("// Code generated "))
}
