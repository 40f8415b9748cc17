package cloud

import (
	"errors"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// azureKey is a credential of Azure.
type azureKey struct {
	APIKey       string `json:"api_key"`
	TenantID     string `json:"tenant_id"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

const (
	azureScope  = "https://cognitiveservices.azure.com/.default"
	azureLogin  = "https://login.microsoftonline.com"
	azureRemedy = `give {"tenant_id", "client_id", "client_secret"} or an API key`
)

// Azure reads a credential of Azure: an API key, bare or as {"api_key"}, or an
// application of Entra with its secret.
func Azure(credential []byte, o Options) (Signer, error) {
	var k azureKey
	if !isJSON(credential) {
		k.APIKey = string(credential)
	} else if err := read("Azure", credential, &k, azureRemedy); err != nil {
		return nil, err
	}
	if k.APIKey != "" || !isJSON(credential) {
		value, err := bare("Azure", []byte(k.APIKey))
		if err != nil {
			return nil, err
		}
		return &key{secrets: secrets{value}, name: "Api-Key", value: value}, nil
	}
	switch {
	case k.TenantID == "":
		return nil, missing("Azure", "tenant_id", azureRemedy)
	case strings.Trim(k.TenantID, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") != "" || strings.Trim(k.TenantID, ".") == "":
		return nil, errors.New("the tenant_id of the Azure credential is neither an id nor a domain: copy it from Entra")
	case k.ClientID == "":
		return nil, missing("Azure", "client_id", azureRemedy)
	case k.ClientSecret == "":
		return nil, missing("Azure", "client_secret", azureRemedy)
	}
	login := o.Login
	if login == "" {
		login = azureLogin
	}
	config := &clientcredentials.Config{
		ClientID: k.ClientID, ClientSecret: k.ClientSecret, Scopes: []string{azureScope}, AuthStyle: oauth2.AuthStyleInParams,
		TokenURL: strings.TrimRight(login, "/") + "/" + url.PathEscape(k.TenantID) + "/oauth2/v2.0/token",
	}
	return &tokens{name: "Azure", secrets: secrets{k.ClientSecret}, client: o.client(), fetch: config.Token}, nil
}
