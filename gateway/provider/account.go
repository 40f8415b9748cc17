package provider

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"weir/gateway/provider/cloud"
)

// Account is whose key a provider is called with, and where. It never changes.
type Account struct {
	// CredentialID names the organisation's credential, "" for the gateway's own key.
	CredentialID string

	base    *url.URL // of the organisation's own, nil for the configuration's
	key     string   // "" for none, or one of a cloud
	header  string   // in which the key is presented
	value   string
	signer  cloud.Signer // of a cloud's credential, nil for none
	project string       // the cloud project that the credential is of, "" for the configuration's
	lacks   error        // why there is no signer where the scheme needs one
}

// Gateway is the account that the gateway's configuration gives.
func (p *Provider) Gateway() *Account { return p.gateway }

// Own is an organisation's own account; base is its own base URL, nil for the
// configuration's. It is to be kept: the tokens of a cloud's credential are in it. An
// error names the field of the credential.
func (p *Provider) Own(credentialID, credential string, base *url.URL) (*Account, error) {
	a := &Account{CredentialID: credentialID, base: base}
	return a, p.take(a, credential, false)
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
	if a.signer != nil {
		return a.signer.Redact(text)
	}
	if len(a.key) < 8 {
		return text // as short as that it would be found in any text
	}
	return strings.ReplaceAll(text, a.key, "[redacted]")
}

// sign puts a cloud's credential on a request whose other headers stand.
func (a *Account) sign(req *http.Request, body []byte) error {
	switch {
	case a.lacks != nil:
		return unsignedError{a.lacks}
	case a.signer == nil:
		return nil
	}
	if err := a.signer.Sign(req, body, time.Now()); err != nil {
		return unsignedError{err}
	}
	return nil
}

var errNoProject = errors.New("the cloud project is not known: the credential names none, and neither does project in the configuration")

// url is where a call goes on an account.
func (p *Provider) url(a *Account, call *Call) (*url.URL, error) {
	var u url.URL
	if a.base != nil {
		u = *a.base
	} else {
		at, err := p.endpoint.in(call.Region, cmp.Or(a.project, p.project))
		if err != nil {
			return nil, err
		}
		u = *at
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
	return &u, nil
}
