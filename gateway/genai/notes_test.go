package genai

import (
	"os"
	"strings"
	"testing"
)

// The list of adaptations is complete: a field of each format, and words that may stand
// in a header.
func TestAdaptationsAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for a := Same + 1; a < AdaptationCount; a++ {
		c := changes(a)
		if c.what == "" || c.protocols == "" || c.fields[0] == "" || c.fields[1] == "" || c.fields[2] == "" || seen[a.String()] {
			t.Errorf("adaptation %d: %+v", a, c)
		}
		if seen[a.String()] = true; strings.IndexFunc(a.String(), func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
			t.Errorf("%q cannot stand in a header", a)
		}
	}
}

// docs/providers.md has the table and the list as they are.
func TestTheDocumentHasTheTables(t *testing.T) {
	text, err := os.ReadFile("../../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for f := range FeatureCount {
		line := "| " + f.String()
		for _, p := range Protocols() {
			line += " | " + map[Verdict]string{Kept: "yes", Dropped: "warning", Refused: "400"}[f.Of(p)]
		}
		lines = append(lines, line+" |")
	}
	for a := Same + 1; a < AdaptationCount; a++ {
		lines = append(lines, "| "+a.String()+" | "+a.Of()+" |")
	}
	for _, line := range lines {
		if !strings.Contains(string(text), line+"\n") {
			t.Errorf("docs/providers.md lacks %s", line)
		}
	}
}

// One line for each adaptation, with the client's own field; nil gathers none.
func TestNotes(t *testing.T) {
	n := NotesOf(&Request{From: Responses})
	n.Add(LimitSet)
	n.At(ModelMedia, 3)
	n.At(ModelMedia, 4)
	n.Add(Same)
	if got := n.Warnings(); len(got) != 2 || !strings.HasPrefix(got[0], "max_output_tokens was set") || !strings.HasPrefix(got[1], "input[3] has") {
		t.Errorf("got %q", got)
	}
	(*Notes)(nil).Add(LimitSet)
}
