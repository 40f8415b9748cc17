package control

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"weir/schemas"
)

// memory is a log that one State alone reads.
type memory struct{ *State }

func (m memory) Propose(_ context.Context, r *schemas.ControlRecord) error {
	if r.CommandId == "" {
		r.CommandId = NewID[*schemas.Credit]()
	}
	r.FoldVersion = FoldVersion
	value, err := proto.Marshal(r)
	if err != nil {
		return err
	}
	read := &schemas.ControlRecord{}
	if err := read.UnmarshalVT(value); err != nil {
		return err
	}
	v, err := m.Apply(read)
	if err == nil && !v.Accepted {
		err = ErrConflict
	}
	return err
}

func put[E Entity](t testing.TB, m memory, e E) {
	t.Helper()
	n := nameOf(e)
	if err := Put(t.Context(), m, e, Change{Expected: VersionOf[E](m.State, n.org, n.id), Actor: ActorOperator}); err != nil {
		t.Fatalf("put %s: %v", n, err)
	}
}

func remove[E Entity](t testing.TB, m memory, org, id string) {
	t.Helper()
	if err := Delete[E](t.Context(), m, org, id, Change{Expected: VersionOf[E](m.State, org, id), Actor: ActorOperator}); err != nil {
		t.Fatalf("delete %s: %v", id, err)
	}
}

func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// company is an organisation with one of everything that a key leads to.
func company(t testing.TB) memory {
	t.Helper()
	m := memory{NewState()}
	put(t, m, &schemas.Organization{OrgId: "o", Name: "Org"})
	put(t, m, &schemas.Project{OrgId: "o", ProjectId: "p"})
	put(t, m, &schemas.Member{OrgId: "o", MemberId: "m", Role: schemas.OrgRole_ORG_ROLE_OWNER})
	put(t, m, &schemas.Group{OrgId: "o", GroupId: "g", Members: map[string]schemas.GroupRole{"m": schemas.GroupRole_GROUP_ROLE_ADMIN}})
	put(t, m, &schemas.ApiKey{OrgId: "o", KeyId: "k", Project: "p", GroupId: "g", MemberId: "m",
		Secrets: []*schemas.Secret{{Hash: hashOf("one")}, {Hash: hashOf("two"), ExpiresAt: 9}}})
	return m
}

func TestCallerIsWhatTheKeyLeadsTo(t *testing.T) {
	m := company(t)
	c, ok := m.Caller([32]byte(hashOf("two")))
	if !ok || c.Key.KeyId != "k" || c.Secret.ExpiresAt != 9 || c.Org.Name != "Org" || c.Project.ProjectId != "p" ||
		c.Group.GroupId != "g" || c.Member.MemberId != "m" || len(c.MemberGroups) != 1 || c.MemberGroups[0] != c.Group {
		t.Fatalf("got %+v", c)
	}
	// A reference that leads nowhere is none; what was handed out stays as it was.
	before := c
	remove[*schemas.Group](t, m, "o", "g")
	remove[*schemas.Member](t, m, "o", "m")
	remove[*schemas.Project](t, m, "o", "p")
	put(t, m, &schemas.Organization{OrgId: "o", Name: "New"})
	c, ok = m.Caller([32]byte(hashOf("one")))
	if !ok || c.Org.Name != "New" || c.Group != nil || c.Member != nil || c.Project != nil || c.MemberGroups != nil {
		t.Errorf("after the deletions got %+v", c)
	}
	if before.Org.Name != "Org" || before.MemberGroups[0].GroupId != "g" {
		t.Error("what was handed out has changed")
	}
	remove[*schemas.Organization](t, m, "o", "o")
	if c, ok = m.Caller([32]byte(hashOf("one"))); !ok || c.Org != nil {
		t.Errorf("a key of a deleted organisation: %+v", c)
	}
}

