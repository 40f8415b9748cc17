package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"weir/internal/live"
)

// manage calls the management API with a key and decodes the answer.
func (w *world) manage(key, method, path, body string, into any, header ...string) answer {
	w.t.Helper()
	a := w.do(context.Background(), method, "/v1/manage/"+path, strings.NewReader(body), append([]string{"Authorization", "Bearer " + key}, header...)...)
	if !strings.HasPrefix(a.header.Get("X-Requesty-Request-Id"), "req_") {
		w.t.Errorf("%s %s: no request id", method, path)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(a.body), into); err != nil || a.status != http.StatusOK {
			w.t.Fatalf("%s %s: got %d %s", method, path, a.status, a.body)
		}
	}
	return a
}

// From a key to another one that works, and to its end.
func TestAKeyIsCreatedUsedAndDeleted(t *testing.T) {
	w := start(t, respond(200, plainAnswer), with(&budgets{grant: func(c live.Claim) (live.Grant, error) {
		return live.Grant{Pico: c.Want, Verdict: live.Admitted}, nil
	}}))
	var created struct {
		APIKeyID string `json:"api_key_id"`
		APIKey   string `json:"api_key"`
	}
	w.manage(operatorKey, "POST", "apikey?org_id=org", `{"name":"ci","monthly_limit":"12.50","permissions":{"manage":"read"}}`, &created)
	if !strings.HasPrefix(created.APIKey, "wk_") || len(created.APIKey) != 35 {
		t.Fatalf("created %+v", created)
	}
	bounded := strings.Replace(plainBody, "{", `{"max_tokens":100,`, 1) // a key with a budget must be
	call := func() int {
		return w.do(context.Background(), "POST", "/v1/chat/completions", strings.NewReader(bounded), "Authorization", "Bearer "+created.APIKey).status
	}
	if got := call(); got != 200 {
		t.Errorf("the new key: %d", got)
	}
	var key struct {
		ID, Name     string
		MonthlyLimit string `json:"monthly_limit"`
		Version      uint64
	}
	a := w.manage(created.APIKey, "GET", "apikey/self", "", &key)
	if key.ID != created.APIKeyID || key.Name != "ci" || key.MonthlyLimit != "12.5" || key.Version != 1 || a.header.Get("ETag") != `"1"` {
		t.Errorf("got %s, %v", a.body, a.header)
	}
	w.manage(operatorKey, "DELETE", "apikey/"+key.ID+"?org_id=org", "", &struct{}{})
	if got := call(); got != 403 {
		t.Errorf("the deleted key: %d", got)
	}
	if strings.Contains(w.log.String(), created.APIKey) {
		t.Error("a secret was logged")
	}
}
