package httpapi_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/gateway/credential"
	"weir/schemas"
	mock "weir/stack/provider"
)

// sealing gives the gateway a key-encryption key.
func sealing(t testing.TB) func(*config) {
	ring := must(credential.NewKeyring([]string{"a:" + base64.StdEncoding.EncodeToString(make([]byte, 32))}, ""))(t)
	return func(c *config) { c.ring = ring }
}

// brings gives the organisation a cloud's credential by the management API.
func (w *world) brings(apiKey, strategy string) (hint string) {
	w.t.Helper()
	var made struct{ Hint string }
	w.manage(operatorKey, "POST", "credential?org_id=org", `{"provider":"mock","api_key":`+apiKey+`}`, &made)
	w.manage(operatorKey, "PATCH", "org?org_id=org", `{"credential_strategy":"`+strategy+`"}`, &struct{}{})
	return made.Hint
}

// unsaid checks that a secret is in no answer and no line of the log.
func (w *world) unsaid(secret string, answers ...answer) {
	w.t.Helper()
	text := w.log.String()
	for _, a := range answers {
		text += a.body
	}
	if strings.Contains(text, secret) {
		w.t.Errorf("a secret was told: %s", text)
	}
}

// tokens is a token endpoint that answers with one token and counts.
func tokens(t *testing.T, status int, asked *int) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked++
		form, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if status != 200 { // quoting what was sent, as careless servers do
			fmt.Fprintf(w, `{"error":"invalid_client","error_description":%q}`, form)
			return
		}
		fmt.Fprint(w, `{"access_token":"token-of-the-cloud","token_type":"Bearer","expires_in":3600}`)
	}))
	t.Cleanup(s.Close)
	return s
}

// The mock checks the signature by the secret: what is signed is what arrives.
func TestOwnKeysOfAWS(t *testing.T) {
	const id, secret = "AKIDEXAMPLEEXAMPLE07", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	w := start(t, mock.With(mock.Options{AWSSecret: secret}).ServeHTTP, sealing(t), func(c *config) {
		c.provider.BaseURL = strings.TrimSuffix(c.provider.BaseURL, "/v1")
		c.provider.RegionURL, c.provider.Protocol, c.provider.Auth = c.provider.BaseURL+"/?in={region}", "bedrock-converse", "aws"
	})
	hint := w.brings(`{"access_key_id":"`+id+`","secret_access_key":"`+secret+`","region":"eu-west-1"}`, "own_key")
	if hint != "LE07" {
		t.Errorf("the hint is %q", hint)
	}
	plain, stream := w.post(plainBody), w.post(streamBody)
	if plain.status != 200 || stream.status != 200 || !strings.HasSuffix(stream.body, "data: [DONE]\n\n") {
		t.Errorf("got %d %s\n%d %s", plain.status, plain.body, stream.status, stream.body)
	}
	for _, rec := range w.calls(2) {
		if !rec.usage.Byok || rec.usage.Status != 200 {
			t.Errorf("recorded %v", rec.usage)
		}
	}
	// Another secret is refused by the mock, and not told.
	var list struct{ Credentials []struct{ ID string } }
	w.manage(operatorKey, "GET", "credential?org_id=org", "", &list)
	w.manage(operatorKey, "PATCH", "credential/"+list.Credentials[0].ID+"?org_id=org",
		`{"api_key":"{\"access_key_id\":\"`+id+`\",\"secret_access_key\":\"another-secret-key\",\"region\":\"eu-west-1\"}"}`, &struct{}{})
	wrong := w.post(plainBody)
	if wrong.status != 502 || value(wrong.error(t).Error.Code) != "provider_credentials" {
		t.Errorf("got %d %s", wrong.status, wrong.body)
	}
	w.unsaid("another-secret-key", wrong)
	w.unsaid(secret, plain, stream, wrong)
}

func serviceAccount(t *testing.T, tokenURI string) (file, private string) {
	t.Helper()
	key := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	private = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))(t)}))
	text := must(json.Marshal(map[string]string{"type": "service_account", "project_id": "acme", "client_email": "weir@acme.iam.gserviceaccount.com",
		"private_key": private, "private_key_id": "0123456789abcdef0123456789abcdef01234567", "token_uri": tokenURI}))(t)
	return string(text), private
}

