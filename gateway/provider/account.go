package provider

import (
	"net/url"
	"strings"
)

// Account is whose key a provider is called with, and where. It never changes.
type Account struct {
	// CredentialID names the organisation's credential, "" for the gateway's own key.
	CredentialID string

	base    *url.URL
	key     string // "" for none
	header  string // in which the key is presented
	value   string
	guarded bool // the URL is one that a client named
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
	a := p.account(credentialID, key, p.gateway.base)
	if base != nil {
		a.base, a.guarded = base, true
	}
	return a
}

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

// url is where a call goes; path is escaped.
func (a *Account) url(path, query string) *url.URL {
	u := *a.base
	u.Path = strings.TrimRight(u.Path, "/") + "/" + path
	if strings.Contains(path, "%") {
		u.RawPath = strings.TrimRight(a.base.EscapedPath(), "/") + "/" + path
		u.Path, _ = url.PathUnescape(u.RawPath) // a protocol escapes what it writes
	}
	switch {
	case u.RawQuery == "":
		u.RawQuery = query
	case query != "":
		u.RawQuery += "&" + query
	}
	return &u
}
