package control

import (
	"testing"

	"weir/schemas"
)

func TestTheNarrowestCredentialIsTheCallers(t *testing.T) {
	s := NewState()
	versions := map[string]uint64{}
	apply := func(c *schemas.Credential, deleted bool) {
		t.Helper()
		c.OrgId, c.Provider = "o", "p"
		r := recordOf(c)
		if deleted {
			r.Change = &schemas.ControlRecord_Deleted{Deleted: &schemas.Deleted{}}
		}
		r.FoldVersion, r.ExpectedVersion, r.CommandId = FoldVersion, versions[r.EntityId], r.EntityId+string(rune('a'+versions[r.EntityId]))
		versions[r.EntityId]++
		if v, err := s.Apply(r); err != nil || !v.Accepted {
			t.Fatal(v, err)
		}
	}
	caller := &Caller{Key: &schemas.ApiKey{OrgId: "o", KeyId: "k"}, Group: &schemas.Group{GroupId: "g"}}
	want := func(c *Caller, provider, id string) {
		t.Helper()
		if got := s.Credential(c, provider); got.GetCredentialId() != id {
			t.Errorf("got %q, want %q", got.GetCredentialId(), id)
		}
	}
	want(caller, "p", "")
	apply(&schemas.Credential{CredentialId: "of org"}, false)
	want(caller, "p", "of org")
	want(caller, "q", "")
	want(&Caller{Key: &schemas.ApiKey{OrgId: "other", KeyId: "k"}}, "p", "")
	apply(&schemas.Credential{CredentialId: "of group", GroupId: "g"}, false)
	want(caller, "p", "of group")
	want(&Caller{Key: caller.Key}, "p", "of org")
	apply(&schemas.Credential{CredentialId: "of key", KeyId: "k"}, false)
	want(caller, "p", "of key")
	apply(&schemas.Credential{CredentialId: "of key, newer", KeyId: "k"}, false)
	apply(&schemas.Credential{CredentialId: "of another key", KeyId: "k2"}, false)
	want(caller, "p", "of key, newer")
	if n := testing.AllocsPerRun(100, func() { s.Credential(caller, "p") }); n != 0 {
		t.Errorf("a look-up allocates %.0f times", n)
	}
	apply(&schemas.Credential{CredentialId: "of key, newer", KeyId: "k2"}, false) // moved
	want(caller, "p", "of key")
	apply(&schemas.Credential{CredentialId: "of key"}, true)
	apply(&schemas.Credential{CredentialId: "of group"}, true)
	want(caller, "p", "of org")
	apply(&schemas.Credential{CredentialId: "of org"}, true)
	want(caller, "p", "")
	if o := s.orgs["o"]; len(o.owned) != 1 {
		t.Errorf("left are %v", o.owned)
	}
}
