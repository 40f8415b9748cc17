package manage_test

import (
	"strings"
	"testing"

	"weir/gateway/credential"
	"weir/gateway/egress"
	"weir/gateway/manage"
	"weir/gateway/provider"
	"weir/internal/control"
	"weir/schemas"
)

// ownSecret is an organisation's own key at a provider.
const ownSecret = "sk-of-the-organisation"

type credentialView struct {
	ID, Provider, Hint string
	BaseURL            *string `json:"base_url"`
	GroupID            *string `json:"group_id"`
	KeyID              *string `json:"key_id"`
	Version            int
}

// opens checks what key a credential holds in the log.
func (w *world) opens(id, want string) {
	w.t.Helper()
	v, ok := control.Get[*schemas.Credential](w.log.State, "a", id)
	if key, err := w.options.Ring.Open(v.Value); !ok || err != nil || key != want {
		w.t.Errorf("%s opens as %q, %v", id, key, err)
	}
}

func TestCredentials(t *testing.T) {
	w := start(t)
	company(w, "a")
	var made, read credentialView
	var heard strings.Builder
	hear := func(a answer) { heard.WriteString(a.body) }
	hear(w.ok(&made, "a-owner", "POST", "credential", `{"provider":"openai","api_key":"`+ownSecret+`","base_url":"https://eu.api.openai.com/v1"}`))
	if !strings.HasPrefix(made.ID, "crd_") || made.Provider != "openai" || made.Hint != "tion" || made.Version != 1 || made.GroupID != nil || made.KeyID != nil ||
		made.BaseURL == nil || *made.BaseURL != "https://eu.api.openai.com/v1" {
		t.Errorf("made %+v", made)
	}
	w.opens(made.ID, ownSecret)
	// One for each scope and provider.
	hear(w.fails(409, "", "a-owner", "POST", "credential", `{"provider":"openai","api_key":"sk-2"}`))
	hear(w.ok(nil, "a-owner", "POST", "credential", `{"provider":"mock","api_key":"`+ownSecret+`"}`))
	hear(w.ok(nil, "a-owner", "POST", "credential", `{"provider":"openai","api_key":"`+ownSecret+`","group_id":"a-own-group-owner"}`))

	// A new key at the same place; another place only with a key.
	const second = "sk-the-second-one-0000"
	hear(w.ok(&read, "a-admin", "PATCH", "credential/"+made.ID, `{"api_key":"`+second+`"}`))
	if read.Hint != "0000" || read.Version != 2 || *read.BaseURL != *made.BaseURL {
		t.Errorf("changed %+v", read)
	}
	w.opens(made.ID, second)
	hear(w.fails(400, "api_key", "a-admin", "PATCH", "credential/"+made.ID, `{"base_url":"https://thief.example/v1"}`))
	hear(w.fails(400, "api_key", "a-admin", "PATCH", "credential/"+made.ID, `{"base_url":""}`))
	hear(w.ok(nil, "a-admin", "PATCH", "credential/"+made.ID, `{"base_url":"https://eu.api.openai.com/v1"}`)) // which it has
	w.opens(made.ID, second)
	hear(w.ok(&read, "a-admin", "PATCH", "credential/"+made.ID, `{"base_url":"","api_key":"`+ownSecret+`"}`))
	if read.BaseURL != nil {
		t.Errorf("changed %+v", read)
	}
	w.opens(made.ID, ownSecret)
	hear(w.ok(nil, "a-viewer", "GET", "credential/"+made.ID, ""))
	hear(w.ok(nil, "a-viewer", "GET", "credential", ""))
	hear(w.ok(nil, "a-owner", "GET", "org/audit", ""))
	hear(w.ok(nil, "a-owner", "DELETE", "credential/"+made.ID, ""))
	w.fails(404, "", "a-owner", "GET", "credential/"+made.ID, "")

	for where, text := range map[string]string{"answers": heard.String(), "log lines": w.lines.String(), "control log": w.written()} {
		if strings.Contains(text, ownSecret) || strings.Contains(text, second) || strings.Contains(text, "iphertext") && where == "answers" {
			t.Errorf("the key is in the %s", where)
		}
	}
}

