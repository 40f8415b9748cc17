package cloud

import (
	"context"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"
)

// googleKey is a credential file of Google.
type googleKey struct {
	Type         string `json:"type"`
	ProjectID    string `json:"project_id"`
	ClientEmail  string `json:"client_email"`
	PrivateKey   string `json:"private_key"`
	PrivateKeyID string `json:"private_key_id"`
	TokenURI     string `json:"token_uri"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	RefreshToken string `json:"refresh_token"`
	QuotaProject string `json:"quota_project_id"`
}

const (
	googleScope  = "https://www.googleapis.com/auth/cloud-platform"
	googleToken  = "https://oauth2.googleapis.com/token"
	googleRemedy = "give the JSON key file of a service account, or an API key"
)

// Google reads a credential of Google: an API key, or the file of a service account or,
// where it is the operator's, of a person (gcloud auth application-default login).
func Google(credential []byte, o Options) (Signer, error) {
	if !isJSON(credential) {
		value, err := bare("Google", credential)
		if err != nil {
			return nil, err
		}
		return &key{secrets: secrets{value}, name: "X-Goog-Api-Key", value: value}, nil
	}
	var k googleKey
	if err := read("Google", credential, &k, googleRemedy); err != nil {
		return nil, err
	}
	switch {
	case k.TokenURI == "":
		k.TokenURI = googleToken
	case !o.Trusted && !googleHost(k.TokenURI):
		return nil, fmt.Errorf("the token_uri of the Google credential is none of Google's: leave it out, or make it %s", googleToken)
	}
	t := &tokens{name: "Google", client: o.client()}
	if k.QuotaProject != "" && k.Type != "service_account" {
		t.headers = map[string]string{"X-Goog-User-Project": k.QuotaProject}
	}
	switch {
	case k.Type == "service_account":
		return t.serviceAccount(k)
	case k.Type == "authorized_user" && o.Trusted:
		return t.person(k)
	}
	return nil, fmt.Errorf("the type of the Google credential is not service_account: %s", googleRemedy)
}

// GoogleProject is the project that a credential file names, "" for none: what Vertex's
// addresses are made of.
func GoogleProject(credential []byte) string {
	var k googleKey
	switch err := read("Google", credential, &k, googleRemedy); {
	case err != nil:
		return ""
	case k.ProjectID != "":
		return k.ProjectID
	}
	return k.QuotaProject
}

// googleHost tells the addresses that Google's key files have had.
func googleHost(uri string) bool {
	switch uri {
	case googleToken, "https://accounts.google.com/o/oauth2/token", "https://www.googleapis.com/oauth2/v4/token", "https://www.googleapis.com/oauth2/v3/token":
		return true
	}
	return false
}

func (t *tokens) serviceAccount(k googleKey) (Signer, error) {
	block, _ := pem.Decode([]byte(k.PrivateKey))
	switch {
	case k.ClientEmail == "":
		return nil, missing("Google", "client_email", googleRemedy)
	case block == nil:
		return nil, missing("Google", "private_key in PEM", googleRemedy)
	}
	t.secrets = secrets{k.PrivateKey}
	config := &jwt.Config{Email: k.ClientEmail, PrivateKey: []byte(k.PrivateKey), PrivateKeyID: k.PrivateKeyID,
		Scopes: []string{googleScope}, TokenURL: k.TokenURI}
	t.fetch = func(ctx context.Context) (*oauth2.Token, error) { return config.TokenSource(ctx).Token() }
	return t, nil
}

func (t *tokens) person(k googleKey) (Signer, error) {
	if k.RefreshToken == "" {
		return nil, missing("Google", "refresh_token", googleRemedy)
	}
	t.secrets = secrets{k.RefreshToken, k.ClientSecret}
	config := &oauth2.Config{ClientID: k.ClientID, ClientSecret: k.ClientSecret, Scopes: []string{googleScope},
		Endpoint: oauth2.Endpoint{TokenURL: k.TokenURI, AuthStyle: oauth2.AuthStyleInParams}}
	t.fetch = func(ctx context.Context) (*oauth2.Token, error) {
		return config.TokenSource(ctx, &oauth2.Token{RefreshToken: k.RefreshToken}).Token()
	}
	return t, nil
}

// GoogleFromEnvironment reads the operator's own credential where Google's tools find
// it: the file GOOGLE_APPLICATION_CREDENTIALS, or the one that gcloud writes. Accounts
// of machines are not looked for. It is for Google, as a trusted one.
func GoogleFromEnvironment(getenv func(string) string) ([]byte, error) {
	path := getenv("GOOGLE_APPLICATION_CREDENTIALS")
	if path == "" {
		path = filepath.Join(getenv("HOME"), ".config", "gcloud", "application_default_credentials.json")
	}
	credential, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read Google credentials: set GOOGLE_APPLICATION_CREDENTIALS: %w", withoutPath(err))
	}
	return credential, nil
}
