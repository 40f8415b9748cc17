package control

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/schemas"
)

// The trail of an organisation is its accepted changes, the newest first; those of
// others, the cluster's, refused ones and repeats are no part of it.
func TestAuditTrail(t *testing.T) {
	k, ctx := kafka(t), timeout(t)
	s, err := Open(ctx, k, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	change := func(org string, expected uint64, command string) error {
		return Put(ctx, s, &schemas.Organization{OrgId: org, Name: fmt.Sprint(command, expected)}, Change{Expected: expected, Actor: "key_1", CommandID: command})
	}
	var want []string
	for i := range uint64(5) {
		for _, org := range []string{"a", "b"} {
			if err := change(org, i, ""); err != nil {
				t.Fatal(err)
			}
		}
		if err := change("a", 99, ""); err == nil {
			t.Fatal("accepted")
		}
		want = append([]string{fmt.Sprintf("org a %d key_1", i+1)}, want...)
	}
	for range 2 {
		if err := Put(ctx, s, &schemas.Project{OrgId: "a", ProjectId: "p"}, Change{Actor: "key_1", CommandID: "once"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := Delete[*schemas.Project](ctx, s, "a", "p", Change{Expected: 1, Actor: "key_1"}); err != nil {
		t.Fatal(err)
	}
	want = append([]string{"project p 2 key_1 deleted", "project p 1 key_1"}, want...)

	for _, limit := range []int{1, 3, 7, 100} {
		var got []string
		for before := int64(0); ; {
			changes, next, err := s.Audit(ctx, "a", before, limit)
			if err != nil || len(changes) == 0 || len(changes) > limit {
				t.Fatalf("%d changes before %d: %v", len(changes), before, err)
			}
			for _, c := range changes {
				line := fmt.Sprintf("%s %s %d %s", c.Kind, c.ID, c.Version, c.Record.Actor)
				if c.Entity == nil {
					line += " deleted"
				}
				got = append(got, line)
			}
			if before = next; next == 0 {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("by %d: %s", limit, diff)
		}
	}
	if changes, next, err := s.Audit(ctx, "none", 0, 5); len(changes) != 0 || next != 0 || err != nil {
		t.Errorf("got %v %d %v", changes, next, err)
	}
}

// Changes that lie far apart are not read in one go.
func TestAPageOfTheTrailIsBounded(t *testing.T) {
	trail := []int64{1, 2, 3, 10_000, 10_001, 14_000, 20_000}
	for _, c := range []struct {
		before int64
		limit  int
		want   []int64
		next   int64
	}{
		{0, 10, []int64{20_000}, 20_000},
		{20_000, 10, []int64{10_000, 10_001, 14_000}, 10_000},
		{20_000, 2, []int64{10_001, 14_000}, 10_001},
		{10_000, 10, []int64{1, 2, 3}, 0},
		{15_000, 1, []int64{14_000}, 14_000},
		{1, 10, []int64{}, 0},
	} {
		got, next := page(trail, c.before, c.limit)
		if diff := cmp.Diff(c.want, got); diff != "" || next != c.next {
			t.Errorf("before %d, %d at most: next %d, %s", c.before, c.limit, next, diff)
		}
	}
}
