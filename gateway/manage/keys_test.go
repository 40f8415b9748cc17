package manage_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/gateway/manage"
	"weir/internal/control"
	"weir/schemas"
)

type key struct {
	ID           string
	Name         string
	MonthlyLimit string  `json:"monthly_limit"`
	MonthlySpend *string `json:"monthly_spend"`
	Permissions  struct{ Manage, Completions string }
	Labels       map[string]string
	CreatedBy    *struct{ ID, Email string } `json:"created_by"`
	Group        *struct{ ID string }
	Project      *string
	Logging      bool
	Disabled     bool
	ExpiresAt    *string `json:"expires_at"`
	Limits       limits
	Version      uint64
}

type limits struct {
	Budgets           []struct{ Window, Limit string }
	RequestsPerMinute int64 `json:"requests_per_minute"`
	TokensPerMinute   int64 `json:"tokens_per_minute"`
}

type created struct {
	ID     string `json:"api_key_id"`
	Secret string `json:"api_key"`
}

func TestAKeyAsTheContractHasIt(t *testing.T) {
	w := start(t)
	company(w, "a")
	w.spend.pico = 1_500_000_000_000
	var c created
	w.ok(&c, "a-owner", "POST", "apikey", `{"name":"ci","monthly_limit":"12.50","permissions":{"manage":"read"},"labels":{"env":"prod"},
		"group_id":"a-own-group-owner","project":"a-other-project-owner","expires_at":"2099-01-31T00:00:00Z","logging":true,
		"limits":{"budgets":[{"window":"lifetime","limit":100},{"window":"day","limit":"0.000000000001"}],"requests_per_minute":60,"tokens_per_minute":7}}`)
	if !strings.HasPrefix(c.ID, "key_") || !strings.HasPrefix(c.Secret, "wk_") || len(c.Secret) != 35 {
		t.Fatalf("created %+v", c)
	}
	want := map[string]any{
		"id": c.ID, "name": "ci", "monthly_limit": "12.5", "monthly_spend": "1.5",
		"permissions": map[string]any{"manage": "read", "completions": "write"}, "labels": map[string]any{"env": "prod"},
		"created_by": map[string]any{"id": "a-owner", "email": "owner@a.example"}, "group": map[string]any{"id": "a-own-group-owner"},
		"project": "a-other-project-owner", "access_list_id": nil, "credential_strategy": nil, "regions": []any{}, "logging": true, "disabled": false, "expires_at": "2099-01-31T00:00:00Z",
		"limits": map[string]any{"requests_per_minute": 60.0, "tokens_per_minute": 7.0, "budgets": []any{
			map[string]any{"window": "day", "limit": "0.000000000001"}, map[string]any{"window": "month", "limit": "12.5"}, map[string]any{"window": "lifetime", "limit": "100"}}},
		"version": 1.0,
	}
	var got map[string]any
	a := w.ok(&got, c.Secret, "GET", "apikey/self", "")
	secrets, _ := json.Marshal(got["secrets"])
	if string(secrets) != `[{"expires_at":null,"hint":"…`+c.Secret[31:]+`"}]` || a.header.Get("ETag") != `"1"` {
		t.Errorf("secrets %s, ETag %s", secrets, a.header.Get("ETag"))
	}
	delete(got, "secrets")
	delete(got, "created_at")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	var k key
	path := "apikey/" + c.ID
	w.ok(&k, "a-owner", "POST", path+"/limit", `{"monthly_limit":"0"}`)
	if k.MonthlyLimit != "0" || len(k.Limits.Budgets) != 2 {
		t.Errorf("without a monthly limit: %+v", k)
	}
	w.ok(&k, "a-owner", "POST", path+"/limit", `{"monthly_limit":3.25}`)
	if k.MonthlyLimit != "3.25" || len(k.Limits.Budgets) != 3 {
		t.Errorf("with a monthly limit: %+v", k)
	}
	k = key{}
	w.ok(&k, "a-owner", "POST", path+"/label", `{"labels":{"a":"b"}}`)
	if diff := cmp.Diff(map[string]string{"a": "b"}, k.Labels); diff != "" {
		t.Error(diff)
	}
	k = key{}
	w.ok(&k, "a-owner", "POST", path+"/expiry", `{"expires_at":null}`)
	if k.ExpiresAt != nil {
		t.Errorf("expires %s", *k.ExpiresAt)
	}
	k = key{}
	w.ok(&k, "a-owner", "PATCH", path, `{"name":"other","group_id":"","permissions":{"completions":"none"},"limits":{}}`)
	if k.Name != "other" || k.Group != nil || k.Permissions.Manage != "read" || k.Permissions.Completions != "none" || k.MonthlyLimit != "0" || !k.Logging || k.Project == nil {
		t.Errorf("patched: %+v", k)
	}
	w.ok(&k, "a-owner", "POST", path+"/disable", "")
	if a := w.fails(403, "", c.Secret, "GET", "apikey/self", ""); !k.Disabled || !strings.Contains(a.body, "disabled") {
		t.Errorf("disabled: %+v, %s", k, a.body)
	}
	w.ok(nil, "a-owner", "POST", path+"/enable", "")
	w.ok(nil, c.Secret, "GET", "apikey/self", "")
	var gone struct {
		ID      string
		Deleted bool
	}
	w.ok(&gone, "a-owner", "DELETE", path, "")
	if gone.ID != c.ID || !gone.Deleted {
		t.Errorf("deleted: %+v", gone)
	}
	w.fails(403, "", c.Secret, "GET", "apikey/self", "")
	w.fails(404, "", "a-owner", "GET", path, "")
	w.fails(404, "", "a-owner", "DELETE", path, "")
	if strings.Contains(w.lines.String(), c.Secret) || strings.Contains(w.lines.String(), "a-owner\n") {
		t.Error("a secret was logged")
	}
	if a := w.ok(nil, "a-owner", "GET", "org/audit", ""); strings.Contains(a.body, c.Secret) || strings.Contains(a.body, "hash") {
		t.Errorf("a secret is in the audit trail: %s", a.body)
	}
}