// written is all that the control log has of organisation a.
func (w *world) written() string {
	w.t.Helper()
	changes, _, err := w.log.Audit(w.t.Context(), "a", 0, 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	var b strings.Builder
	for _, c := range changes {
		b.WriteString(c.Record.String())
	}
	return b.String()
}

func TestCredentialsThatCannotBeStored(t *testing.T) {
	w := start(t, func(o *manage.Options) { o.Ring = &credential.Keyring{} })
	company(w, "a")
	a := w.fails(503, "", "a-owner", "POST", "credential", `{"provider":"openai","api_key":"`+ownSecret+`"}`)
	if !strings.Contains(a.body, "credential_locked") || !strings.Contains(a.body, "gateway.credential_keys") {
		t.Errorf("got %s", a.body)
	}
	w.ok(nil, "a-owner", "GET", "credential/a-other-credential-owner", "")
	w.ok(nil, "a-owner", "DELETE", "credential/a-other-credential-owner", "")
}

func TestPrivateBaseURLsAreTheOperatorsToAllow(t *testing.T) {
	w := start(t, func(o *manage.Options) { o.Egress = egress.Rule{Private: true, HTTP: true} })
	company(w, "a")
	w.ok(nil, "a-owner", "POST", "credential", `{"provider":"openai","api_key":"sk-1","base_url":"http://10.0.0.1:8000/v1"}`)
}

func TestStrategies(t *testing.T) {
	w := start(t)
	company(w, "a")
	for path, names := range map[string][]string{
		"org":                     {"gateway_key", "own_key"},
		"group/a-own-group-owner": {"own_then_gateway"},
		"apikey/a-own-key-owner":  {"gateway_then_own"},
	} {
		var out struct {
			Strategy *string `json:"credential_strategy"`
		}
		if w.ok(&out, "a-owner", "GET", path, ""); out.Strategy != nil {
			t.Errorf("%s has the strategy %s", path, *out.Strategy)
		}
		for _, name := range names {
			if w.ok(&out, "a-owner", "PATCH", path, `{"credential_strategy":"`+name+`"}`); out.Strategy == nil || *out.Strategy != name {
				t.Errorf("%s: got %v, want %s", path, out.Strategy, name)
			}
		}
		if w.ok(&out, "a-owner", "PATCH", path, `{"credential_strategy":""}`); out.Strategy != nil {
			t.Errorf("%s has the strategy %s", path, *out.Strategy)
		}
	}
	var made struct {
		ID string `json:"api_key_id"`
	}
	w.ok(&made, "a-owner", "POST", "apikey", `{"name":"n","credential_strategy":"own_key"}`)
	if v, _ := control.Get[*schemas.ApiKey](w.log.State, "a", made.ID); v.Value.Strategy != schemas.CredentialStrategy_CREDENTIAL_STRATEGY_OWN_KEY {
		t.Errorf("made %v", v.Value)
	}
}

// What a credential was for takes the credential along, and nobody else's.
func TestCredentialsEndWithWhatTheyAreFor(t *testing.T) {
	w := start(t)
	company(w, "a")
	put(w, &schemas.Credential{OrgId: "a", CredentialId: "crd_key", Provider: "openai", KeyId: "a-own-key-owner"})
	put(w, &schemas.Credential{OrgId: "a", CredentialId: "crd_member", Provider: "openai", KeyId: "a-member"})
	put(w, &schemas.Credential{OrgId: "a", CredentialId: "crd_org", Provider: "openai"})
	of := func() map[string]bool {
		var l struct{ Credentials []struct{ ID string } }
		w.ok(&l, "a-owner", "GET", "credential", "")
		ids := map[string]bool{}
		for _, c := range l.Credentials {
			ids[c.ID] = true
		}
		return ids
	}
	all := len(of())
	w.fails(409, "", "a-owner", "DELETE", "apikey/a-own-key-owner", "", "If-Match", "99")
	w.fails(409, "", "a-owner", "DELETE", "group/a-other-group-owner", "", "If-Match", "99")
	if got := of(); len(got) != all {
		t.Errorf("a refused deletion left %v", got)
	}
	w.ok(nil, "a-owner", "DELETE", "apikey/a-own-key-owner", "")
	w.ok(nil, "a-owner", "DELETE", "group/a-other-group-owner", "")
	w.ok(nil, "a-owner", "DELETE", "org/member/a-member", "")
	if got := of(); len(got) != all-3 || got["crd_key"] || got["crd_member"] || got["a-other-credential-owner"] || !got["crd_org"] {
		t.Errorf("left are %v", got)
	}
}

// A cloud's credential is checked in form, as text or as the object that its file is.
func TestCredentialsOfClouds(t *testing.T) {
	w := start(t, func(o *manage.Options) {
		providers, err := provider.NewSet([]provider.Config{{Name: "bedrock"}, {Name: "vertex"}, {Name: "azure", BaseURL: "https://r.openai.azure.com/openai/v1"}, {Name: "openai"}}, "",
			func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		o.Providers = providers
	})
	company(w, "a")
	for name, c := range map[string]struct {
		provider, key string
		hint, says    string // one of them
	}{
		"AWS":                   {"bedrock", `{"access_key_id":"AKIDEXAMPLEEXAMPLE","secret_access_key":"sssssssssssss","session_token":"t","region":"eu-west-1"}`, "MPLE", ""},
		"AWS as text":           {"bedrock", `"{ \"access_key_id\": \"AKIDEXAMPLEEXAMPLE\",\n \"secret_access_key\": \"sssssssssssss\" }"`, "MPLE", ""},
		"a Bedrock API key":     {"bedrock", `"ABSK-of-our-own-account"`, "ount", ""},
		"AWS without a secret":  {"bedrock", `{"access_key_id":"AKIDEXAMPLEEXAMPLE"}`, "", "secret_access_key"},
		"AWS without an id":     {"bedrock", `{"secret_access_key":"s"}`, "", "access_key_id"},
		"AWS, a wrong type":     {"bedrock", `{"access_key_id":7,"secret_access_key":"s"}`, "", "access_key_id has the wrong type"},
		"no JSON":               {"bedrock", `"{"`, "", "not one JSON object"},
		"Google API key":        {"vertex", `"AIza-of-our-own-account"`, "ount", ""},
		"Google without a key":  {"vertex", `{"type":"service_account","client_email":"a@b"}`, "", "private_key"},
		"a person of Google":    {"vertex", `{"type":"authorized_user","refresh_token":"r"}`, "", "service_account"},
		"Google, a token URL":   {"vertex", `{"type":"service_account","token_uri":"http://169.254.169.254/"}`, "", "token_uri"},
		"Azure":                 {"azure", `{"tenant_id":"t","client_id":"1111-2222-3333-4444","client_secret":"sssssssssssss"}`, "4444", ""},
		"Azure without tenant":  {"azure", `{"client_id":"c","client_secret":"s"}`, "", "tenant_id"},
		"an Azure API key":      {"azure", `"azure-of-our-own-account"`, "ount", ""},
		"an object for a key":   {"openai", `{"api_key":"k"}`, "", "plain key"},
		"JSON for a key":        {"openai", `"{\"api_key\":\"k\"}"`, "", "plain key"},
		"too long":              {"bedrock", `{"access_key_id":"a","secret_access_key":"s","session_token":"` + strings.Repeat("x", 13<<10) + `"}`, "", "at most 12288"},
		"neither text nor file": {"bedrock", `7`, "", "api_key"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			body := `{"provider":"` + c.provider + `","api_key":` + c.key + `}`
			if c.says != "" {
				if a := w.fails(400, "api_key", "a-owner", "POST", "credential", body); !strings.Contains(a.body, c.says) || strings.Contains(a.body, "AKID") {
					t.Errorf("got %s", a.body)
				}
				return
			}
			var made credentialView
			if a := w.ok(&made, "a-owner", "POST", "credential", body); made.Hint != c.hint || strings.Contains(a.body, "sss") {
				t.Errorf("got %s", a.body)
			}
			w.ok(nil, "a-owner", "DELETE", "credential/"+made.ID, "")
		})
	}
	w.t = t
	if strings.Contains(w.lines.String()+w.written(), "sssss") {
		t.Error("a secret is in the log")
	}
}