func TestAKeyAnswersToItsNewestSecretsOnly(t *testing.T) {
	m := company(t)
	found := func(secret string) bool {
		_, ok := m.Caller([32]byte(hashOf(secret)))
		return ok
	}
	put(t, m, &schemas.ApiKey{OrgId: "o", KeyId: "k", Secrets: []*schemas.Secret{{Hash: hashOf("two")}, {Hash: hashOf("three")}, {Hash: []byte("short")}}})
	if found("one") || !found("two") || !found("three") {
		t.Error("a rotated key answers to the wrong secrets")
	}
	// A hash belongs to whom it was given last, and goes with that key.
	put(t, m, &schemas.ApiKey{OrgId: "o", KeyId: "other", Secrets: []*schemas.Secret{{Hash: hashOf("two")}}})
	remove[*schemas.ApiKey](t, m, "o", "k")
	if !found("two") || found("three") {
		t.Error("deleting a key left its secrets, or took another's")
	}
	remove[*schemas.ApiKey](t, m, "o", "other")
	if found("two") {
		t.Error("a deleted key is found")
	}
}

func TestLive(t *testing.T) {
	now := time.UnixMicro(1000)
	for name, c := range map[string]struct {
		key    *schemas.ApiKey
		secret *schemas.Secret
		want   bool
	}{
		"plain":          {&schemas.ApiKey{}, &schemas.Secret{}, true},
		"later":          {&schemas.ApiKey{ExpiresAt: 1001}, &schemas.Secret{ExpiresAt: 1001}, true},
		"expired":        {&schemas.ApiKey{ExpiresAt: 1000}, &schemas.Secret{}, false},
		"secret expired": {&schemas.ApiKey{}, &schemas.Secret{ExpiresAt: 1000}, false},
		"disabled":       {&schemas.ApiKey{Disabled: true}, &schemas.Secret{}, false},
	} {
		if got := (&Caller{Key: c.key, Secret: c.secret}).Live(now); got != c.want {
			t.Errorf("%s: live = %t", name, got)
		}
	}
}

func TestGetAndListAreOfOneOrganisation(t *testing.T) {
	m := company(t)
	put(t, m, &schemas.Organization{OrgId: "a"})
	put(t, m, &schemas.ApiKey{OrgId: "o", KeyId: "j"})
	put(t, m, &schemas.ApiKey{OrgId: "o", KeyId: "j", Name: "second"})
	put(t, m, &schemas.ApiKey{OrgId: "a", KeyId: "k"})
	var got []string
	for _, v := range List[*schemas.ApiKey](m.State, "o") {
		got = append(got, fmt.Sprint(v.Value.KeyId, " ", v.Version))
	}
	if diff := cmp.Diff([]string{"j 2", "k 1"}, got); diff != "" {
		t.Error(diff)
	}
	got = nil
	for _, v := range m.Organizations() {
		got = append(got, v.Value.OrgId)
	}
	if diff := cmp.Diff([]string{"a", "o"}, got); diff != "" {
		t.Error(diff)
	}
	if v, ok := Get[*schemas.ApiKey](m.State, "o", "j"); !ok || v.Value.Name != "second" {
		t.Errorf("get = %v %t", v, ok)
	}
	for _, missing := range [][2]string{{"a", "j"}, {"none", "k"}, {"", ""}} {
		if v, ok := Get[*schemas.ApiKey](m.State, missing[0], missing[1]); ok {
			t.Errorf("%v: got %v", missing, v)
		}
	}
	if List[*schemas.Group](m.State, "none") != nil {
		t.Error("an organisation that is not has groups")
	}
}

// The version goes on over a deletion, so that an old writer never wins.
func TestVersionsGoOnAfterADeletion(t *testing.T) {
	m := company(t)
	user := &schemas.EndUser{OrgId: "o", UserId: "a/b c"}
	put(t, m, user)
	remove[*schemas.EndUser](t, m, "o", "a/b c")
	if _, ok := Get[*schemas.EndUser](m.State, "o", "a/b c"); ok || VersionOf[*schemas.EndUser](m.State, "o", "a/b c") != 2 {
		t.Error("not deleted at version 2")
	}
	if err := Put(t.Context(), m, user, Change{}); !errors.Is(err, ErrConflict) {
		t.Errorf("created at version 0 again: %v", err)
	}
	put(t, m, user)
	if v, ok := Get[*schemas.EndUser](m.State, "o", "a/b c"); !ok || v.Version != 3 {
		t.Errorf("created again: %v %t", v, ok)
	}
}

