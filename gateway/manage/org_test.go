package manage_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/gateway/manage"
	"weir/internal/control"
	"weir/schemas"
)

type newOrg struct {
	Organization struct {
		ID, Name string
		Prepaid  bool
		Credits  string
	}
	OwnerID string `json:"owner_id"`
	KeyID   string `json:"api_key_id"`
	Key     string `json:"api_key"`
}

func TestAnOrganisationFromItsBeginning(t *testing.T) {
	w := start(t, func(o *manage.Options) {
		credits := 25 * schemas.PicoPerUSD
		o.StartingCredits = &credits
	})
	var n newOrg
	w.ok(&n, "operator", "POST", "org", `{"name":"Acme","owner":{"email":"ada@acme.example","name":"Ada"}}`)
	if !strings.HasPrefix(n.Organization.ID, "org_") || !n.Organization.Prepaid || n.Organization.Credits != "25" || !strings.HasPrefix(n.Key, "wk_") {
		t.Fatalf("got %+v", n)
	}
	of := "?org_id=" + n.Organization.ID
	w.ok(nil, "operator", "POST", "org/credit"+of, `{"amount":"0.000000000001","reason":"top-up"}`)
	w.ok(nil, "operator", "POST", "org/credit"+of, `{"amount":-5,"kind":"correction","reason":"paid back"}`)
	w.spend.pico = schemas.PicoPerUSD / 2
	var statement struct {
		Credits               []struct{ Amount, Kind, Reason string }
		Total, Spent, Balance string
	}
	w.ok(&statement, n.Key, "GET", "org/statement", "")
	type line = struct{ Amount, Kind, Reason string }
	want := []line{{"25", "grant", "starting credits"}, {"0.000000000001", "top_up", "top-up"}, {"-5", "correction", "paid back"}}
	if diff := cmp.Diff(want, statement.Credits); diff != "" || statement.Total != "20.000000000001" || statement.Spent != "0.5" || statement.Balance != "19.500000000001" {
		t.Errorf("statement %+v, %s", statement, diff)
	}
	a := w.ok(nil, n.Key, "GET", "org", "")
	if !strings.Contains(a.body, `"balance":19.500000000001,`) || !strings.Contains(a.body, `"email":"ada@acme.example"`) {
		t.Errorf("org %s", a.body)
	}
	w.fails(403, "", n.Key, "POST", "org/credit", `{"amount":"1","reason":"r"}`)

	// Without Redis the rest is answered all the same, and it is asked once.
	w.spend.err, w.spend.asked = errAway, 0
	a = w.ok(nil, n.Key, "GET", "org", "")
	if !strings.Contains(a.body, `"balance":null,`) || !strings.Contains(a.body, `"credits":"20.000000000001"`) || w.spend.asked != 1 {
		t.Errorf("org %s, asked %d times", a.body, w.spend.asked)
	}

	var audit struct {
		Changes []struct {
			Actor, Action, Kind, ID string
			RequestID               string `json:"request_id"`
			Value                   map[string]any
		}
		Next *string
	}
	w.ok(&audit, n.Key, "GET", "org/audit?limit=4", "")
	var got []string
	for _, c := range audit.Changes {
		got = append(got, c.Actor+" "+c.Action+" "+c.Kind)
		if !strings.HasPrefix(c.RequestID, "req_") || c.Value == nil {
			t.Errorf("change %+v", c)
		}
	}
	if diff := cmp.Diff([]string{"operator created credit", "operator created credit", "operator created key", "operator created member"}, got); diff != "" || audit.Next == nil {
		t.Fatal(diff)
	}
	next := *audit.Next
	audit.Next, audit.Changes = nil, nil
	w.ok(&audit, n.Key, "GET", "org/audit?before="+next, "")
	if len(audit.Changes) != 2 || audit.Next != nil || audit.Changes[1].Kind != "org" {
		t.Errorf("the rest is %+v", audit)
	}
}

func TestAnOrganisationWithoutStartingCreditsIsNotBounded(t *testing.T) {
	w := start(t)
	var n newOrg
	w.ok(&n, "operator", "POST", "org", `{"name":"Acme"}`)
	if n.Organization.Prepaid || n.Organization.Credits != "0" || n.Key != "" {
		t.Errorf("got %+v", n)
	}
	w.ok(nil, "operator", "POST", "apikey?org_id="+n.Organization.ID, `{"name":"first","permissions":{"manage":"write"}}`)
	var all struct{ Organizations []struct{ ID, Name string } }
	w.ok(&all, "operator", "GET", "orgs", "")
	if len(all.Organizations) != 1 || all.Organizations[0].ID != n.Organization.ID {
		t.Errorf("organisations %+v", all)
	}
}

// Without an operator's key in the configuration no key is the operator's, the
// empty one included.
func TestNoOperator(t *testing.T) {
	w := start(t, func(o *manage.Options) { o.OperatorHash = nil })
	w.fails(403, "", "operator", "POST", "org", `{"name":"n"}`)
	w.fails(401, "", "", "POST", "org", `{"name":"n"}`)
}

