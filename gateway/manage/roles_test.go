package manage_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"weir/gateway/manage/access"
	"weir/schemas"
)

// operation is a call of the API, and what each caller gets, in the order of
// callers: + for 200, x for 403, 4 for a 404. A {} in the path is the id of a
// thing that is somebody else's, the caller's own, or one of the team that the
// caller is in, and leads when they are the lead.
type operation struct {
	id, method, path, body string
	kind                   string // of the thing, "" for none
	other, own, team       string
}

func operations() []operation {
	const limits = `{"limits":{"budgets":[{"window":"day","limit":"1"}]}}`
	//        o a l m v r n operator
	const (
		all       = "+++++++" + "+"
		readable  = "++++++x+"
		readable4 = "++44++x+" // but not by those without an interest in it
		staff     = "++xx++x+"
		write     = "++xxxxx+"
		writeOwn  = "++++xxx+"
		write4    = "++44xxx+"
		leads4    = "+++4xxx+"
		leadsx    = "+++xxxx+"
		operator  = "xxxxxxx+"
	)
	return []operation{
		{"list-api-keys", "GET", "apikey", "", "", readable, "", ""},
		{"create-api-key", "POST", "apikey", `{"name":"n"}`, "", writeOwn, "", ""},
		{"get-api-key", "GET", "apikey/{}", "", "key", readable4, readable, "+++4++x+"},
		{"get-api-key-usage", "GET", "apikey/{}/usage?start=2026-11-22T00:00:00Z", "", "key", readable4, readable, "+++4++x+"},
		{"update-api-key", "PATCH", "apikey/{}", `{"name":"n"}`, "key", write4, writeOwn, leads4},
		{"set-api-key-limit", "POST", "apikey/{}/limit", `{"monthly_limit":"1"}`, "key", write4, writeOwn, leads4},
		{"set-api-key-labels", "POST", "apikey/{}/label", `{"labels":{}}`, "key", write4, writeOwn, leads4},
		{"set-api-key-expiry", "POST", "apikey/{}/expiry", `{"expires_at":null}`, "key", write4, writeOwn, leads4},
		{"disable-api-key", "POST", "apikey/{}/disable", "", "key", write4, writeOwn, leads4},
		{"enable-api-key", "POST", "apikey/{}/enable", "", "key", write4, writeOwn, leads4},
		{"rotate-api-key", "POST", "apikey/{}/rotate", `{}`, "key", write4, writeOwn, leads4},
		{"delete-api-key", "DELETE", "apikey/{}", "", "key", write4, writeOwn, leads4},

		{"list-groups", "GET", "group", "", "", readable, "", ""},
		{"get-group", "GET", "group/{}", "", "group", readable4, readable, ""},
		{"create-group", "POST", "group", `{"name":"n"}`, "", write, "", ""},
		{"update-group", "PATCH", "group/{}", limits, "group", write, write, ""},
		{"delete-group", "DELETE", "group/{}", "", "group", write, write, ""},
		{"add-group-member", "POST", "group/{}/member", `{"user_id":"ORG-viewer"}`, "group", write4, leadsx, ""},
		{"remove-group-member", "DELETE", "group/{}/member", `{"user_id":"ORG-colleague"}`, "group", write4, leadsx, ""},
		{"set-group-member-role", "PUT", "group/{}/member/ORG-colleague/role", `{"role":"admin"}`, "group", write4, leadsx, ""},

		{"list-access-lists", "GET", "access-list", "", "", readable, "", ""},
		{"get-access-list", "GET", "access-list/{}", "", "list", readable, "", ""},
		{"create-access-list", "POST", "access-list", `{"name":"n","chat":["openai/*"]}`, "", write, "", ""},
		{"update-access-list", "PATCH", "access-list/{}", `{"auto_approve":true}`, "list", write, "", ""},
		{"delete-access-list", "DELETE", "access-list/{}", "", "list", write, "", ""},

		{"list-credentials", "GET", "credential", "", "", staff, "", ""},
		{"get-credential", "GET", "credential/{}", "", "credential", staff, "", ""},
		{"create-credential", "POST", "credential", `{"provider":"openai","api_key":"sk-1","key_id":"ORG-own-key-CALLER"}`, "", write, "", ""},
		{"update-credential", "PATCH", "credential/{}", `{"api_key":"sk-2"}`, "credential", write, "", ""},
		{"delete-credential", "DELETE", "credential/{}", "", "credential", write, "", ""},

		{"list-members", "GET", "org/member", "", "", readable, "", ""},
		{"get-member", "GET", "org/member/{}", "", "member", readable, "", ""},
		{"create-member", "POST", "org/member", `{"email":"new-CALLER@x.example"}`, "", write, "", ""},
		{"update-member", "PATCH", "org/member/{}", `{"role":"viewer"}`, "member", write, "", ""},
		{"delete-member", "DELETE", "org/member/{}", "", "member", write, "", ""},

		{"list-projects", "GET", "project", "", "", readable, "", ""},
		{"get-project", "GET", "project/{}", "", "project", readable, "", ""},
		{"create-project", "POST", "project", `{"name":"n"}`, "", write, "", ""},
		{"update-project", "PATCH", "project/{}", limits, "project", write, "", ""},
		{"delete-project", "DELETE", "project/{}", "", "project", write, "", ""},

		{"list-users", "GET", "user", "", "", staff, "", ""},
		{"get-user", "GET", "user/{}", "", "user", staff, "", ""},
		{"set-user", "PUT", "user/new", limits, "", write, "", ""},
		{"delete-user", "DELETE", "user/{}", "", "user", write, "", ""},

		{"get-org", "GET", "org", "", "", readable, "", ""},
		{"update-org", "PATCH", "org", `{"name":"n"}`, "", write, "", ""},
		{"get-statement", "GET", "org/statement", "", "", staff, "", ""},
		{"get-org-usage", "GET", "org/usage?start=2026-11-22T00:00:00Z", "", "", staff, "", ""},
		{"get-audit", "GET", "org/audit", "", "", "++xxx+x+", "", ""},
		{"list-orgs", "GET", "orgs", "", "", operator, "", ""},
		{"create-org", "POST", "org", `{"name":"n"}`, "", operator, "", ""},
		{"credit-org", "POST", "org/credit", `{"amount":"1","reason":"r"}`, "", operator, "", ""},
	}
}

