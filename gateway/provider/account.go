package provider

import (
	"net/url"
	"strings"
)

// Account is whose key a provider is called with, and where. It never changes.
type Account struct {
	// CredentialID names the organisation's credential, "" for the gateway's own key.
	CredentialID string

	base   *url.URL // of the organisation's own, nil for the configuration's
	key    string   // "" for none
	header string   // in which the key is presented
	value  string
}

func (p *Provider) account(credentialID, key string, base *url.URL) *Account {
	a := &Account{CredentialID: credentialID, key: key, base: base}
	a.header, a.value, _ = present(p.auth, key) // New has judged the scheme
	return a
}

// Gateway is the account that the gateway's configuration gives.
func (p *Provider) Gateway() *Account { return p.gateway }

// Own is an organisation's own account; base is its own base URL, nil for the
// configuration's.
func (p *Provider) Own(credentialID, key string, base *url.URL) *Account {
	return p.account(credentialID, key, base)
}

// Placed tells that it is known in which region the account is: one with a base URL
// of its own may be anywhere.
func (a *Account) Placed() bool { return a.base == nil }

// Own tells that the account is an organisation's and not the gateway's.
func (a *Account) Own() bool { return a.CredentialID != "" }

// String keeps the key out of whatever prints an account.
func (a *Account) String() string { return "account " + a.CredentialID }

// GoString is String.
func (a *Account) GoString() string { return a.String() }

// Redact takes the key out of what a provider said.
func (a *Account) Redact(text string) string {
	if len(a.key) < 8 {
		return text // as short as that it would be found in any text
	}
	return strings.ReplaceAll(text, a.key, "[redacted]")
}

// url is where a call goes on an account.
func (p *Provider) url(a *Account, call *Call) *url.URL {
	u := *p.endpoint.in(call.Region)
	if a.base != nil {
		u = *a.base
	}
	path, query := call.Path, call.Query
	if p.version != "" {
		path = "openai/deployments/" + url.PathEscape(call.Model) + "/" + path
		query = "api-version=" + url.QueryEscape(p.version)
	}
	escaped := strings.TrimRight(u.EscapedPath(), "/") + "/" + path
	if strings.Contains(escaped, "%") {
		u.RawPath = escaped
		u.Path, _ = url.PathUnescape(escaped) // what was escaped is unescaped
	} else {
		u.Path = escaped
	}
	switch {
	case u.RawQuery == "":
		u.RawQuery = query
	case query != "":
		u.RawQuery += "&" + query
	}
	return &u
}
