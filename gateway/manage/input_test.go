package manage_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestBadInputNamesTheField(t *testing.T) {
	w := start(t)
	company(w, "a")
	long, megabyte := strings.Repeat("x", 257), strings.Repeat("x", 1<<20)
	labels := func(n int, value string) string {
		all := map[string]string{}
		for i := range n {
			all[fmt.Sprint("l", i)] = value
		}
		text, _ := json.Marshal(map[string]any{"labels": all})
		return string(text)
	}
	const key, list = "apikey/a-own-key-owner", "access-list/a-other-list-owner"
	for _, c := range []struct {
		method, path, body, param string
	}{
		{"POST", "apikey", ``, ""},
		{"POST", "apikey", `{`, ""},
		{"POST", "apikey", `[]`, ""},
		{"POST", "apikey", `null`, ""},
		{"POST", "apikey", strings.Repeat(`{"labels":`, 20_000), ""},
		{"POST", "apikey", `{"name":"n","name":"n"}`, "name"},
		{"POST", "apikey", `{}`, ""},
		{"POST", "apikey", `{"name":""}`, "name"},
		{"POST", "apikey", `{"name":"  "}`, "name"},
		{"POST", "apikey", `{"name":"a\nb"}`, "name"},
		{"POST", "apikey", `{"name":"` + long + `"}`, "name"},
		{"POST", "apikey", `{"name":"` + strings.Repeat("€", 100) + `"}`, "name"},
		{"POST", "apikey", `{"name":7}`, "name"},
		{"POST", "apikey", `{"name":"n","nam":"n"}`, "nam"},
		{"POST", "apikey", `{"name":"n","Logging":true}`, "Logging"},
		{"POST", "apikey", `{"name":"n","permissions":{"manage":"admin"}}`, "permissions.manage"},
		{"POST", "apikey", `{"name":"n","permissions":{"all":"read"}}`, "permissions.all"},
		{"POST", "apikey", `{"name":"n","monthly_limit":"-1"}`, "monthly_limit"},
		{"POST", "apikey", `{"name":"n","monthly_limit":-0.5}`, "monthly_limit"},
		{"POST", "apikey", `{"name":"n","monthly_limit":"1e3"}`, "monthly_limit"},
		{"POST", "apikey", `{"name":"n","monthly_limit":1e3}`, "monthly_limit"},
		{"POST", "apikey", `{"name":"n","monthly_limit":"0.0000000000001"}`, "monthly_limit"},
		{"POST", "apikey", `{"name":"n","monthly_limit":"99999999"}`, "monthly_limit"},
		{"POST", "apikey", `{"name":"n","monthly_limit":"` + strings.Repeat("1", 1000) + `"}`, "monthly_limit"},
		{"POST", "apikey", `{"name":"n","monthly_limit":{}}`, "monthly_limit"},
		{"POST", "apikey", `{"name":"n","monthly_limit":true}`, "monthly_limit"},
		{"POST", "apikey", `{"name":"n","limits":{"requests_per_minute":-1}}`, "limits.requests_per_minute"},
		{"POST", "apikey", `{"name":"n","limits":{"tokens_per_minute":1000000000001}}`, "limits.tokens_per_minute"},
		{"POST", "apikey", `{"name":"n","monthly_limit":1e400}`, "monthly_limit"},
		{"POST", "apikey", `{"name":"n","limits":{"tokens_per_minute":1e400}}`, "tokens_per_minute"},
		{"POST", "apikey", `{"name":"n","limits":{"tokens_per_minute":1e30}}`, "limits.tokens_per_minute"},
		{"POST", "apikey", `{"name":"n","limits":{"tokens_per_minute":9223372036854775808}}`, "limits.tokens_per_minute"},
		{"POST", "apikey", `{"name":"n","limits":{"budgets":[{"window":"day","limit":-1e400}]}}`, "limit"},
		{"POST", "apikey", `{"name":"n","limits":{"tokens_per_minute":1.5}}`, "limits.tokens_per_minute"},
		{"POST", "apikey", `{"name":"n","limits":{"budgets":[{"window":"year","limit":"1"}]}}`, "limits.budgets[0].window"},
		{"POST", "apikey", `{"name":"n","limits":{"budgets":[{"window":"day"}]}}`, "limits.budgets[0].limit"},
		{"POST", "apikey", `{"name":"n","limits":{"budgets":[{"window":"day","limit":"1"},{"window":"day","limit":"2"}]}}`, "limits.budgets[1].window"},
		{"POST", "apikey", `{"name":"n","limits":{"budgets":[{"window":"day","limit":"-1"}]}}`, "limits.budgets[0].limit"},
		{"POST", "apikey", `{"name":"n","expires_at":"2001-01-01T00:00:00Z"}`, "expires_at"},
		{"POST", "apikey", `{"name":"n","expires_at":"tomorrow"}`, "expires_at"},
		{"POST", "apikey", `{"name":"n","expires_at":"9999-12-31T23:59:59-00:01"}`, "expires_at"}, // 10000 in UTC
		{"POST", key + "/expiry", `{"expires_at":"9999-12-31T23:59:59-23:59"}`, "expires_at"},
		{"POST", "apikey", `{"name":"n","limits":{"requeſts_per_minute":1}}`, "requeſts_per_minute"}, // encoding/json takes it for an s
		{"POST", "apikey", "{\"name\":\"a\xff\"}", ""},
		{"POST", "apikey?ord_id=a", `{"name":"n"}`, "ord_id"},
		{"POST", key + "/limit", `{}`, "monthly_limit"},
		{"POST", key + "/limit", `{"monthly_limit":null}`, "monthly_limit"},
		{"POST", key + "/label", labels(65, "v"), "labels"},
		{"POST", key + "/label", labels(1, strings.Repeat("v", 513)), "labels.l0"},
		{"POST", key + "/label", `{"labels":{"` + long + `":"v"}}`, "labels"},
		{"POST", key + "/label", `{"labels":{"":"v"}}`, "labels"},
		{"POST", key + "/label", `{"labels":{"` + long + `":"v"},"labels":{}}`, "labels"},
		{"POST", key + "/label", `{"labels":{"a":"1","a":"2"}}`, "a"},
		{"POST", key + "/expiry", `{}`, "expires_at"},
		{"POST", key + "/rotate", `{"overlap":"721h"}`, "overlap"},
		{"POST", key + "/rotate", `{"overlap":"-1s"}`, "overlap"},
		{"POST", key + "/rotate", `{"overlap":"a day"}`, "overlap"},
		{"POST", "group", `{}`, "name"},
		{"POST", "group", `{"name":"n","monthly_limit":1,"monthly_budget":2}`, "monthly_limit"},
		{"POST", "group", `{"name":"n","monthly_budget_per_user":-2}`, "monthly_budget_per_user"},
		{"POST", "group/a-own-group-owner/member", `{"user_id":"a-owner","role":"owner"}`, "role"},
		{"POST", "access-list", `{"name":"n","chat":["gpt"]}`, "chat[0]"},
		{"POST", "access-list", `{"name":"n","image":["openai/*","*/x"]}`, "image[1]"},
		{"PATCH", list, `{"speech":[""]}`, "speech[0]"},
		{"PATCH", list, `{"speech":["a/b",1e400]}`, "speech"},
		{"PATCH", list, `{"chat":[` + strings.Repeat(`"a/b",`, 1000) + `"a/b"]}`, "chat"},
		{"POST", "credential", `{"provider":"openai"}`, "api_key"},
		{"POST", "credential", `{"api_key":"sk-1"}`, "provider"},
		{"POST", "credential", `{"provider":"nobody","api_key":"sk-1"}`, "provider"},
		{"POST", "credential", `{"provider":"openai","api_key":""}`, "api_key"},
		{"POST", "credential", `{"provider":"openai","api_key":"sk\n1"}`, "api_key"},
		{"POST", "credential", `{"provider":"openai","api_key":"` + strings.Repeat("x", 4097) + `"}`, "api_key"},
		{"POST", "credential", `{"provider":"openai","api_key":7}`, "api_key"},
		{"POST", "credential", `{"provider":"openai","api_key":"sk-1","ciphertext":"x"}`, "ciphertext"},
		{"POST", "credential", `{"provider":"openai","api_key":"sk-1","base_url":"http://api.openai.com/v1"}`, "base_url"},
		{"POST", "credential", `{"provider":"openai","api_key":"sk-1","base_url":"https://169.254.169.254/"}`, "base_url"},
		{"POST", "credential", `{"provider":"openai","api_key":"sk-1","base_url":"https://0x7f.1/"}`, "base_url"},
		{"POST", "credential", `{"provider":"openai","api_key":"sk-1","group_id":"a-own-group-owner","key_id":"a-own-key-owner"}`, "key_id"},
		{"PATCH", "credential/a-other-credential-owner", `{"base_url":"https://api.example/v1"}`, "api_key"},
		{"PATCH", "credential/a-other-credential-owner", `{"base_url":"https://127.0.0.1/v1","api_key":"sk-1"}`, "base_url"},
		{"PATCH", "credential/a-other-credential-owner", `{"provider":"mock","api_key":"sk-1"}`, "provider"},
		{"PATCH", "credential/a-other-credential-owner", `{"api_key":""}`, "api_key"},
		{"PATCH", "org", `{"credential_strategy":"mine"}`, "credential_strategy"},
		{"PATCH", key, `{"credential_strategy":"mine"}`, "credential_strategy"},
		{"POST", "group", `{"name":"n","credential_strategy":"mine"}`, "credential_strategy"},
		{"POST", "org/member", `{"name":"n"}`, "email"},
		{"POST", "org/member", `{"email":""}`, "email"},
		{"POST", "org/member", `{"email":"ada"}`, "email"},
		{"POST", "org/member", `{"email":"Ada <ada@example.com>"}`, "email"},
		{"POST", "org/member", `{"email":"ada@example.com","role":"god"}`, "role"},
		{"PUT", "user/" + long, `{}`, "user_id"},
		{"PUT", "user/%ff", `{}`, "user_id"},
		{"PUT", "user/a%0ab", `{}`, "user_id"},
		{"PATCH", "org", `{"user_limits":{"budgets":{}}}`, "user_limits.budgets"},
		{"GET", "org/audit?limit=0", ``, "limit"},
		{"GET", "org/audit?limit=101", ``, "limit"},
		{"GET", "org/audit?before=x", ``, "before"},
		{"GET", "apikey/" + long, ``, "id"},
	} {
		w.fails(http.StatusBadRequest, c.param, "a-owner", c.method, c.path, c.body)
	}
	for _, c := range []struct{ body, param string }{
		{`{"reason":"r"}`, "amount"},
		{`{"amount":"0","reason":"r"}`, "amount"},
		{`{"amount":"-1","reason":"r"}`, "kind"},
		{`{"amount":"1","kind":"grant","reason":"r"}`, "kind"},
		{`{"amount":"1","reason":" "}`, "reason"},
		{`{"amount":"x","reason":"r"}`, "amount"},
	} {
		w.fails(400, c.param, "operator", "POST", "org/credit?org_id=a", c.body)
	}
	w.fails(400, "owner.email", "operator", "POST", "org", `{"name":"n","owner":{"email":"x"}}`)
	for _, method := range []string{"apikey", "group", "project"} {
		w.fails(http.StatusRequestEntityTooLarge, "", "a-owner", "POST", method, `{"name":"`+megabyte+`"}`)
	}
	for _, contentType := range []string{"application/json; charset=utf-8", "application/x-www-form-urlencoded", "a/b+c;d"} {
		w.ok(nil, "a-owner", "POST", "apikey", `{"name":"n"}`, "Content-Type", contentType, "Accept", "text/html")
		w.fails(http.StatusBadRequest, "", "a-owner", "POST", "apikey", `name=n`, "Content-Type", contentType)
	}
	w.ok(nil, "a-owner", "POST", "apikey", `{"name":"`+strings.Repeat("x", 256)+`"}`)
	w.ok(nil, "a-owner", "POST", key+"/label", `{"labels":{"a":"1","A":"2"}}`)
	w.ok(nil, "a-owner", "PUT", "user/a%2Fb%20c@d", `{"disabled":true}`)
	w.ok(nil, "a-owner", "GET", "user/a%2Fb%20c@d", ``)
}

