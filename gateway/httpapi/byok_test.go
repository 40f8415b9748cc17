package httpapi_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/gateway/credential"
	"weir/gateway/egress"
	"weir/internal/control"
	"weir/internal/live"
	"weir/schemas"
)

const (
	ownSecret = "sk-of-the-organisation"

	gatewayKey = schemas.CredentialStrategy_CREDENTIAL_STRATEGY_GATEWAY_KEY
	ownKey     = schemas.CredentialStrategy_CREDENTIAL_STRATEGY_OWN_KEY
	ownFirst   = schemas.CredentialStrategy_CREDENTIAL_STRATEGY_OWN_THEN_GATEWAY
	ownLast    = schemas.CredentialStrategy_CREDENTIAL_STRATEGY_GATEWAY_THEN_OWN
)

// upstream is a provider that notes which key arrives.
type upstream struct {
	url   string
	serve http.HandlerFunc

	mu   sync.Mutex
	keys []string
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	u.keys = append(u.keys, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	u.mu.Unlock()
	u.serve(w, r)
}

// arrived is which keys did, since it was last asked.
func (u *upstream) arrived() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	keys := strings.Join(u.keys, " ")
	u.keys = nil
	return keys
}

// byokWorld is a gateway whose organisation has an own key, for a base URL of its
// own.
type byokWorld struct {
	*world
	ring              *credential.Keyring
	theirs, operators *upstream // where the organisation's and the gateway's key go
}

func startByok(t testing.TB, theirs, operators http.HandlerFunc, change ...func(*config)) *byokWorld {
	t.Helper()
	ring := must(credential.NewKeyring([]string{"a:" + base64.StdEncoding.EncodeToString(make([]byte, 32))}, ""))(t)
	b := &byokWorld{ring: ring, theirs: &upstream{serve: theirs}, operators: &upstream{serve: operators}}
	own := httptest.NewServer(b.theirs)
	t.Cleanup(own.Close)
	b.theirs.url = own.URL + "/v1"
	b.world = start(t, b.operators.ServeHTTP, append([]func(*config){func(c *config) {
		c.ring, c.egress = ring, egress.Rule{Private: true, HTTP: true}
	}}, change...)...)
	return b
}

// has gives the organisation a credential.
func (b *byokWorld) has(c *schemas.Credential) {
	b.t.Helper()
	c.OrgId, c.Provider = "org", "mock"
	if err := b.ring.Seal(c, ownSecret); err != nil {
		b.t.Fatal(err)
	}
	if err := control.Put(b.t.Context(), b.control, c, control.Change{}); err != nil {
		b.t.Fatal(err)
	}
}

// strategy sets the organisation's.
func (b *byokWorld) strategy(s schemas.CredentialStrategy) {
	b.t.Helper()
	v, _ := control.Get[*schemas.Organization](b.control.State, "org", "org")
	org := control.Clone(v.Value)
	org.Strategy = s
	if err := control.Put(b.t.Context(), b.control, org, control.Change{Expected: v.Version}); err != nil {
		b.t.Fatal(err)
	}
}