// call makes the operation for a caller of organisation a on a thing.
func (w *world) call(o operation, caller, thing string) answer {
	w.t.Helper()
	fill := func(s string) string {
		return strings.NewReplacer("ORG", "a", "CALLER", caller).Replace(s)
	}
	path := strings.Replace(fill(o.path), "{}", thing, 1)
	if caller == "operator" && o.id != "list-orgs" && o.id != "create-org" {
		separator := "?"
		if strings.Contains(path, "?") {
			separator = "&"
		}
		path += separator + "org_id=a"
	}
	return w.do(secretOf("a", caller), o.method, path, fill(o.body))
}

// Every operation × every caller × things of others, of their own, of their team
// and of another organisation.
func TestWhoMayDoWhat(t *testing.T) {
	statuses := map[byte]int{'+': 200, 'x': 403, '4': 404}
	var tested []string
	for _, o := range operations() {
		tested = append(tested, o.id)
		t.Run(o.id, func(t *testing.T) {
			w := start(t)
			company(w, "a")
			company(w, "b")
			for i, caller := range callers() {
				for relation, want := range map[string]string{"other": o.other, "own": o.own, "team": o.team} {
					if want == "" {
						continue
					}
					if got := w.call(o, caller, fmt.Sprintf("a-%s-%s-%s", relation, o.kind, caller)); got.status != statuses[want[i]] {
						t.Errorf("%s, %s: got %d %s, want %d", caller, relation, got.status, got.body, statuses[want[i]])
					}
				}
				if o.kind == "" {
					continue
				}
				// Another organisation's is as if it did not exist.
				before := len(w.trail("b"))
				foreign, unknown := w.call(o, caller, fmt.Sprintf("b-other-%s-%s", o.kind, caller)), w.call(o, caller, "nothing")
				allowed := o.other[i] != 'x'
				if foreign.status != unknown.status || foreign.body != unknown.body || allowed && foreign.status != 404 || !allowed && foreign.status != 403 {
					t.Errorf("%s: a foreign id is answered %d %s, an unknown one %d %s", caller, foreign.status, foreign.body, unknown.status, unknown.body)
				}
				if len(w.trail("b")) != before {
					t.Errorf("%s changed another organisation", caller)
				}
			}
		})
	}
	var inTable []string
	for _, r := range access.Table() {
		inTable = append(inTable, r.Operation)
	}
	slices.Sort(tested)
	slices.Sort(inTable)
	if documented := documented(t); !slices.Equal(tested, inTable) || !slices.Equal(tested, documented) {
		t.Errorf("tested are %v, in the table are %v, documented are %v", tested, inTable, documented)
	}
}