// fuzzed tells that FuzzBodies tries the operation. Those that end what the others need
// have no body.
func fuzzed(o operation) bool {
	return o.method != "GET" && (o.method != "DELETE" || o.id == "remove-group-member") && o.id != "disable-api-key"
}

func TestEveryBodyIsFuzzed(t *testing.T) {
	tried := map[string]bool{}
	for _, o := range operations() {
		tried[o.id] = fuzzed(o)
	}
	bodies := 0
	for _, o := range document(t) {
		if o.operation.RequestBody == nil {
			continue
		}
		if bodies++; !tried[o.id] {
			t.Errorf("%s has a body that FuzzBodies does not try", o.id)
		}
	}
	if bodies < 20 {
		t.Errorf("only %d operations have a body", bodies)
	}
}

// Whatever the body of a change is, it is answered with 200 or a clear 4xx, and
// what it wrote can be read by every reader of the log.
func FuzzBodies(f *testing.F) {
	all := operations()
	for i, o := range all {
		if o.body != "" {
			f.Add(uint8(i), o.body)
		}
	}
	for _, body := range []string{`{"name":"n","limits":{"budgets":[{"window":"day","limit":0.1}],"requests_per_minute":1}}`, `{"expires_at":"2099-01-01T00:00:00+01:00"}`,
		`{"name":"\ud800","labels":{"\u0000":"\uffff"}}`, `{"monthly_limit":1e400}`, `{"overlap":"1h"}`, `null`, `[`, `{"name":"a","name":"b"}`} {
		for i := range all {
			f.Add(uint8(i), body)
		}
	}
	w := start(f)
	company(w, "a")
	f.Fuzz(func(t *testing.T, n uint8, body string) {
		w.t = t
		o := all[int(n)%len(all)]
		if !fuzzed(o) {
			return
		}
		caller := "owner"
		if o.other[0] != '+' {
			caller = "operator"
		}
		o.body = body
		a := w.call(o, caller, "a-own-"+o.kind+"-"+caller)
		if a.status != 200 && (a.status < 400 || a.status > 499) || !json.Valid([]byte(a.body)) || !utf8.ValidString(a.body) {
			t.Errorf("%s %q: got %d %s", o.id, body, a.status, a.body)
		}
		if a.status != 200 && len(a.body) > 2000 {
			t.Errorf("%s: an error of %d bytes", o.id, len(a.body))
		}
	})
}
