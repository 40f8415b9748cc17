package clients_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestClients has every client make every call of the table, and looks at what it made of the answer and at what is
// in the books.
func TestClients(t *testing.T) {
	checkInstalled(t)
	families := clientsOf()
	calls := map[string][]call{}
	for family, clients := range families {
		calls[family] = callsOf(clients)
	}
	outcomes, err := runFamilies(t.Context(), calls)
	if err != nil {
		t.Error(err)
	}
	all := slices.Concat(slices.Collect(maps.Values(calls))...)
	slices.SortFunc(all, func(a, b call) int { return strings.Compare(a.ID, b.ID) })
	books := readBooks(t, all, outcomes)
	results := map[string]bool{}
	for _, c := range all {
		results[c.ID] = t.Run(c.ID, func(t *testing.T) {
			o, made := outcomes[c.ID]
			if !made {
				t.Fatal("the client told of nothing")
			}
			checkOutcome(t, c, o)
			books.check(t, c)
		})
	}
	books.checkNothingElse(t)
	writeTable(t, slices.Concat(slices.Collect(maps.Values(families))...), results)
}

// checkOutcome looks at what the client made of the answer.
func checkOutcome(t *testing.T, c call, o outcome) {
	t.Helper()
	if o.Error != "" {
		t.Fatalf("the client failed: %s", o.Error)
	}
	want := c.want
	if c.Endpoint == embeddings {
		if len(o.Vectors) != 2 || o.Vectors[0] == 0 || o.Vectors[0] != o.Vectors[1] {
			t.Errorf("two texts became vectors of %v numbers", o.Vectors)
		}
		return
	}
	if c.Endpoint == images || c.Endpoint == edits || c.Endpoint == speech {
		if o.Bytes == 0 || c.Endpoint == speech && o.Bytes != 2*soundChunk {
			t.Errorf("a picture or sound of %d bytes", o.Bytes)
		}
		return
	}
	switch c.Case {
	case plain, stream:
		if strings.TrimSpace(o.Text) != sentence {
			t.Errorf("the text is %q, want %q", o.Text, sentence)
		}
		if c.Case == stream && c.Endpoint != transcriptions && o.Pieces < pieces {
			t.Errorf("the text came in %d pieces, want %d", o.Pieces, pieces)
		}
		checkTold(t, "output", o.OutputTokens, want.tokens.Output+want.tokens.Reasoning)
		if c.Endpoint != messages { // where what is cached is not among the input, and some clients add it
			checkTold(t, "input", o.InputTokens, want.tokens.Input+want.tokens.Cached+want.tokens.Written)
		}
	case tool, streamTool, turns, thinking, moved:
		if diff := cmp.Diff(map[string]any{"river": "mock", "days": 7.0}, o.Tool.Arguments); o.Tool.Name != "level" || diff != "" {
			t.Errorf("the call is of %q, its arguments (-want +got):\n%s", o.Tool.Name, diff)
		}
		if len(c.turnsOf()) == 2 && strings.TrimSpace(o.Text) != sentence {
			t.Errorf("the second turn is %q, want %q", o.Text, sentence)
		}
		if (c.Case == thinking || c.Case == moved) && o.Signature == "" {
			t.Error("no thought was signed")
		}
	case structured:
		if diff := cmp.Diff(map[string]any{"level": 7.0, "rising": true}, o.JSON, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("the structure (-want +got):\n%s", diff)
		}
	case failing:
		if o.Refusal != want.status {
			t.Errorf("the client raised an error of status %d, want %d", o.Refusal, want.status)
		}
	case count:
		if o.InputTokens == nil || *o.InputTokens <= 0 {
			t.Errorf("the count is %v", o.InputTokens)
		}
	}
}

// soundChunk is how many bytes of sound the mock provider makes for each chunk.
const soundChunk = 1024

// checkTold compares the tokens of which a client tells, where it does.
func checkTold(t *testing.T, kind string, got *int64, want int64) {
	t.Helper()
	if got != nil && *got != want {
		t.Errorf("the client tells of %d tokens of %s, want %d", *got, kind, want)
	}
}
