package cloud

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// server is a token endpoint. It answers with a token that is the number of the request.
func server(t *testing.T, check func(*http.Request) error) *httptest.Server {
	t.Helper()
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		if err := check(r); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error":"invalid_grant","error_description":%q}`, r.PostForm.Encode())
			return
		}
		n++
		fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"Bearer","expires_in":3600}`, n)
	}))
	t.Cleanup(s.Close)
	return s
}

func serviceAccount(t *testing.T, uri string) (file []byte, private string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	private = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	file, err = json.Marshal(map[string]string{"type": "service_account", "project_id": "p", "client_email": "a@p.iam.gserviceaccount.com",
		"private_key": private, "private_key_id": "k1", "token_uri": uri})
	if err != nil {
		t.Fatal(err)
	}
	return file, private
}

func authorization(t *testing.T, s Signer) string {
	t.Helper()
	req := request(t, "POST", "https://localhost/")
	if err := s.Sign(req, nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	return req.Header.Get("Authorization")
}

func TestGoogle(t *testing.T) {
	at := server(t, func(r *http.Request) error {
		if r.PostForm.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || strings.Count(r.PostForm.Get("assertion"), ".") != 2 {
			return errors.New("no assertion")
		}
		return nil
	})
	file, private := serviceAccount(t, at.URL)
	s, err := Google(file, Options{Trusted: true})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := authorization(t, s); got != "Bearer token-1" {
			t.Errorf("got %s", got)
		}
	}
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s", s, s, s, s)} {
		if strings.Contains(text, private) || strings.Contains(text, "token-1") {
			t.Errorf("printed its secrets: %s", text)
		}
	}
	if _, err := Google(file, Options{}); err == nil || !strings.Contains(err.Error(), "token_uri") {
		t.Errorf("an organisation's credential named the address for its token: %v", err)
	}
	if file, _ := serviceAccount(t, googleToken); len(file) > 0 {
		if _, err := Google(file, Options{}); err != nil {
			t.Error(err)
		}
	}
}

func TestGooglePerson(t *testing.T) {
	at := server(t, func(r *http.Request) error {
		if r.PostForm.Get("refresh_token") != "refresh-s3cr3t" {
			return errors.New("no refresh token")
		}
		return nil
	})
	file := `{"type":"authorized_user","client_id":"c","client_secret":"client-s3cr3t","refresh_token":"refresh-s3cr3t","quota_project_id":"q","token_uri":"` + at.URL + `"}`
	s, err := Google([]byte(file), Options{Trusted: true})
	if err != nil {
		t.Fatal(err)
	}
	req := request(t, "POST", "https://localhost/")
	if err := s.Sign(req, nil, time.Now()); err != nil || req.Header.Get("Authorization") != "Bearer token-1" || req.Header.Get("X-Goog-User-Project") != "q" {
		t.Errorf("%v %v", err, req.Header)
	}
	if _, err := Google([]byte(strings.Replace(file, at.URL, googleToken, 1)), Options{}); err == nil {
		t.Error("a person's credential was taken from an organisation")
	}
}

func TestAzure(t *testing.T) {
	at := server(t, func(r *http.Request) error {
		f := r.PostForm
		if r.URL.Path != "/contoso.example/oauth2/v2.0/token" || f.Get("client_id") != "c" || f.Get("client_secret") != "azure-s3cr3t" || f.Get("scope") != azureScope {
			return errors.New("wrong form")
		}
		return nil
	})
	credential := []byte(`{"tenant_id":"contoso.example","client_id":"c","client_secret":"azure-s3cr3t"}`)
	s, err := Azure(credential, Options{Login: at.URL})
	if err != nil {
		t.Fatal(err)
	}
	if got := authorization(t, s); got != "Bearer token-1" {
		t.Errorf("got %s", got)
	}
	// A refusal quotes what was sent: none of it may come out.
	s, err = Azure([]byte(strings.Replace(string(credential), "azure-", "other-", 1)), Options{Login: at.URL})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Sign(request(t, "POST", "https://localhost/"), nil, time.Now())
	if err == nil || strings.Contains(err.Error(), "s3cr3t") || !strings.Contains(err.Error(), "400 invalid_grant") {
		t.Errorf("error %v", err)
	}
	for name, c := range map[string]struct{ credential, field string }{
		"no tenant":  {`{"client_id":"c","client_secret":"s"}`, "tenant_id"},
		"a path":     {`{"tenant_id":"../evil","client_id":"c","client_secret":"s"}`, "tenant_id"},
		"dots":       {`{"tenant_id":"..","client_id":"c","client_secret":"s"}`, "tenant_id"},
		"no client":  {`{"tenant_id":"t","client_secret":"s"}`, "client_id"},
		"no secret":  {`{"tenant_id":"t","client_id":"c"}`, "client_secret"},
		"no keys":    {`{}`, "tenant_id"},
		"two words":  {`a b`, "spaces"},
		"not a text": {`{"tenant_id":1}`, "tenant_id"},
	} {
		if _, err := Azure([]byte(c.credential), Options{}); err == nil || !strings.Contains(err.Error(), c.field) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestGoogleKeysAndProjects(t *testing.T) {
	s, err := Google([]byte("AIza-s3cr3t\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	req := request(t, "POST", "https://localhost/")
	if err := s.Sign(req, nil, time.Now()); err != nil || req.Header.Get("X-Goog-Api-Key") != "AIza-s3cr3t" {
		t.Errorf("%v %v", err, req.Header)
	}
	file, _ := serviceAccount(t, googleToken)
	for credential, want := range map[string]string{string(file): "p", `{"quota_project_id":"q"}`: "q", "AIza": "", "{": ""} {
		if got := GoogleProject([]byte(credential)); got != want {
			t.Errorf("project %q, want %q", got, want)
		}
	}
}

func TestAzureKeys(t *testing.T) {
	for _, credential := range []string{"azure-api-key", `{"api_key":"azure-api-key"}`} {
		s, err := Azure([]byte(credential), Options{})
		if err != nil {
			t.Fatal(err)
		}
		req := request(t, "POST", "https://localhost/")
		if err := s.Sign(req, nil, time.Now()); err != nil || req.Header.Get("Api-Key") != "azure-api-key" || req.Header.Get("Authorization") != "" {
			t.Errorf("%v %v", err, req.Header)
		}
		if got := s.Redact("wrong key azure-api-key"); got != "wrong key [redacted]" {
			t.Errorf("got %s", got)
		}
		if text := fmt.Sprintf("%v %+v %#v", s, s, s); strings.Contains(text, "azure-api-key") {
			t.Errorf("printed its key: %s", text)
		}
	}
}

func TestATokenServerThatRedirectsIsNotFollowed(t *testing.T) {
	reached := false
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer inner.Close()
	outer := httptest.NewServer(http.RedirectHandler(inner.URL, http.StatusTemporaryRedirect))
	defer outer.Close()
	s, err := Azure([]byte(`{"tenant_id":"t","client_id":"c","client_secret":"azure-s3cr3t"}`), Options{Login: outer.URL})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Sign(request(t, "POST", "https://localhost/"), nil, time.Now()); err == nil || reached {
		t.Errorf("error %v, reached %v", err, reached)
	}
}

func FuzzCredentials(f *testing.F) {
	f.Add([]byte(`{"access_key_id":"a","secret_access_key":"b"}`))
	f.Add([]byte(`{"type":"service_account","token_uri":"https://oauth2.googleapis.com/token"}`))
	f.Add([]byte("key"))
	f.Fuzz(func(_ *testing.T, credential []byte) {
		for _, open := range []func([]byte, Options) (Signer, error){AWS, Google, Azure} {
			if s, err := open(credential, Options{}); err == nil {
				_ = fmt.Sprint(s) // whatever it is, it can be printed
			}
		}
	})
}
