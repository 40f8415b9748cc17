package manage_test

import (
	"net/http"
	"testing"

	"weir/gateway/manage"
	"weir/internal/control"
	"weir/schemas"
)

// Two owners who demote each other at two gateways change different entities, so the
// log refuses neither. There is an owner all the same.
func TestOwnersWhoRaceLeaveOne(t *testing.T) {
	for _, c := range []struct {
		method, body string
		header       []string
	}{
		{http.MethodPatch, `{"role":"viewer"}`, nil},
		{http.MethodPatch, `{"role":"viewer"}`, []string{"Idempotency-Key", "k"}},
		{http.MethodPatch, `{"role":"viewer"}`, []string{"If-Match", "1"}},
		{http.MethodDelete, "", nil},
		{http.MethodDelete, "", []string{"If-Match", "1"}},
	} {
		var w *world
		armed := false
		w = start(t, func(o *manage.Options) {
			o.Log = proposer{o.Log, func(r *schemas.ControlRecord) error {
				if armed && r.OrgId == "a" {
					armed = false
					other := &schemas.Member{OrgId: "a", MemberId: "a-second", Email: "second@a.example", Role: schemas.OrgRole_ORG_ROLE_MEMBER}
					return control.Put(t.Context(), w.log, other, control.Change{Expected: 1, Actor: "rival"})
				}
				return nil
			}}
		})
		company(w, "a")
		put(w, &schemas.Member{OrgId: "a", MemberId: "a-second", Email: "second@a.example", Role: schemas.OrgRole_ORG_ROLE_OWNER})
		armed = true
		w.fails(http.StatusConflict, "", "a-owner", c.method, "org/member/a-owner", c.body, c.header...)
		w.ok(nil, "a-owner", "GET", "org/audit", "") // a key that is there, of somebody who is an owner
		if owner, _ := control.Get[*schemas.Member](w.log.State, "a", "a-owner"); owner.Value.GetRole() != schemas.OrgRole_ORG_ROLE_OWNER {
			t.Errorf("%s %v left %v", c.method, c.header, owner.Value)
		}
		if len(c.header) == 0 || c.header[0] == "Idempotency-Key" {
			w.fails(http.StatusConflict, "", "a-owner", c.method, "org/member/a-owner", c.body, c.header...)
		}
	}
}

// Of two owners one may go, with If-Match and with keys.
func TestAnOwnerLeaves(t *testing.T) {
	w := start(t)
	company(w, "a")
	put(w, &schemas.Member{OrgId: "a", MemberId: "a-second", Email: "second@a.example", Role: schemas.OrgRole_ORG_ROLE_OWNER})
	w.key("a", "a-second", func(k *schemas.ApiKey) { k.MemberId = "a-second" })
	w.fails(http.StatusConflict, "If-Match", "a-second", "DELETE", "org/member/a-owner", "", "If-Match", "7")
	w.ok(nil, "a-second", "DELETE", "org/member/a-owner", "", "If-Match", "1")
	w.fails(http.StatusNotFound, "", "a-second", "GET", "org/member/a-owner", "")
	w.fails(http.StatusForbidden, "", "a-owner", "GET", "apikey/self", "")
}
