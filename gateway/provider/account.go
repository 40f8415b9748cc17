package provider

import (
	"net/url"
	"strings"
)

// Account is whose key a provider is called with, and where. It never changes.
type Account struct {
	// CredentialID names the organisation's credential, "" for the gateway's own key.
	CredentialID string

	chat          *url.URL
	key           string // "" for none
	authorization string // the header with the key
	guarded       bool   // the URL is one that a client named
}

func account(credentialID, key string, chat *url.URL) *Account {
	a := &Account{CredentialID: credentialID, key: key, chat: chat}
	if key != "" {
		a.authorization = "Bearer " + key
	}
	return a
}

// Gateway is the account that the gateway's configuration gives.
func (p *Provider) Gateway() *Account { return p.gateway }

// Own is an organisation's own account; base is its own base URL, nil for the
// configuration's.
func (p *Provider) Own(credentialID, key string, base *url.URL) *Account {
	a := account(credentialID, key, p.gateway.chat)
	if base != nil {
		a.chat, a.guarded = chatOf(base), true
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

func chatOf(base *url.URL) *url.URL {
	chat := base.JoinPath("chat", "completions")
	chat.RawQuery = base.RawQuery
	return chat
}