func TestStrategies(t *testing.T) {
	good, limited := respond(200, plainAnswer), respond(429, `{"error":{"message":"slow down"}}`)
	for name, c := range map[string]struct {
		strategy          schemas.CredentialStrategy
		theirs, operators http.HandlerFunc
		own, gateway      string // the keys that arrive
		status            int
		kinds             string // of the attempts
		byok              bool
	}{
		"unspecified":               {0, never(t), good, "", "sk-upstream", 200, "", false},
		"gateway key":               {gatewayKey, never(t), good, "", "sk-upstream", 200, "", false},
		"own key":                   {ownKey, good, never(t), ownSecret, "", 200, "", true},
		"own key, limited":          {ownKey, limited, never(t), ownSecret, "", 429, "provider_rate_limited", true},
		"own first":                 {ownFirst, good, never(t), ownSecret, "", 200, "", true},
		"own first, limited":        {ownFirst, limited, good, ownSecret, "sk-upstream", 200, "provider_rate_limited,", false},
		"own first, refused":        {ownFirst, respond(401, `{}`), good, ownSecret, "sk-upstream", 200, "provider_credentials,", false},
		"own first, overloaded":     {ownFirst, respond(529, `{}`), good, ownSecret, "sk-upstream", 200, "provider_overloaded,", false},
		"own first, failed":         {ownFirst, respond(500, `{}`), good, ownSecret, "sk-upstream", 200, "provider_error,", false},
		"own first, error in a 200": {ownFirst, respond(200, `{"error":{"message":"no","code":503}}`), good, ownSecret, "sk-upstream", 200, "provider_error,", false},
		"own first, cut":            {ownFirst, func(w http.ResponseWriter, _ *http.Request) { breaks(w) }, good, ownSecret, "sk-upstream", 200, "provider_unreachable,", false},
		"own first, wrong request":  {ownFirst, respond(400, `{"error":{"message":"no"}}`), never(t), ownSecret, "", 400, "provider_error", true},
		"own first, not JSON":       {ownFirst, respond(200, `<html>`), never(t), ownSecret, "", 424, "provider_unreadable", true},
		"own first, a redirect":     {ownFirst, respond(302, ``, "Location", "http://169.254.169.254/"), never(t), ownSecret, "", 424, "provider_unreadable", true},
		"own first, both limited":   {ownFirst, limited, limited, ownSecret, "sk-upstream", 429, "provider_rate_limited,provider_rate_limited", false},
		"own last":                  {ownLast, never(t), good, "", "sk-upstream", 200, "", false},
		"own last, limited":         {ownLast, good, limited, ownSecret, "sk-upstream", 200, "provider_rate_limited,", true},
		"own last, refused":         {ownLast, good, respond(403, `{}`), ownSecret, "sk-upstream", 200, "provider_credentials,", true},
	} {
		t.Run(name, func(t *testing.T) {
			b := startByok(t, c.theirs, c.operators)
			b.has(&schemas.Credential{CredentialId: "crd", BaseUrl: b.theirs.url})
			b.strategy(c.strategy)
			a := b.post(plainBody)
			if a.status != c.status || a.header.Get("X-Requesty-Provider") != "mock" {
				t.Errorf("got %d %s", a.status, a.body)
			}
			if own, gateway := b.theirs.arrived(), b.operators.arrived(); own != c.own || gateway != c.gateway {
				t.Errorf("keys %q and %q arrived, want %q and %q", own, gateway, c.own, c.gateway)
			}
			rec := b.only()
			var kinds []string
			for _, attempt := range rec.response.Attempts {
				kinds = append(kinds, attempt.ErrorKind)
			}
			for i, attempt := range rec.response.Attempts {
				if want := c.byok == (i == len(kinds)-1); attempt.Byok != want { // the last one's account, and another one's before
					t.Errorf("attempt %d is on an own key: %v", i, attempt.Byok)
				}
			}
			last := rec.response.Attempts[len(kinds)-1]
			if strings.Join(kinds, ",") != c.kinds || rec.usage.Byok != c.byok || a.header.Get("X-Requesty-Attempts") != map[bool]string{true: "1", false: "2"}[len(kinds) == 1] ||
				last.CostPico != rec.usage.CostPico || (rec.usage.CostPico == 0) != (c.status != 200) {
				t.Errorf("attempts %v, recorded %v\n%v", a.header["X-Requesty-Attempts"], rec.response, rec.usage)
			}
			if c.status == 200 && a.header.Get("X-Requesty-Cost-Usd") != plainCost {
				t.Errorf("cost %v", a.header["X-Requesty-Cost-Usd"])
			}
			b.quiet(a, rec)
		})
	}
}

// quiet checks that no key is anywhere where it must not be.
func (b *byokWorld) quiet(a answer, rec *recorded) {
	b.t.Helper()
	for where, text := range map[string]string{"answer": a.body, "response": rec.response.String(), "usage": rec.usage.String(), "log": b.log.String()} {
		if strings.Contains(text, ownSecret) || strings.Contains(text, "sk-upstream") {
			b.t.Errorf("a key is in the %s: %s", where, text)
		}
	}
}