func TestCreditsAddUpExactly(t *testing.T) {
	m := company(t)
	const most = 1<<63 - 1
	for i, amount := range []int64{most, most, -most} {
		put(t, m, &schemas.Credit{OrgId: "o", CreditId: fmt.Sprint(i), AmountPico: amount})
	}
	if got := m.Credited("o"); got != most {
		t.Errorf("credited %d, want %d", got, most)
	}
	put(t, m, &schemas.Credit{OrgId: "o", CreditId: "0", AmountPico: 7})
	remove[*schemas.Credit](t, m, "o", "1")
	if got := m.Credited("o"); got != 7-most {
		t.Errorf("credited %d, want %d", got, 7-most)
	}
	put(t, m, &schemas.Credit{OrgId: "o", CreditId: "3", AmountPico: -most})
	if got := m.Credited("o"); got != -1<<63 {
		t.Errorf("credited %d, want the least there is", got)
	}
	if m.Credited("none") != 0 {
		t.Error("nobody has credits")
	}
}

func TestARepeatGetsTheFirstVerdictWhileItIsRemembered(t *testing.T) {
	m := company(t)
	org := &schemas.Organization{OrgId: "x"}
	first := Change{CommandID: "first"}
	for range 2 {
		if err := Put(t.Context(), m, org, first); err != nil {
			t.Fatal(err)
		}
	}
	if VersionOf[*schemas.Organization](m.State, "x", "x") != 1 {
		t.Error("a repeat changed something")
	}
	again := recordOf(org)
	again.FoldVersion, again.CommandId = FoldVersion, first.CommandID
	if v, err := m.Apply(again); err != nil || v != (Verdict{Accepted: true, Version: 1, Repeated: true}) {
		t.Errorf("verdict of a repeat: got %+v, %v", v, err)
	}
	for i := range verdictsKept {
		if _, known := m.verdict("first"); !known {
			t.Fatalf("forgotten after %d commands", i)
		}
		put(t, m, &schemas.Project{OrgId: "o", ProjectId: "p"})
	}
	if err := Put(t.Context(), m, org, first); !errors.Is(err, ErrConflict) {
		t.Errorf("a forgotten command: %v, want a conflict of its version", err)
	}
	if len(m.verdicts) != verdictsKept || len(m.recent) != verdictsKept {
		t.Errorf("%d verdicts are kept", len(m.verdicts))
	}
}

func TestRecordsThatCannotBeFolded(t *testing.T) {
	org := func(id, entity string) *schemas.ControlRecord {
		return &schemas.ControlRecord{FoldVersion: FoldVersion, EntityId: entity, Change: &schemas.ControlRecord_Organization{Organization: &schemas.Organization{OrgId: id}}}
	}
	deleted := func(entity string) *schemas.ControlRecord {
		return &schemas.ControlRecord{FoldVersion: FoldVersion, EntityId: entity, Change: &schemas.ControlRecord_Deleted{Deleted: &schemas.Deleted{}}}
	}
	newer := org("o", "org/o")
	newer.FoldVersion++
	for want, r := range map[string]*schemas.ControlRecord{
		"no fold version":              {},
		"needs fold version":           newer,
		"does not know":                {FoldVersion: FoldVersion, EntityId: "org/o"},
		"its change is of \"org/o\"":   org("o", "org/p"),
		"no organisation":              org("", "org/"),
		"contains a slash":             org("o/p", "org/o/p"),
		"\"cluster\" cannot be":        deleted("cluster"),
		"\"node/n\" cannot be":         deleted("node/n"),
		"\"other/o/p\" cannot be":      deleted("other/o/p"),
		"key/o/ has no id":             deleted("key/o/"),
		"its entity id is \"org/o/p\"": deleted("org/o/p"),
	} {
		m := company(t)
		if _, err := m.Apply(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
		if diff := cmp.Diff(company(t).Organizations(), m.Organizations(), protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
	}
}