func TestMembers(t *testing.T) {
	w := start(t)
	company(w, "a")
	w.fails(409, "email", "a-admin", "POST", "org/member", `{"email":"OWNER@a.example"}`)
	w.fails(409, "", "a-owner", "PATCH", "org/member/a-owner", `{"role":"admin"}`)
	w.fails(409, "", "a-owner", "DELETE", "org/member/a-owner", "")
	w.ok(nil, "a-owner", "PATCH", "org/member/a-admin", `{"role":"owner"}`)
	w.ok(nil, "a-owner", "PATCH", "org/member/a-owner", `{"role":"admin","limits":{"budgets":[{"window":"week","limit":"7"}]}}`)
	w.fails(403, "", "a-owner", "POST", "org/member", `{"email":"x@x.example","role":"owner"}`)

	// Who leaves has no key, and is in no group.
	w.ok(nil, "a-admin", "DELETE", "org/member/a-member", "")
	for _, secret := range []string{"a-member", "a-own-key-member"} {
		w.fails(403, "", secret, "GET", "apikey/self", "")
	}
	g, _ := control.Get[*schemas.Group](w.log.State, "a", "a-own-group-member")
	if _, in := g.Value.Members["a-member"]; in {
		t.Errorf("members %v", g.Value.Members)
	}
	w.fails(404, "", "a-admin", "GET", "org/member/a-member", "")
}

func TestGroups(t *testing.T) {
	w := start(t)
	company(w, "a")
	w.spend.pico = 3
	var g struct {
		ID string
	}
	a := w.ok(&g, "a-owner", "POST", "group", `{"name":"blue","monthly_budget":"100.5","monthly_budget_per_user":10}`)
	for _, want := range []string{`"monthly_limit":100.5,`, `"monthly_budget":100.5,`, `"monthly_budget_per_user":10,`, `"monthly_spend":0.000000000003,`, `"members_count":0,`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("no %s in %s", want, a.body)
		}
	}
	w.ok(nil, "a-owner", "POST", "group/"+g.ID+"/member", `{"user_id":"a-viewer","role":"admin"}`)
	w.ok(nil, "a-owner", "PUT", "group/"+g.ID+"/member/a-viewer/role", `{"role":"member"}`)
	a = w.ok(nil, "a-owner", "GET", "group/"+g.ID, "")
	if !strings.Contains(a.body, `"members":[{"user_id":"a-viewer","email":"viewer@a.example","role":"member"}]`) {
		t.Errorf("got %s", a.body)
	}
	w.ok(nil, "a-owner", "DELETE", "group/"+g.ID+"/member", `{"user_id":"a-viewer"}`)
	w.fails(404, "", "a-owner", "DELETE", "group/"+g.ID+"/member", `{"user_id":"a-viewer"}`)
	w.fails(404, "", "a-owner", "PUT", "group/"+g.ID+"/member/a-viewer/role", `{"role":"admin"}`)
}

// A list that something names stays: what it bounds would be open.
func TestAnAccessListInUseStays(t *testing.T) {
	w := start(t)
	company(w, "a")
	var l struct{ ID string }
	w.ok(&l, "a-owner", "POST", "access-list", `{"name":"n","chat":["openai/*"],"auto_approve":false}`)
	name := `{"access_list_id":"` + l.ID + `"}`
	for _, path := range []string{"org", "group/a-own-group-owner", "apikey/a-member"} {
		w.ok(nil, "a-owner", "PATCH", path, name)
		w.fails(http.StatusConflict, "", "a-owner", "DELETE", "access-list/"+l.ID, "")
		w.ok(nil, "a-owner", "PATCH", path, `{"access_list_id":""}`)
	}
	a := w.ok(nil, "a-owner", "PATCH", "access-list/"+l.ID, `{"image":["google/imagen"]}`)
	if !strings.Contains(a.body, `"chat":["openai/*"],"embedding":[],"image":["google/imagen"]`) {
		t.Errorf("got %s", a.body)
	}
	w.ok(nil, "a-owner", "DELETE", "access-list/"+l.ID, "")
}

// What grows change by change is refused before the log cannot take it, and stays as it was.
func TestAThingTooLargeForTheLog(t *testing.T) {
	w := start(t)
	company(w, "a")
	const path = "access-list/a-other-list-owner"
	entries := `:["` + strings.Repeat("x/"+strings.Repeat("y", 200)+`","`, 999) + `x/y"]}`
	for _, modality := range []string{"chat", "embedding", "image", "transcription"} {
		w.ok(nil, "a-owner", "PATCH", path, `{"`+modality+`"`+entries)
	}
	w.fails(http.StatusBadRequest, "", "a-owner", "PATCH", path, `{"speech"`+entries)
	if a := w.ok(nil, "a-owner", "PATCH", path, `{"name":"n"}`); !strings.Contains(a.body, `"speech":[]`) {
		t.Error("the list is another one")
	}
}

func TestEndUsers(t *testing.T) {
	w := start(t)
	company(w, "a")
	a := w.ok(nil, "a-owner", "PUT", "user/ada%2F1", `{"limits":{"budgets":[{"window":"day","limit":"1.5"}]}}`)
	if !strings.Contains(a.body, `"user_id":"ada/1","limits":{"budgets":[{"window":"day","limit":"1.5"}]`) || a.header.Get("ETag") != `"1"` {
		t.Errorf("got %s", a.body)
	}
	w.ok(nil, "a-owner", "DELETE", "user/ada%2F1", "")
	// The versions go on: who knew it before does not take it for the same.
	if a := w.ok(nil, "a-owner", "PUT", "user/ada%2F1", `{}`); a.header.Get("ETag") != `"3"` {
		t.Errorf("ETag %s", a.header.Get("ETag"))
	}
}