// A stream may begin on the other key as long as the client has nothing of it.
func TestStreamsOnTheOtherKey(t *testing.T) {
	good := streams(content("hello"), stopChunk, usageChunk, "[DONE]")
	oops := `{"error":{"message":"oops","code":"server_error"}}`
	for name, c := range map[string]struct {
		theirs   http.HandlerFunc
		attempts int
		whole    bool
	}{
		"an error first": {func(w http.ResponseWriter, r *http.Request) {
			events(w, r).send(oops)
			<-r.Context().Done() // the rest is not waited for
		}, 2, true},
		"nothing at all": {func(w http.ResponseWriter, r *http.Request) { events(w, r).send(); breaks(w) }, 2, true},
		"an error later": {streams(content("hello"), oops), 1, false},
		"cut later":      {func(w http.ResponseWriter, r *http.Request) { events(w, r).send(content("hello")); breaks(w) }, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := startByok(t, c.theirs, good)
			b.has(&schemas.Credential{CredentialId: "crd", BaseUrl: b.theirs.url})
			b.strategy(ownFirst)
			a := b.post(streamBody)
			if whole := strings.HasSuffix(a.body, "data: [DONE]\n\n"); whole != c.whole || strings.Count(a.body, "hello") != 1 {
				t.Errorf("got %s", a.body)
			}
			rec := b.only()
			if len(rec.response.Attempts) != c.attempts || rec.usage.Byok != (c.attempts == 1) || rec.usage.CostPico == 0 {
				t.Errorf("recorded %v\n%v", rec.response, rec.usage)
			}
		})
	}
}

// The times of the second attempt are its own.
func TestTimesOfTheSecondAttempt(t *testing.T) {
	b := startByok(t, func(w http.ResponseWriter, r *http.Request) {
		timer := time.NewTimer(100 * time.Millisecond)
		<-timer.C
		respond(500, `{}`)(w, r)
	}, respond(200, plainAnswer))
	b.has(&schemas.Credential{CredentialId: "crd", BaseUrl: b.theirs.url})
	b.strategy(ownFirst)
	b.post(plainBody)
	rec := b.only()
	first, second := rec.response.Attempts[0], rec.response.Attempts[1]
	if first.LatencyUs < 100_000 || rec.usage.LatencyUs-first.LatencyUs-second.LatencyUs > 1 || rec.usage.LatencyUs < first.LatencyUs+second.LatencyUs || second.TtftUs <= 0 || second.TtftUs > second.LatencyUs || first.Status != 500 || second.Status != 200 {
		t.Errorf("recorded %v", rec.response.Attempts)
	}
}

