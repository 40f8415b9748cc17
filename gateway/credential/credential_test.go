package credential

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/gateway/apierror"
	"weir/gateway/egress"
	"weir/gateway/provider"
	"weir/internal/control"
	"weir/internal/control/controltest"
	"weir/schemas"
)

const secret = "sk-of-the-organisation"

// entry is a key-encryption key, which follows from its id.
func entry(id string) string {
	return id + ":" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(id, keyBytes)[:keyBytes]))
}

func ringOf(t testing.TB, ids ...string) *Keyring {
	t.Helper()
	var entries []string
	for _, id := range ids {
		entries = append(entries, entry(id))
	}
	k, err := NewKeyring(entries, "")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sealed(t testing.TB, k *Keyring, c *schemas.Credential) *schemas.Credential {
	t.Helper()
	if err := k.Seal(c, secret); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConfigurationOfKeys(t *testing.T) {
	file := func(text string) string {
		name := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	k, err := NewKeyring(nil, file("\n# new\n "+entry("b")+" \r\n"+entry("a")))
	if err != nil || k.Newest() != "b" || k.find("a") == nil {
		t.Errorf("got %v, %v", k, err)
	}
	if k, err := NewKeyring(nil, ""); err != nil || k.Newest() != "" {
		t.Errorf("got %v, %v", k, err)
	}
	short := base64.StdEncoding.EncodeToString([]byte("short and secret"))
	for want, given := range map[string]struct {
		entries []string
		file    string
	}{
		"both set":                      {[]string{entry("a")}, file(entry("a"))},
		"credential_keys_file":          {nil, "/nowhere"},
		"holds no key":                  {nil, file("# none\n")},
		"credential_keys_file: key 1":   {nil, file(short)},
		"credential_keys: key 2":        {[]string{entry("a"), "b"}, ""},
		"is not id:key":                 {[]string{":" + short}, ""},
		"openssl rand":                  {[]string{"a:" + short}, ""},
		"(a) is not 32 bytes in base64": {[]string{"a:no base64, and secret"}, ""},
		"twice":                         {[]string{entry("a"), entry("a")}, ""},
	} {
		_, err := NewKeyring(given.entries, given.file)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), short) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestCheckKey(t *testing.T) {
	for key, good := range map[string]bool{secret: true, "x": true, "": false, "a b": false, "a\n": false, "ä": false, "a\x7f": false, strings.Repeat("x", maxSecret+1): false} {
		if err := CheckKey(key); (err == nil) != good {
			t.Errorf("%.20q: %v", key, err)
		}
	}
}

// A ciphertext opens for its own credential alone, and says nothing of the key.
func TestACiphertextIsBoundToItsCredential(t *testing.T) {
	k := ringOf(t, "new", "old")
	c := sealed(t, k, &schemas.Credential{OrgId: "o", CredentialId: "c", Provider: "p", BaseUrl: "https://x.example"})
	again := sealed(t, k, control.Clone(c))
	if string(c.Ciphertext) == string(again.Ciphertext) || strings.Contains(string(c.Ciphertext), secret[:8]) || c.Hint != "tion" || KeyID(c) != "new" {
		t.Errorf("sealed %v and %v", c, again)
	}
	if key, err := k.Open(c); err != nil || key != secret {
		t.Errorf("got %q, %v", key, err)
	}
	if key, err := ringOf(t, "other", "new").Open(c); err != nil || key != secret {
		t.Errorf("under a key that is not the first: %q, %v", key, err)
	}
	for name, change := range map[string]func(*schemas.Credential){
		"another organisation": func(c *schemas.Credential) { c.OrgId = "o2" },
		"another id":           func(c *schemas.Credential) { c.CredentialId = "c2" },
		"another provider":     func(c *schemas.Credential) { c.Provider = "p2" },
		"another base URL":     func(c *schemas.Credential) { c.BaseUrl = "https://thief.example" },
		"shifted fields":       func(c *schemas.Credential) { c.OrgId, c.CredentialId = "", "oc" },
		"another key's name":   func(c *schemas.Credential) { copy(c.Ciphertext[2:], "old") },
		"a flipped bit":        func(c *schemas.Credential) { c.Ciphertext[len(c.Ciphertext)-1] ^= 1 },
		"cut":                  func(c *schemas.Credential) { c.Ciphertext = c.Ciphertext[:len(c.Ciphertext)-1] },
		"empty":                func(c *schemas.Credential) { c.Ciphertext = nil },
		"another format":       func(c *schemas.Credential) { c.Ciphertext[0] = 2 },
	} {
		moved := control.Clone(c)
		change(moved)
		if key, err := k.Open(moved); !errors.Is(err, errDamaged) || key != "" {
			t.Errorf("%s: got %q, %v", name, key, err)
		}
	}
	for name, ring := range map[string]*Keyring{"no key": {}, "another key": ringOf(t, "other")} {
		if _, err := ring.Open(c); !errors.Is(err, ErrNoKey) || !strings.Contains(err.Error(), `"new"`) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := (&Keyring{}).Seal(c, secret); !errors.Is(err, ErrNoKey) {
		t.Errorf("got %v", err)
	}
	short := &schemas.Credential{}
	if err := k.Seal(short, "0123456789abcde"); err != nil || short.Hint != "" {
		t.Errorf("of a short key is shown %q, %v", short.Hint, err)
	}
}

func FuzzOpen(f *testing.F) {
	k := ringOf(f, "a")
	c := sealed(f, k, &schemas.Credential{OrgId: "o"})
	f.Add(c.Ciphertext)
	f.Add([]byte{format, 1, 'a', 0, 0, 0, 200})
	f.Add([]byte{format, 255})
	f.Fuzz(func(t *testing.T, ciphertext []byte) {
		key, err := k.Open(&schemas.Credential{OrgId: "o", Ciphertext: ciphertext})
		if err == nil && key != secret {
			t.Errorf("%x opens as %q", ciphertext, key)
		}
	})
}

// desk is a vault with what stands around it.
type desk struct {
	t      testing.TB
	log    *controltest.Log
	vault  *Vault
	set    *provider.Set
	caller control.Caller
}

func open(t testing.TB, ring *Keyring) *desk {
	t.Helper()
	set, err := provider.NewSet([]provider.Config{{Name: "p", BaseURL: "http://127.0.0.1/v1"}}, "", func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, log: controltest.New(), set: set}
	d.vault = NewVault(ring, egress.Rule{}, d.log.State)
	d.caller = control.Caller{Key: &schemas.ApiKey{OrgId: "o", KeyId: "k"}, Org: &schemas.Organization{OrgId: "o"}}
	return d
}

func (d *desk) put(c *schemas.Credential) {
	d.t.Helper()
	change := control.Change{Expected: control.VersionOf[*schemas.Credential](d.log.State, c.OrgId, c.CredentialId)}
	if err := control.Put(d.t.Context(), d.log, c, change); err != nil {
		d.t.Fatal(err)
	}
}

// plan is Plan in words.
func (d *desk) plan(s schemas.CredentialStrategy) string {
	d.caller.Key.Strategy = s
	first, second, e := d.vault.Plan(&d.caller, d.set.Get("p"))
	name := func(a *provider.Account) string {
		switch {
		case a == nil:
			return "none"
		case a.Own():
			return a.CredentialID
		}
		return "gateway"
	}
	if e != nil {
		return string(e.Kind)
	}
	return name(first) + ", " + name(second)
}

const (
	gatewayKey = schemas.CredentialStrategy_CREDENTIAL_STRATEGY_GATEWAY_KEY
	ownKey     = schemas.CredentialStrategy_CREDENTIAL_STRATEGY_OWN_KEY
	ownFirst   = schemas.CredentialStrategy_CREDENTIAL_STRATEGY_OWN_THEN_GATEWAY
	ownLast    = schemas.CredentialStrategy_CREDENTIAL_STRATEGY_GATEWAY_THEN_OWN
)

func TestPlans(t *testing.T) {
	k := ringOf(t, "a")
	for name, c := range map[string]struct {
		credential *schemas.Credential
		ring       *Keyring
		want       [5]string // by strategy, the unspecified one first
	}{
		"no credential": {nil, k, [5]string{"gateway, none", "gateway, none", "credential_missing", "gateway, none", "gateway, none"}},
		"a credential":  {&schemas.Credential{}, k, [5]string{"gateway, none", "gateway, none", "crd, none", "crd, gateway", "gateway, crd"}},
		"no key for it": {&schemas.Credential{}, &Keyring{}, [5]string{"gateway, none", "gateway, none", "credential_locked", "credential_locked", "gateway, none"}},
		"a base URL that is not allowed any more": {&schemas.Credential{BaseUrl: "https://127.0.0.1"}, k,
			[5]string{"gateway, none", "gateway, none", "base_url_refused", "base_url_refused", "gateway, none"}},
		"of another provider": {&schemas.Credential{Provider: "q"}, k, [5]string{"gateway, none", "gateway, none", "credential_missing", "gateway, none", "gateway, none"}},
		"of another key":      {&schemas.Credential{KeyId: "k2"}, k, [5]string{"gateway, none", "gateway, none", "credential_missing", "gateway, none", "gateway, none"}},
	} {
		d := open(t, c.ring)
		if c.credential != nil {
			c.credential.OrgId, c.credential.CredentialId = "o", "crd"
			if c.credential.Provider == "" {
				c.credential.Provider = "p"
			}
			d.put(sealed(t, k, c.credential))
		}
		for s, want := range c.want {
			if got := d.plan(schemas.CredentialStrategy(s)); got != want {
				t.Errorf("%s, %s: got %s, want %s", name, schemas.CredentialStrategy(s), got, want)
			}
		}
		if got := d.plan(99); got != string(apierror.CredentialMissing) {
			t.Errorf("an unknown strategy: %s", got)
		}
	}
}

func TestTheNarrowestStrategyHolds(t *testing.T) {
	c := &control.Caller{Key: &schemas.ApiKey{}}
	want := func(s schemas.CredentialStrategy) {
		t.Helper()
		if got := StrategyOf(c); got != s {
			t.Errorf("got %s, want %s", got, s)
		}
	}
	want(gatewayKey)
	c.Org = &schemas.Organization{Strategy: ownKey}
	want(ownKey)
	c.Group = &schemas.Group{}
	want(ownKey)
	c.Group = &schemas.Group{Strategy: ownFirst}
	want(ownFirst)
	c.Key = &schemas.ApiKey{Strategy: ownLast}
	want(ownLast)
	c.Key = &schemas.ApiKey{Strategy: gatewayKey}
	want(gatewayKey)
}

// A decrypted key is kept as long as its credential stands, and found without
// allocating.
func TestDecryptedKeysAreKept(t *testing.T) {
	k := ringOf(t, "a")
	d := open(t, k)
	now := time.Now()
	d.vault.now = func() time.Time { return now }
	d.put(sealed(t, k, &schemas.Credential{OrgId: "o", CredentialId: "crd", Provider: "p"}))
	p := d.set.Get("p")
	d.caller.Key.Strategy = ownFirst
	before, _, e := d.vault.Plan(&d.caller, p)
	if e != nil {
		t.Fatal(e)
	}
	if n := testing.AllocsPerRun(100, func() { _, _, e = d.vault.Plan(&d.caller, p) }); n != 0 || e != nil {
		t.Errorf("a look-up allocates %.0f times", n)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", before, before, before, before); strings.Contains(text, secret) {
		t.Errorf("an account prints as %s", text)
	}
	if got := before.Redact("no " + secret + "!"); got != "no [redacted]!" {
		t.Errorf("got %q", got)
	}
	d.put(sealed(t, k, &schemas.Credential{OrgId: "o", CredentialId: "crd", Provider: "p"}))
	if after, _, _ := d.vault.Plan(&d.caller, p); after == before {
		t.Error("a key that was replaced is still used")
	}
	// A deleted one is forgotten when the next is opened, a minute later.
	if err := control.Delete[*schemas.Credential](t.Context(), d.log, "o", "crd", control.Change{Expected: 2}); err != nil {
		t.Fatal(err)
	}
	if got := d.plan(ownKey); got != "credential_missing" {
		t.Errorf("after the deletion: %s", got)
	}
	now = now.Add(2 * sweepEvery)
	d.put(sealed(t, k, &schemas.Credential{OrgId: "o", CredentialId: "crd2", Provider: "p"}))
	if got := d.plan(ownKey); got != "crd2, none" || len(d.vault.open) != 1 {
		t.Errorf("got %s, %d keys are kept", got, len(d.vault.open))
	}
}

func BenchmarkPlan(b *testing.B) {
	k := ringOf(b, "a")
	d := open(b, k)
	d.put(sealed(b, k, &schemas.Credential{OrgId: "o", CredentialId: "crd", Provider: "p"}))
	p := d.set.Get("p")
	for name, s := range map[string]schemas.CredentialStrategy{"gateway key": gatewayKey, "own key": ownKey} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			d.caller.Key.Strategy = s
			for b.Loop() {
				if _, _, e := d.vault.Plan(&d.caller, p); e != nil {
					b.Fatal(e)
				}
			}
		})
	}
}

// overtaken is a log in which somebody else is faster, so many times.
type overtaken struct {
	*desk
	times int
	by    func()
}

func (o *overtaken) Propose(ctx context.Context, r *schemas.ControlRecord) error {
	if o.times > 0 {
		o.times--
		o.by()
	}
	return o.log.Propose(ctx, r)
}

func TestRekey(t *testing.T) {
	both, old := ringOf(t, "new", "old"), ringOf(t, "old")
	world := func() *desk {
		d := open(t, both)
		for _, org := range []string{"o", "o2"} {
			if err := control.Put(t.Context(), d.log, &schemas.Organization{OrgId: org}, control.Change{}); err != nil {
				t.Fatal(err)
			}
		}
		d.put(sealed(t, old, &schemas.Credential{OrgId: "o", CredentialId: "a", Provider: "p", BaseUrl: "https://x.example", KeyId: "k"}))
		d.put(sealed(t, both, &schemas.Credential{OrgId: "o", CredentialId: "b", Provider: "p"}))
		d.put(sealed(t, old, &schemas.Credential{OrgId: "o2", CredentialId: "a", Provider: "p"}))
		return d
	}
	version := func(d *desk, org, id string) uint64 {
		return control.VersionOf[*schemas.Credential](d.log.State, org, id)
	}
	check := func(d *desk, org, id string) {
		t.Helper()
		v, _ := control.Get[*schemas.Credential](d.log.State, org, id)
		if key, err := ringOf(t, "new").Open(v.Value); err != nil || key != secret {
			t.Errorf("%s of %s: got %q, %v", id, org, key, err)
		}
	}

	d := world()
	for _, want := range []Rekeyed{{3, 2}, {3, 0}} {
		if got, err := Rekey(t.Context(), d.log.State, d.log, both); err != nil || got != want {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	}
	check(d, "o", "a")
	check(d, "o2", "a")
	if version(d, "o", "a") != 2 || version(d, "o", "b") != 1 {
		t.Errorf("versions %d and %d", version(d, "o", "a"), version(d, "o", "b"))
	}

	// Somebody changes it at the same time: the change stays.
	d = world()
	racing := &overtaken{d, 3, func() {
		d.put(sealed(t, old, &schemas.Credential{OrgId: "o", CredentialId: "a", Provider: "p2"}))
	}}
	if got, err := Rekey(t.Context(), d.log.State, racing, both); err != nil || got.Rekeyed != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	check(d, "o", "a")
	if v, _ := control.Get[*schemas.Credential](d.log.State, "o", "a"); v.Value.Provider != "p2" {
		t.Errorf("the change was lost: %v", v)
	}
	// Somebody else rekeys too, or deletes it.
	d = world()
	racing = &overtaken{d, 1, func() {
		if _, err := Rekey(t.Context(), d.log.State, d.log, both); err != nil {
			t.Error(err)
		}
	}}
	if got, err := Rekey(t.Context(), d.log.State, racing, both); err != nil || got.Rekeyed != 0 {
		t.Errorf("got %v, %v", got, err)
	}
	d = world()
	racing = &overtaken{d, 1, func() {
		if err := control.Delete[*schemas.Credential](t.Context(), d.log, "o", "a", control.Change{Expected: 1}); err != nil {
			t.Error(err)
		}
	}}
	if got, err := Rekey(t.Context(), d.log.State, racing, both); err != nil || got.Rekeyed != 1 {
		t.Errorf("got %v, %v", got, err)
	}

	// One that no key opens does not keep the others, and is named.
	d = world()
	d.put(sealed(t, ringOf(t, "lost"), &schemas.Credential{OrgId: "o", CredentialId: "c", Provider: "p"}))
	got, err := Rekey(t.Context(), d.log.State, d.log, both)
	if want := (Rekeyed{4, 2}); got != want || !errors.Is(err, ErrNoKey) || !strings.Contains(err.Error(), `credential c of organisation o`) || strings.Contains(err.Error(), secret) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := Rekey(t.Context(), d.log.State, d.log, &Keyring{}); !errors.Is(err, ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
}
