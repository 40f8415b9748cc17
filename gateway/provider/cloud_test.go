package provider

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/gateway/apierror"
	"weir/gateway/egress"
)

// The gateway's own credential: named by the configuration, found where the cloud's
// tools find it, or missed by the call that needs it and not before.
func TestCloudCredentialsOfTheGateway(t *testing.T) {
	var arrived http.Header
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { arrived = r.Header }))
	defer server.Close()
	const keys = `{"access_key_id":"AKIDEXAMPLE","secret_access_key":"s3cr3t-of-aws","region":"eu-west-1"}`
	notThere := filepath.Join(t.TempDir(), "none")
	for name, c := range map[string]struct {
		auth   string
		named  bool // by api_key_env
		env    map[string]string
		header string
		want   string // its beginning
		fails  string
	}{
		"keys":            {"aws", true, map[string]string{"K": keys}, "Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/", ""},
		"Bedrock API key": {"aws", true, map[string]string{"K": "ABSK-1"}, "Authorization", "Bearer ABSK-1", ""},
		"AWS environment": {"aws", false, map[string]string{"AWS_ACCESS_KEY_ID": "AKIDOTHER", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-west-1"}, "Authorization", "AWS4-HMAC-SHA256 Credential=AKIDOTHER/", ""},
		"nothing of AWS":  {"aws", false, map[string]string{"AWS_SHARED_CREDENTIALS_FILE": notThere}, "", "", "AWS_ACCESS_KEY_ID"},
		"AWS unset":       {"aws", true, nil, "", "", "the environment has no K"},
		"Google API key":  {"google", true, map[string]string{"K": "AIza-1"}, "X-Goog-Api-Key", "AIza-1", ""},
		"no Google file":  {"google", false, map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": notThere}, "", "", "GOOGLE_APPLICATION_CREDENTIALS"},
		"Azure API key":   {"azure", true, map[string]string{"K": "azure-1"}, "Api-Key", "azure-1", ""},
	} {
		config := Config{Name: "p", BaseURL: server.URL, Auth: c.auth}
		if c.named {
			config.APIKeyEnv = "K"
		}
		p, err := New(config, func(name string) string { return c.env[name] })
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		client := NewClient("v", egress.Rule{})
		resp, err := client.Send(t.Context(), p, p.Gateway(), Call{RequestID: "req_1", Path: "a", Body: []byte("{}")})
		if c.fails != "" {
			if e := Explain(context.Background(), err, false); e.Kind != apierror.ProviderCredentials || !strings.Contains(e.Message, c.fails) || strings.Contains(e.Message, notThere) {
				t.Errorf("%s: %v", name, e)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = resp.Body.Close()
		client.Close()
		if got := arrived.Get(c.header); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s is %q", name, c.header, got)
		}
	}
	if _, err := New(Config{Name: "bedrock", APIKeyEnv: "K"}, func(string) string { return `{"access_key_id":"a"}` }); err == nil || !strings.Contains(err.Error(), "api_key_env K") || !strings.Contains(err.Error(), "secret_access_key") {
		t.Errorf("a credential without its secret: %v", err)
	}
}

// The project is the configuration's, or the credential's; an organisation's own
// account goes to its own.
func TestProjectsOfVertex(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	text := `{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r","quota_project_id":"theirs"}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := func(name string) string { return map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file}[name] }
	const host = "https://aiplatform.googleapis.com/v1/projects/"
	for _, c := range []struct {
		config Config
		getenv func(string) string
		own    string
		want   string // "" for none
	}{
		{Config{Name: "vertex"}, environment, "", host + "theirs/locations/global/a"},
		{Config{Name: "vertex", Project: "named"}, environment, "", host + "named/locations/global/a"},
		{Config{Name: "vertex"}, noEnv, "", ""},
		{Config{Name: "vertex", Project: "named"}, noEnv, "own", host + "own/locations/global/a"},
	} {
		p, err := New(c.config, c.getenv)
		if err != nil {
			t.Fatal(err)
		}
		a := p.Gateway()
		if c.own != "" {
			a = &Account{project: c.own}
		}
		got, err := p.url(a, &Call{Path: "a"})
		if c.want == "" {
			if e := Explain(context.Background(), err, false); err == nil || e.Kind != apierror.ProviderCredentials || !strings.Contains(e.Message, "project") {
				t.Errorf("got %s, %v", got, err)
			}
		} else if err != nil || got.String() != c.want {
			t.Errorf("got %s, %v, want %s", got, err, c.want)
		}
	}
}

// A pin names the regions of several clouds: each vendor knows its own.
func TestRegionsOfVendors(t *testing.T) {
	pins := []string{"europe-west4", "eu-west-1", "eu"}
	for name, want := range map[string]string{"bedrock": "eu-west-1", "vertex": "europe-west4", "openai": "eu", "xai": "eu-west-1", "groq": ""} {
		p, err := New(Config{Name: name, Project: "p"}, noEnv)
		if err != nil {
			t.Fatal(err)
		}
		if got, e := p.Home("m").Within(pins); got.Region != want || (e == nil) != (want != "") {
			t.Errorf("%s: got %q, %v", name, got.Region, e)
		}
	}
}

// Bedrock serves an inference profile wherever its geography has room: that is another
// region than the one that is called.
func TestInferenceProfilesAndPins(t *testing.T) {
	p, err := New(Config{Name: "bedrock"}, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	const arn = "arn:aws:bedrock:eu-west-1:123456789012:"
	for model, pins := range map[string]string{ // with which it may be called
		"anthropic.claude-sonnet-4-v1:0":                                             "eu-west-1",
		"zai.glm-4.7":                                                                "eu-west-1",
		"eu.anthropic.claude-sonnet-4-v1:0":                                          "eu-west-1 eu",
		"global.anthropic.claude-opus-4":                                             "eu-west-1 global",
		"us-gov.anthropic.claude-3":                                                  "eu-west-1 us-gov",
		arn + "inference-profile/eu.anthropic.claude-sonnet-4":                       "eu-west-1 eu",
		arn + "application-inference-profile/abc123":                                 "eu-west-1 any",
		arn + "default-prompt-router/anthropic.claude:1":                             "eu-west-1 any",
		arn + "prompt-router/abc123":                                                 "eu-west-1 any",
		arn + "imported-model/abc123":                                                "eu-west-1",
		arn + "provisioned-model/abc123":                                             "eu-west-1",
		"arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-sonnet-4-v1:0": "eu-west-1",
	} {
		regions := strings.Fields(pins)
		if got, e := p.Home(model).Within(regions); e != nil || got.Region != "eu-west-1" {
			t.Errorf("%s in %s: got %q, %v", model, pins, got.Region, e)
		}
		if _, e := p.Home(model).Within(regions[:1]); (e == nil) != (len(regions) == 1) {
			t.Errorf("%s in %s: %v", model, regions[0], e)
		}
	}
}