func TestAnOwnKeyAtTheConfiguredProvider(t *testing.T) {
	b := startByok(t, never(t), respond(200, plainAnswer), func(c *config) { c.egress = egress.Rule{} })
	b.has(&schemas.Credential{CredentialId: "crd"})
	b.strategy(ownKey)
	if a := b.post(plainBody); a.status != 200 || b.operators.arrived() != ownSecret {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// Key before group before organisation, of credentials as of strategies.
func TestTheNarrowestScope(t *testing.T) {
	b := startByok(t, respond(200, plainAnswer), respond(200, plainAnswer))
	b.strategy(ownKey)
	b.has(&schemas.Credential{CredentialId: "of the organisation"})
	b.post(plainBody)
	if own, gateway := b.theirs.arrived(), b.operators.arrived(); own != "" || gateway != ownSecret {
		t.Errorf("got %q and %q", own, gateway)
	}
	b.has(&schemas.Credential{CredentialId: "of the group", GroupId: "grp", BaseUrl: b.theirs.url})
	b.post(plainBody)
	if own, gateway := b.theirs.arrived(), b.operators.arrived(); own != ownSecret || gateway != "" {
		t.Errorf("got %q and %q", own, gateway)
	}
	b.has(&schemas.Credential{CredentialId: "of the key", KeyId: "key_live"})
	b.post(plainBody)
	if own, gateway := b.theirs.arrived(), b.operators.arrived(); own != "" || gateway != ownSecret {
		t.Errorf("got %q and %q", own, gateway)
	}
	v, _ := control.Get[*schemas.ApiKey](b.control.State, "org", "key_live")
	key := control.Clone(v.Value)
	key.Strategy = gatewayKey
	if err := control.Put(t.Context(), b.control, key, control.Change{Expected: v.Version}); err != nil {
		t.Fatal(err)
	}
	b.post(plainBody)
	if own, gateway := b.theirs.arrived(), b.operators.arrived(); own != "" || gateway != "sk-upstream" {
		t.Errorf("got %q and %q", own, gateway)
	}
}

func TestOwnKeysThatCannotBeUsed(t *testing.T) {
	for name, c := range map[string]struct {
		credential *schemas.Credential
		change     func(*config)
		status     int
		code       string
		attempts   int
	}{
		"none":            {nil, func(*config) {}, 400, "credential_missing", 0},
		"no key for it":   {&schemas.Credential{}, func(c *config) { c.ring = &credential.Keyring{} }, 503, "credential_locked", 0},
		"a private URL":   {&schemas.Credential{BaseUrl: "https://127.0.0.1/v1"}, func(c *config) { c.egress = egress.Rule{} }, 400, "base_url_refused", 0},
		"refused":         {&schemas.Credential{BaseUrl: "theirs"}, func(*config) {}, 502, "provider_credentials", 1},
		"nobody is there": {&schemas.Credential{BaseUrl: refusing(t)}, func(*config) {}, 502, "provider_unreachable", 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := startByok(t, respond(401, `{"error":{"message":"wrong key `+ownSecret+`"}}`), never(t), c.change)
			if c.credential != nil {
				if c.credential.BaseUrl == "theirs" {
					c.credential.BaseUrl = b.theirs.url
				}
				c.credential.CredentialId = "crd_1"
				b.has(c.credential)
			}
			b.strategy(ownKey)
			a := b.post(plainBody)
			e := a.error(t)
			if a.status != c.status || value(e.Error.Code) != c.code {
				t.Errorf("got %d %s", a.status, a.body)
			}
			rec := b.only()
			if len(rec.response.Attempts) != c.attempts || rec.usage.Byok != (c.attempts > 0) || rec.usage.CostPico != 0 {
				t.Errorf("recorded %v\n%v", rec.response, rec.usage)
			}
			if name == "refused" && !strings.Contains(a.body, "crd_1") {
				t.Errorf("it is not said whose key: %s", a.body)
			}
			b.quiet(a, rec)
		})
	}
}

// A provider that quotes the key in its error does not show it to the client.
func TestAQuotedKeyIsTakenOut(t *testing.T) {
	b := startByok(t, respond(400, `{"error":{"message":"wrong key `+ownSecret+`","code":"`+ownSecret+`"}}`), never(t))
	b.has(&schemas.Credential{CredentialId: "crd", BaseUrl: b.theirs.url})
	b.strategy(ownKey)
	a := b.post(plainBody)
	if a.status != 400 || !strings.Contains(a.body, "wrong key [redacted]") {
		t.Errorf("got %d %s", a.status, a.body)
	}
	b.quiet(a, b.only())
}

// A client that left gets no second attempt.
func TestNoSecondAttemptForAClientThatLeft(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	var b *byokWorld
	b = startByok(t, func(w http.ResponseWriter, r *http.Request) {
		leave()
		b.gauge(draining, 1)
		respond(500, `{}`)(w, r)
	}, never(t))
	b.has(&schemas.Credential{CredentialId: "crd", BaseUrl: b.theirs.url})
	b.strategy(ownFirst)
	req := must(http.NewRequestWithContext(ctx, http.MethodPost, b.url+"/v1/chat/completions", strings.NewReader(plainBody)))(t)
	req.Header.Set("Authorization", "Bearer "+apiKey)
	if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
		resp.Body.Close()
		t.Errorf("got %d", resp.StatusCode)
	}
	if rec := b.only(); len(rec.response.Attempts) != 1 || rec.response.ErrorKind != "client_disconnected" {
		t.Errorf("recorded %v", rec.response)
	}
}

// What goes out on an own key is not charged to the balance: an organisation that has
// none left makes such calls all the same, within its other budgets. Where the
// gateway's key may be the second, the balance must have room.
func TestOwnKeysNeedNoBalance(t *testing.T) {
	for strategy, want := range map[schemas.CredentialStrategy][]live.Dimension{
		ownKey: {live.Key}, ownFirst: {live.Key, live.Balance}, ownLast: {live.Key, live.Balance}, gatewayKey: {live.Key, live.Balance},
	} {
		var held []live.Dimension
		good := respond(200, plainAnswer)
		b := startByok(t, good, good, with(&budgets{grant: func(c live.Claim) (live.Grant, error) {
			for _, h := range c.Holds {
				held = append(held, h.Dimension)
			}
			return live.Grant{Pico: c.Want, Verdict: live.Admitted}, nil
		}}))
		b.has(&schemas.Credential{CredentialId: "crd", BaseUrl: b.theirs.url})
		b.strategy(strategy)
		b.changeOrg(func(o *schemas.Organization) { o.Prepaid = true })
		b.limitKey(func(k *schemas.ApiKey) { k.Limits = monthly(5e12) })
		if a := b.post(strings.Replace(plainBody, `{`, `{"max_tokens":100,`, 1)); a.status != 200 {
			t.Errorf("%v: got %d %s", strategy, a.status, a.body)
		}
		if diff := cmp.Diff(want, held); diff != "" {
			t.Errorf("%v holds (-want +got):\n%s", strategy, diff)
		}
		b.only()
	}
}