// trail is what was changed in an organisation.
func (w *world) trail(org string) []string {
	w.t.Helper()
	changes, _, err := w.log.Audit(w.t.Context(), org, 0, 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for _, c := range changes {
		all = append(all, c.Kind+" "+c.ID)
	}
	return all
}

// documented are the operations of the management API in the document.
func documented(t *testing.T) (ids []string) {
	t.Helper()
	for _, o := range document(t) {
		ids = append(ids, o.id)
	}
	slices.Sort(ids)
	return ids
}

// The organisation that a key names must be its own; what it asks for in another
// one is answered as if that did not exist.
func TestOneOrganisationIsAllThatAKeySees(t *testing.T) {
	w := start(t)
	company(w, "a")
	company(w, "b")
	for _, o := range document(t) {
		if o.id == "list-orgs" || o.id == "create-org" {
			continue
		}
		path := strings.NewReplacer("{id}", "b-own-key-owner", "{user}", "b-owner", "{user_id}", "u").Replace(o.path)
		for _, caller := range callers() {
			foreign := w.do(secretOf("a", caller), o.method, path+"?org_id=b", `{}`)
			unknown := w.do(secretOf("a", caller), o.method, path+"?org_id=nowhere", `{}`)
			if unknown.status != 404 || caller != "operator" && (foreign.status != 404 || foreign.body != unknown.body) {
				t.Errorf("%s by %s: a foreign organisation is answered %d %s, an unknown one %d %s", o.id, caller, foreign.status, foreign.body, unknown.status, unknown.body)
			}
		}
		if a := w.do("", o.method, path, `{}`); a.status != 401 {
			t.Errorf("%s without a key: %d %s", o.id, a.status, a.body)
		}
		if a := w.do("wk_nobody", o.method, path, `{}`); a.status != 403 {
			t.Errorf("%s with a bad key: %d %s", o.id, a.status, a.body)
		}
		w.fails(400, "org_id", "operator", o.method, path, `{}`)
	}
}

// References to another organisation's things are those that lead nowhere.
func TestReferencesStayInTheOrganisation(t *testing.T) {
	w := start(t)
	company(w, "a")
	company(w, "b")
	for _, c := range []struct{ method, path, param, body string }{
		{"POST", "apikey", "group_id", `{"name":"n","group_id":"%s-own-group-owner"}`},
		{"POST", "apikey", "project", `{"name":"n","project":"%s-other-project-owner"}`},
		{"POST", "apikey", "member_id", `{"name":"n","member_id":"%s-member"}`},
		{"POST", "apikey", "access_list_id", `{"name":"n","access_list_id":"%s-other-list-owner"}`},
		{"PATCH", "apikey/a-own-key-owner", "group_id", `{"group_id":"%s-own-group-owner"}`},
		{"PATCH", "apikey/a-own-key-owner", "project", `{"project":"%s-other-project-owner"}`},
		{"PATCH", "apikey/a-own-key-owner", "access_list_id", `{"access_list_id":"%s-other-list-owner"}`},
		{"POST", "group", "access_list_id", `{"name":"n","access_list_id":"%s-other-list-owner"}`},
		{"PATCH", "org", "access_list_id", `{"access_list_id":"%s-other-list-owner"}`},
		{"POST", "credential", "group_id", `{"provider":"openai","api_key":"sk-1","group_id":"%s-own-group-owner"}`},
		{"POST", "credential", "key_id", `{"provider":"openai","api_key":"sk-1","key_id":"%s-own-key-owner"}`},
		{"POST", "group/a-own-group-owner/member", "user_id", `{"user_id":"%s-member"}`},
	} {
		own := w.do("a-owner", c.method, c.path, fmt.Sprintf(c.body, "a"))
		foreign := w.fails(400, c.param, "a-owner", c.method, c.path, fmt.Sprintf(c.body, "b"))
		unknown := w.fails(400, c.param, "a-owner", c.method, c.path, fmt.Sprintf(c.body, "x"))
		if own.status != 200 || foreign.body != unknown.body {
			t.Errorf("%s %s: own %d %s, foreign %s, unknown %s", c.method, c.path, own.status, own.body, foreign.body, unknown.body)
		}
	}
}

// Nobody gets more power than they have, by whatever way.
func TestPowerIsNeverGained(t *testing.T) {
	w := start(t)
	company(w, "a")
	w.key("a", "service", func(k *schemas.ApiKey) {})
	w.key("a", "caller-only", func(k *schemas.ApiKey) { k.Manage = 1; k.GroupId = "a-own-group-lead" })
	for _, c := range []struct{ key, method, path, body string }{
		// An owner's power is the owners'.
		{"a-admin", "POST", "apikey", `{"name":"n","member_id":"a-owner"}`},
		{"a-admin", "POST", "apikey/a-owner/rotate", `{}`},
		{"a-admin", "PATCH", "apikey/a-owner", `{"permissions":{"manage":"write"}}`},
		{"a-admin", "POST", "org/member", `{"email":"x@x.example","role":"owner"}`},
		{"a-admin", "PATCH", "org/member/a-admin", `{"role":"owner"}`},
		{"a-admin", "PATCH", "org/member/a-owner", `{"role":"viewer"}`},
		{"a-admin", "DELETE", "org/member/a-owner", ``},
		// The organisation's own keys have an admin's.
		{"a-lead", "POST", "apikey", `{"name":"n","member_id":"","group_id":"a-own-group-lead","permissions":{"manage":"read"}}`},
		{"a-lead", "PATCH", "apikey/caller-only", `{"permissions":{"manage":"write"}}`},
		{"a-member", "POST", "apikey", `{"name":"n","member_id":""}`},
		{"a-member", "POST", "apikey", `{"name":"n","member_id":"a-viewer"}`},
		// Who is bound by an access list does not choose it.
		{"a-member", "POST", "apikey", `{"name":"n","access_list_id":"a-other-list-member"}`},
		{"a-member", "PATCH", "apikey/a-own-key-member", `{"access_list_id":"a-other-list-member"}`},
		// Nor whose key providers are called with.
		{"a-member", "POST", "apikey", `{"name":"n","credential_strategy":"gateway_key"}`},
		{"a-member", "PATCH", "apikey/a-own-key-member", `{"credential_strategy":"gateway_key"}`},
		{"a-owner", "PATCH", "org", `{"prepaid":false}`},
		{"a-owner", "PATCH", "org", `{"disabled":true}`},
	} {
		w.fails(403, "", c.key, c.method, c.path, c.body)
	}
	w.fails(404, "", "a-member", "POST", "apikey/service/rotate", `{}`)
	w.fails(400, "group_id", "a-member", "POST", "apikey", `{"name":"n","group_id":"a-other-group-member"}`)
	w.ok(nil, "a-lead", "POST", "apikey", `{"name":"n","member_id":"","group_id":"a-own-group-lead"}`)
	w.ok(nil, "service", "POST", "apikey", `{"name":"n"}`)
	w.ok(nil, "operator", "PATCH", "org?org_id=a", `{"prepaid":true,"disabled":true}`)
	w.fails(403, "", "a-owner", "GET", "org", ``)
}

func TestEveryKeyMayReadItself(t *testing.T) {
	w := start(t)
	company(w, "a")
	for _, path := range []string{"apikey/self", "apikey/a-none"} {
		var key struct{ ID string }
		w.ok(&key, "a-none", "GET", path, "")
		if key.ID != "a-none" {
			t.Errorf("got %s", key.ID)
		}
	}
	w.fails(403, "", "a-none", "GET", "apikey/a-owner", "")
	w.fails(404, "", "operator", "GET", "apikey/self?org_id=a", "")
}

// A list holds what its caller may see one by one.
func TestListsAreScoped(t *testing.T) {
	w := start(t)
	company(w, "a")
	company(w, "b")
	count := func(caller, path, list string) int {
		var got map[string]json.RawMessage
		var all []json.RawMessage
		w.ok(&got, "a-"+caller, "GET", path, "")
		if err := json.Unmarshal(got[list], &all); err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	for caller, want := range map[string]int{"owner": 32, "viewer": 32, "member": 2, "lead": 3} {
		if got := count(caller, "apikey", "keys"); got != want {
			t.Errorf("%s sees %d keys, want %d", caller, got, want)
		}
	}
	for caller, want := range map[string]int{"owner": 16, "viewer": 16, "member": 1, "lead": 1, "colleague": 16} {
		if got := count(caller, "group", "groups"); got != want {
			t.Errorf("%s sees %d groups, want %d", caller, got, want)
		}
	}
}

// A refusal says what it would take.
func TestRefusalsSayWhatItTakes(t *testing.T) {
	w := start(t)
	company(w, "a")
	for _, c := range []struct{ key, method, path, body, want string }{
		{"a-none", "GET", "org", "", "its permission for management is 'none', and 'read' is needed"},
		{"a-member", "POST", "project", `{"name":"n"}`, "it takes owner or admin"},
		{"a-viewer", "POST", "apikey", `{"name":"n"}`, "it takes owner or admin or member"},
		{"a-owner", "POST", "org", `{"name":"n"}`, "gateway.operator_key_hash"},
	} {
		if a := w.fails(403, "", c.key, c.method, c.path, c.body); !strings.Contains(a.body, c.want) {
			t.Errorf("%s, %s %s: got %s, want %q", c.key, c.method, c.path, a.body, c.want)
		}
	}
}
