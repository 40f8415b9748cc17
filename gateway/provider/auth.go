package provider

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"weir/gateway/provider/cloud"
)

// The schemes by which a key is presented.
const (
	authBearer = "bearer"         // Authorization: Bearer KEY
	authXAPI   = "x-api-key"      // as Anthropic has it
	authAPI    = "api-key"        // as Azure has it
	authGoogle = "x-goog-api-key" // as the Gemini API has it

	// The credentials of clouds, which package cloud reads.
	authAWS   = "aws"
	authOAuth = "google"
	authEntra = "azure"
)

// schemes are all of them.
func schemes() []string {
	return []string{authBearer, authXAPI, authAPI, authGoogle, authAWS, authOAuth, authEntra}
}

func checkScheme(scheme string) error {
	if !slices.Contains(schemes(), scheme) {
		return fmt.Errorf("auth %q is none of %s", scheme, strings.Join(schemes(), ", "))
	}
	return nil
}

// isCloud tells the schemes whose credentials package cloud reads.
func isCloud(scheme string) bool {
	return scheme == authAWS || scheme == authOAuth || scheme == authEntra
}

// present returns the header in which a scheme has a plain key.
func present(scheme, key string) (name, value string) {
	switch {
	case key == "":
		return "", ""
	case scheme == authBearer:
		return "Authorization", "Bearer " + key
	}
	return http.CanonicalHeaderKey(scheme), key
}

// signer reads a cloud's credential.
func (p *Provider) signer(credential string, trusted bool) (cloud.Signer, error) {
	o := cloud.Options{Trusted: trusted, Region: p.endpoint.region, Login: p.login}
	switch p.auth {
	case authAWS:
		return cloud.AWS([]byte(credential), o)
	case authOAuth:
		return cloud.Google([]byte(credential), o)
	default:
		return cloud.Azure([]byte(credential), o)
	}
}

// fromEnvironment finds the gateway's own credential of a cloud where the cloud's own
// tools do. What is not there is missed when it is needed: organisations may have
// theirs.
func (p *Provider) fromEnvironment(a *Account, getenv func(string) string) error {
	switch p.auth {
	case authAWS:
		a.signer, a.lacks = cloud.AWSFromEnvironment(getenv, cloud.Options{Trusted: true, Region: p.endpoint.region})
	case authOAuth:
		var credential []byte
		if credential, a.lacks = cloud.GoogleFromEnvironment(getenv); a.lacks == nil {
			return p.take(a, string(credential), true)
		}
	}
	return nil
}

// take makes a credential that the provider's scheme reads the account's.
func (p *Provider) take(a *Account, credential string, trusted bool) (err error) {
	if !isCloud(p.auth) {
		a.key = credential
		a.header, a.value = present(p.auth, credential)
		return nil
	}
	if a.signer, err = p.signer(credential, trusted); err == nil && p.auth == authOAuth {
		a.project = cloud.GoogleProject([]byte(credential))
	}
	return err
}

// CheckCredential tells whether an organisation's own credential is one of a cloud, and
// what is wrong with its form. It fetches no token.
func (p *Provider) CheckCredential(credential string) (ofCloud bool, err error) {
	if !isCloud(p.auth) {
		return false, nil
	}
	_, err = p.signer(credential, false)
	return true, err
}

// unsignedError is that a call did not go out since its credential could not be used.
type unsignedError struct{ why error }

func (e unsignedError) Error() string { return "the call could not be signed: " + e.why.Error() }

func (e unsignedError) Unwrap() error { return e.why }