// The operator's service account may say where its token comes from; an
// organisation's own may not: the gateway would ask any address for it.
func TestServiceAccountsOfGoogle(t *testing.T) {
	asked := 0
	at := tokens(t, 200, &asked)
	file, private := serviceAccount(t, at.URL)
	w := start(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer token-of-the-cloud" || r.URL.Path != "/v1/projects/acme/locations/eu/chat/completions" {
			t.Errorf("%s arrived with %v", r.URL, r.Header)
		}
		respond(200, plainAnswer)(rw, r)
	}, sealing(t), func(c *config) {
		c.key, c.provider.Auth, c.provider.Region, c.provider.RegionURL = file, "google", "global", ""
		c.provider.BaseURL += "/projects/{project}/locations/{region}"
	})
	for range 2 {
		if a := w.post(strings.Replace(plainBody, "small", "small@eu", 1)); a.status != 200 {
			t.Errorf("got %d %s", a.status, a.body)
		}
	}
	if asked != 1 {
		t.Errorf("%d tokens were fetched", asked)
	}
	create := func(body string) answer {
		return w.do(t.Context(), "POST", "/v1/manage/credential?org_id=org", strings.NewReader(body), "Authorization", "Bearer "+operatorKey)
	}
	a := create(`{"provider":"mock","api_key":` + file + `}`)
	if e := a.error(t).Error; a.status != 400 || value(e.Param) != "api_key" || !strings.Contains(e.Message, "token_uri") {
		t.Errorf("a token URL of the organisation's choice: %d %s", a.status, a.body)
	}
	google, _ := serviceAccount(t, "https://oauth2.googleapis.com/token")
	if hint := w.brings(google, "gateway_key"); hint != "4567" {
		t.Errorf("the hint is %q", hint)
	}
	w.unsaid(strings.Split(private, "\n")[1], a)
}

func TestApplicationsOfEntra(t *testing.T) {
	const secret = "the-secret-of-the-application"
	body := `{"tenant_id":"contoso.example","client_id":"11111111-2222-3333-4444-555555555555","client_secret":"` + secret + `"}`
	asked, arrived := 0, []string{}
	world := func(status int) *world {
		return start(t, func(rw http.ResponseWriter, r *http.Request) {
			arrived = append(arrived, r.URL.Path+" "+r.Header.Get("Authorization")+r.Header.Get("Api-Key"))
			respond(200, plainAnswer)(rw, r)
		}, sealing(t), func(c *config) {
			c.provider.BaseURL, c.provider.RegionURL = strings.TrimSuffix(c.provider.BaseURL, "/v1"), ""
			c.provider.Auth, c.provider.APIVersion, c.provider.LoginURL = "azure", "2024-10-21", tokens(t, status, &asked).URL
		})
	}
	w := world(200)
	if hint := w.brings(body, "own_key"); hint != "5555" {
		t.Errorf("the hint is %q", hint)
	}
	if a := w.post(plainBody); a.status != 200 || strings.Join(arrived, " ") != "/openai/deployments/small/chat/completions Bearer token-of-the-cloud" || asked != 1 {
		t.Errorf("got %d %s; %v arrived", a.status, a.body, arrived)
	}
	if a := w.post(plainBody); a.status != 200 || asked != 1 {
		t.Errorf("got %d %s after %d tokens", a.status, a.body, asked)
	}
	// No token: the call did not go out, and goes out on the gateway's API key where
	// the strategy says so.
	arrived = nil
	w = world(401)
	w.brings(body, "own_key")
	a := w.post(plainBody)
	if e := a.error(t).Error; a.status != 502 || value(e.Code) != "provider_credentials" || !strings.Contains(e.Message, "status 401 invalid_client") || len(arrived) != 0 {
		t.Errorf("got %d %s; %v arrived", a.status, a.body, arrived)
	}
	w.manage(operatorKey, "PATCH", "org?org_id=org", `{"credential_strategy":"own_then_gateway"}`, &struct{}{})
	if a := w.post(plainBody); a.status != 200 || strings.Join(arrived, " ") != "/openai/deployments/small/chat/completions sk-upstream" {
		t.Errorf("got %d %s; %v arrived", a.status, a.body, arrived)
	}
	w.unsaid(secret, a)
}

// A credential that was given while the provider took another form is not sent in it.
func TestCredentialsOfAnotherForm(t *testing.T) {
	b := startByok(t, never(t), never(t), func(c *config) { c.provider.Auth, c.key = "aws", "ABSK-of-the-gateway" })
	credential := &schemas.Credential{CredentialId: "crd", OrgId: "org", Provider: "mock"}
	if err := b.ring.Seal(credential, `{"client_secret":"`+ownSecret+`"}`); err != nil {
		t.Fatal(err)
	}
	set(b.world, credential, 0)
	b.strategy(ownFirst)
	a := b.post(plainBody)
	if e := a.error(t).Error; a.status != 503 || value(e.Code) != "credential_locked" || !strings.Contains(e.Message, "access_key_id") || !strings.Contains(e.Message, "crd") {
		t.Errorf("got %d %s", a.status, a.body)
	}
	b.quiet(a, b.only())
}
