package credential

import (
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"weir/gateway/apierror"
	"weir/gateway/egress"
	"weir/gateway/provider"
	"weir/internal/control"
	"weir/schemas"
)

// Vault finds the accounts of calls.
type Vault struct {
	ring  *Keyring
	rule  egress.Rule
	state *control.State
	now   func() time.Time

	mu    sync.RWMutex // owns the rest
	open  map[place]opened
	swept time.Time
}

// place is where a credential stands in the control state.
type place struct{ org, id string }

// opened is a decrypted credential.
type opened struct {
	credential *schemas.Credential // another pointer in the state is another value
	account    *provider.Account
}

// NewVault returns the accounts of the control state's credentials, whose base URLs
// must still be as the rule allows.
func NewVault(ring *Keyring, rule egress.Rule, state *control.State) *Vault {
	return &Vault{ring: ring, rule: rule, state: state, now: time.Now, open: make(map[place]opened)}
}

// StrategyOf is whose key the caller's calls go out on: what its key says, else its
// group, else its organisation, else the gateway's.
func StrategyOf(c *control.Caller) schemas.CredentialStrategy {
	for _, s := range [...]schemas.CredentialStrategy{c.Key.Strategy, c.Group.GetStrategy(), c.Org.GetStrategy()} {
		if s != schemas.CredentialStrategy_CREDENTIAL_STRATEGY_UNSPECIFIED {
			return s
		}
	}
	return schemas.CredentialStrategy_CREDENTIAL_STRATEGY_GATEWAY_KEY
}

// Plan returns the account that a call to a provider goes out on, and the one that
// it is tried on once more, nil for none. An own key that a strategy names first and
// that cannot be used refuses the call, where there is one: the gateway's key is
// paid for otherwise, and nobody would notice.
func (v *Vault) Plan(c *control.Caller, p *provider.Provider) (first, second *provider.Account, e *apierror.Error) {
	strategy := StrategyOf(c)
	if strategy == schemas.CredentialStrategy_CREDENTIAL_STRATEGY_GATEWAY_KEY {
		return p.Gateway(), nil, nil
	}
	own, e := v.own(c, p)
	switch strategy {
	case schemas.CredentialStrategy_CREDENTIAL_STRATEGY_OWN_KEY:
		if own == nil && e == nil {
			e = apierror.New(apierror.CredentialMissing, fmt.Sprintf("The strategy of this API key is the organisation's own key, and there is none for the provider %q. "+
				"Add a credential for it, or choose another strategy.", p.Name))
		}
		return own, nil, e
	case schemas.CredentialStrategy_CREDENTIAL_STRATEGY_OWN_THEN_GATEWAY:
		if own == nil && e == nil {
			return p.Gateway(), nil, nil
		}
		return own, p.Gateway(), e
	case schemas.CredentialStrategy_CREDENTIAL_STRATEGY_GATEWAY_THEN_OWN:
		return p.Gateway(), own, nil
	}
	return nil, nil, apierror.New(apierror.CredentialMissing, "The credential strategy is one that this gateway's release does not know.")
}

// own returns the caller's own account at the provider, nil for none.
func (v *Vault) own(c *control.Caller, p *provider.Provider) (*provider.Account, *apierror.Error) {
	credential := v.state.Credential(c, p.Name)
	if credential == nil {
		return nil, nil
	}
	at := place{credential.OrgId, credential.CredentialId}
	v.mu.RLock()
	known := v.open[at]
	v.mu.RUnlock()
	if known.credential == credential {
		return known.account, nil
	}
	account, e := v.unlock(credential, p)
	if e == nil {
		v.keep(at, opened{credential, account})
	}
	return account, e
}

func (v *Vault) unlock(c *schemas.Credential, p *provider.Provider) (*provider.Account, *apierror.Error) {
	var base *url.URL
	if c.BaseUrl != "" {
		var err error
		if base, err = v.rule.Check(c.BaseUrl); err != nil {
			return nil, apierror.New(apierror.BaseURLRefused, fmt.Sprintf("The base URL of the credential %s cannot be used: %s.", c.CredentialId, err))
		}
	}
	key, err := v.ring.Open(c)
	switch {
	case errors.Is(err, ErrNoKey):
		return nil, apierror.New(apierror.CredentialLocked, fmt.Sprintf("The credential %s cannot be decrypted here: %s.", c.CredentialId, err))
	case err != nil:
		return nil, apierror.New(apierror.CredentialLocked, fmt.Sprintf("The credential %s cannot be decrypted: %s. Enter its key again.", c.CredentialId, err))
	}
	account, err := p.Own(c.CredentialId, key, base)
	if err != nil {
		return nil, apierror.New(apierror.CredentialLocked, fmt.Sprintf("The credential %s is none that the provider %q takes: %s. Enter its key again.", c.CredentialId, p.Name, err))
	}
	return account, nil
}

// sweepEvery is how often keys that the control state does not hold any more are
// forgotten, when others are added.
const sweepEvery = time.Minute

func (v *Vault) keep(at place, o opened) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open[at] = o
	if now := v.now(); now.Sub(v.swept) >= sweepEvery {
		v.swept = now
		for at, o := range v.open {
			if still, _ := control.Get[*schemas.Credential](v.state, at.org, at.id); still.Value != o.credential {
				delete(v.open, at)
			}
		}
	}
}