func TestRotationOverlaps(t *testing.T) {
	now := time.Now()
	w := start(t, func(o *manage.Options) { o.Now = func() time.Time { return now } })
	company(w, "a")
	var c created
	w.ok(&c, "a-owner", "POST", "apikey", `{"name":"n","permissions":{"manage":"write"}}`)
	rotate := func(secret, body string) string {
		var next created
		w.ok(&next, secret, "POST", "apikey/self/rotate", body)
		if next.ID != c.ID || next.Secret == secret {
			t.Errorf("rotated %+v", next)
		}
		return next.Secret
	}
	second := rotate(c.Secret, `{"overlap":"1h"}`)
	for _, secret := range []string{c.Secret, second} {
		w.ok(nil, secret, "GET", "apikey/self", "")
	}
	now = now.Add(time.Hour)
	w.fails(403, "", c.Secret, "GET", "apikey/self", "")
	third := rotate(second, ``)
	w.fails(403, "", second, "GET", "apikey/self", "")
	w.ok(nil, third, "GET", "apikey/self", "")
	for range 7 {
		third = rotate(third, `{"overlap":"720h"}`)
	}
	w.fails(409, "", third, "POST", "apikey/self/rotate", `{"overlap":"1h"}`)
	rotate(third, `{"overlap":"0s"}`)
}

