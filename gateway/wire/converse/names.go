package converse

import (
	"path"
	"strconv"
	"strings"

	"weir/gateway/genai"
	"weir/gateway/wire"
)

// maxName bounds the names of documents.
const maxName = 200

// documentName is the file's name, or its title, in the letters that the API allows:
// alphanumeric ones, hyphens, parentheses, brackets, and single spaces.
func documentName(m *genai.Media) string {
	name := m.Title
	if name == "" {
		name = strings.TrimSuffix(m.Name, path.Ext(m.Name))
	}
	var b strings.Builder
	for i := 0; i < len(name) && b.Len() < maxName-8; i++ {
		switch c := name[i]; {
		case c != '_' && wire.Word(c), c == '(', c == ')', c == '[', c == ']':
			b.WriteByte(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), " "):
			b.WriteByte(' ')
		}
	}
	if name = strings.TrimSpace(b.String()); name == "" {
		return "document"
	}
	return name
}

func numbered(name string, n int) string { return name + " " + strconv.Itoa(n) }

// documentFormat follows the type that the client gave, or the ending of its name.
func documentFormat(m *genai.Media) string {
	kind, _, _ := strings.Cut(m.MIME, ";")
	switch kind {
	case "application/pdf":
		return "pdf"
	case "text/csv":
		return "csv"
	case "text/html":
		return "html"
	case "text/markdown":
		return "md"
	case "text/plain":
		return "txt"
	case "application/msword":
		return "doc"
	case "application/vnd.openxmlformats-officedocument.wordprocessingml.document":
		return "docx"
	case "application/vnd.ms-excel":
		return "xls"
	case "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":
		return "xlsx"
	}
	switch ending := strings.ToLower(strings.TrimPrefix(path.Ext(m.Name), ".")); ending {
	case "pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md":
		return ending
	}
	if m.Plain || strings.HasPrefix(kind, "text/") {
		return "txt"
	}
	return "pdf"
}