// What somebody else changed in the meantime is never overwritten unseen.
func TestVersions(t *testing.T) {
	w := start(t)
	company(w, "a")
	const path = "project/a-other-project-owner"
	a := w.ok(nil, "a-owner", "PATCH", path, `{"name":"two"}`, "If-Match", `"1"`)
	if a.header.Get("ETag") != `"2"` {
		t.Errorf("ETag %s", a.header.Get("ETag"))
	}
	for _, stale := range []string{`"1"`, "1", "3"} {
		w.fails(409, "If-Match", "a-owner", "PATCH", path, `{"name":"three"}`, "If-Match", stale)
	}
	for _, bad := range []string{`W/"1"`, "x", "0", `""`, "-1"} {
		w.fails(400, "If-Match", "a-owner", "PATCH", path, `{"name":"three"}`, "If-Match", bad)
	}
	w.fails(409, "If-Match", "a-owner", "DELETE", path, "", "If-Match", "1")
	w.fails(409, "If-Match", "a-owner", "PUT", "user/new", "{}", "If-Match", "1")
	w.fails(400, "If-Match", "a-owner", "POST", "project", `{"name":"n"}`, "If-Match", "1")
	w.ok(nil, "a-owner", "PATCH", path, `{"name":"three"}`, "If-Match", "*")
	w.ok(nil, "a-owner", "DELETE", path, "", "If-Match", "3")
}

// A key whose end no answer can write does not hide the others.
func TestAKeyThatNeverEnds(t *testing.T) {
	w := start(t)
	company(w, "a")
	w.key("a", "a-late", func(k *schemas.ApiKey) { k.ExpiresAt = math.MaxInt64 })
	a := w.ok(nil, "a-owner", "GET", "apikey", "")
	if !strings.Contains(a.body, `"id":"a-late"`) {
		t.Errorf("got %s", a.body)
	}
	w.ok(nil, "a-owner", "POST", "apikey/a-late/expiry", `{"expires_at":null}`)
}

// rivals changes an entity just before each of the first changes of somebody else.
type rivals struct {
	*world
	left int
}

func (r *rivals) before(record *schemas.ControlRecord) {
	if p := record.GetProject(); p != nil && r.left > 0 {
		r.left--
		version := control.VersionOf[*schemas.Project](r.log.State, p.OrgId, p.ProjectId)
		e := &schemas.Project{OrgId: p.OrgId, ProjectId: p.ProjectId, Name: fmt.Sprint("rival ", r.left)}
		if err := control.Put(r.t.Context(), r.log, e, control.Change{Expected: version, Actor: "rival"}); err != nil {
			r.t.Error(err)
		}
	}
}

func TestALostRaceIsRepeatedOrAConflict(t *testing.T) {
	var r rivals
	w := start(t, func(o *manage.Options) {
		o.Log = proposer{o.Log, func(record *schemas.ControlRecord) error { r.before(record); return nil }}
	})
	r.world = w
	company(w, "a")
	const path = "project/a-other-project-owner"
	r.left = 4
	var p struct {
		Name    string
		Version uint64
	}
	w.ok(&p, "a-owner", "PATCH", path, `{"name":"mine"}`)
	if p.Name != "mine" || p.Version != 6 {
		t.Errorf("got %+v", p)
	}
	r.left = 5
	w.fails(409, "", "a-owner", "PATCH", path, `{"name":"mine"}`)
	r.left = 1
	w.fails(409, "", "a-owner", "PATCH", path, `{"name":"mine"}`, "If-Match", fmt.Sprint(control.VersionOf[*schemas.Project](w.log.State, "a", "a-other-project-owner")))
}

func TestTwoWhoRaceForOneVersion(t *testing.T) {
	w := start(t)
	company(w, "a")
	statuses := make(chan int, 8)
	for range cap(statuses) {
		go func() {
			statuses <- w.do("a-owner", "PATCH", "org", `{"name":"n"}`, "If-Match", "1").status
		}()
	}
	count := map[int]int{}
	for range cap(statuses) {
		count[<-statuses]++
	}
	if diff := cmp.Diff(map[int]int{200: 1, 409: 7}, count); diff != "" {
		t.Error(diff)
	}
}
