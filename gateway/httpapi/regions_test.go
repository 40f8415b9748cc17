package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"weir/internal/control"
	"weir/schemas"
)

// regional is a provider that notes in which region each call arrives: "-" in none.
type regional struct{ arrived []string }

func (p *regional) answer(answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		region := r.URL.Query().Get("in")
		if region == "" {
			region = "-"
		}
		p.arrived = append(p.arrived, region)
		answer(w, r)
	}
}

func TestPinsToRegions(t *testing.T) {
	euHome := func(c *config) { c.provider.Region = "eu" }
	nowhereElse := func(c *config) { c.provider.RegionURL = "" }
	for name, c := range map[string]struct {
		org, key []string
		model    string
		change   func(*config)
		region   string // where the call arrives, "" for nowhere
		ledger   string
		says     string
	}{
		"nobody is pinned":            {model: "small", region: "-"},
		"a region by name":            {model: "small@us", region: "us", ledger: "us"},
		"the provider's own":          {model: "small", change: euHome, region: "-", ledger: "eu"},
		"its organisation":            {org: []string{"eu"}, model: "small", region: "eu", ledger: "eu"},
		"its key":                     {key: []string{"eu"}, model: "small", region: "eu", ledger: "eu"},
		"the first of several":        {org: []string{"us", "eu"}, model: "small", region: "us", ledger: "us"},
		"the provider's own of them":  {org: []string{"us", "eu"}, model: "small", change: euHome, region: "-", ledger: "eu"},
		"both, the key's order":       {org: []string{"us", "eu", "ap"}, key: []string{"ap", "eu"}, model: "small", region: "ap", ledger: "ap"},
		"both, with nothing common":   {org: []string{"eu"}, key: []string{"us"}, model: "small", says: "in none of the regions"},
		"one of them by name":         {org: []string{"us", "eu"}, model: "small@eu", region: "eu", ledger: "eu"},
		"another one by name":         {org: []string{"eu"}, model: "small@us", says: `"us" is none of those`},
		"another one by name, key":    {org: []string{"us", "eu"}, key: []string{"eu"}, model: "small@us", says: "this API key may reach: eu"},
		"the first that there is":     {org: []string{"us", "eu"}, model: "small", change: func(c *config) { c.provider.Regions = []string{"eu"} }, region: "eu", ledger: "eu"},
		"none that there is":          {org: []string{"us"}, model: "small", change: func(c *config) { c.provider.Regions = []string{"eu"} }, says: `"mock" is in none`},
		"a provider of no region":     {org: []string{"eu"}, model: "small", change: nowhereElse, says: `"mock" is in none`},
		"a provider of one":           {org: []string{"eu"}, model: "small", change: func(c *config) { euHome(c); nowhereElse(c) }, region: "-", ledger: "eu"},
		"a provider of another alone": {org: []string{"us"}, model: "small", change: func(c *config) { euHome(c); nowhereElse(c) }, says: `"mock" is in none`},
	} {
		t.Run(name, func(t *testing.T) {
			at := &regional{}
			if c.change == nil {
				c.change = func(*config) {}
			}
			w := start(t, at.answer(respond(200, plainAnswer)), c.change)
			w.changeOrg(func(o *schemas.Organization) { o.Regions = c.org })
			w.limitKey(func(k *schemas.ApiKey) { k.Regions = c.key })
			a := w.post(strings.Replace(plainBody, "small", c.model, 1))
			rec := w.only()
			if got := strings.Join(at.arrived, " "); got != c.region || rec.usage.Region != c.ledger {
				t.Errorf("arrived in %q, the ledger has %q: %s", got, rec.usage.Region, a.body)
			}
			list := w.do(t.Context(), "GET", "/v1/models", nil, "Authorization", "Bearer "+apiKey).body
			if c.says == "" {
				if a.status != 200 || !strings.Contains(list, `"mock/small"`) {
					t.Errorf("got %d %s\n%s", a.status, a.body, list)
				}
				return
			}
			if e := a.error(t).Error; a.status != 403 || value(e.Code) != "region_not_allowed" || value(e.Param) != "model" || !strings.Contains(e.Message, c.says) ||
				rec.usage.ErrorKind != "region_not_allowed" || rec.usage.Attempts != 0 {
				t.Errorf("got %d %s, recorded %v", a.status, a.body, rec.usage)
			}
			if strings.Contains(list, `"mock/small"`) != strings.Contains(c.model, "@") {
				t.Errorf("the models are %s", list)
			}
		})
	}
}

// An organisation's own base URL may be anywhere: what is for a known region does not
// go there, neither first nor second.
func TestPinsAndOwnBaseURLs(t *testing.T) {
	limited := respond(429, `{"error":{"message":"slow down"}}`)
	list := &schemas.AccessList{OrgId: "org", AccessListId: "acl", Chat: []string{"mock/*@eu"}}
	for name, c := range map[string]struct {
		strategy     schemas.CredentialStrategy
		pins         []string
		list         *schemas.AccessList
		model        string
		own, gateway bool // the calls arrive there
		status       int
		ledger       string
	}{
		"own, not pinned":       {strategy: ownKey, model: "small", own: true, status: 200},
		"own, pinned":           {strategy: ownKey, pins: []string{"eu"}, model: "small", status: 403},
		"own, named":            {strategy: ownKey, model: "small@eu", status: 403},
		"own, listed for one":   {strategy: ownKey, list: list, model: "small@eu", status: 403},
		"own first, pinned":     {strategy: ownFirst, pins: []string{"eu"}, model: "small", status: 403},
		"own last, not pinned":  {strategy: ownLast, model: "small", own: true, gateway: true, status: 200},
		"own last, pinned":      {strategy: ownLast, pins: []string{"eu"}, model: "small", gateway: true, status: 429, ledger: "eu"},
		"own last, named":       {strategy: ownLast, model: "small@eu", gateway: true, status: 429, ledger: "eu"},
		"gateway alone, pinned": {strategy: gatewayKey, pins: []string{"eu"}, model: "small", gateway: true, status: 429, ledger: "eu"},
	} {
		t.Run(name, func(t *testing.T) {
			b := startByok(t, respond(200, plainAnswer), limited)
			b.has(&schemas.Credential{CredentialId: "crd", BaseUrl: b.theirs.url})
			b.strategy(c.strategy)
			if c.list != nil {
				set(b.world, c.list, 0)
				b.limitKey(func(k *schemas.ApiKey) { k.AccessListId = c.list.AccessListId })
			}
			b.changeOrg(func(o *schemas.Organization) { o.Regions = c.pins })
			a := b.post(strings.Replace(plainBody, "small", c.model, 1))
			if own, gateway := b.theirs.arrived() != "", b.operators.arrived() != ""; own != c.own || gateway != c.gateway || a.status != c.status {
				t.Errorf("own %t, gateway %t: %d %s", own, gateway, a.status, a.body)
			}
			if rec := b.only(); c.status != 403 && rec.usage.Region != c.ledger {
				t.Errorf("the ledger has the region %q", rec.usage.Region)
			}
			if c.status == 403 && (value(a.error(t).Error.Code) != "region_not_allowed" || !strings.Contains(a.body, "crd")) {
				t.Errorf("got %s", a.body)
			}
		})
	}
}

// The second attempt is in the region of the first.
func TestPinsOfSecondAttempts(t *testing.T) {
	at := &regional{}
	w := start(t, at.answer(respond(429, `{"error":{"message":"slow down"}}`)), sealing(t))
	w.brings(`"sk-of-the-organisation"`, "own_then_gateway")
	w.changeOrg(func(o *schemas.Organization) { o.Regions = []string{"eu"} })
	if a := w.post(plainBody); a.status != 429 || a.header.Get("X-Requesty-Attempts") != "2" || strings.Join(at.arrived, " ") != "eu eu" {
		t.Errorf("arrived in %v: %d %s", at.arrived, a.status, a.body)
	}
	if rec := w.only(); rec.usage.Region != "eu" {
		t.Errorf("recorded %v", rec.usage)
	}
}

func TestAccessListsOfRegions(t *testing.T) {
	at := &regional{}
	w := start(t, at.answer(respond(200, plainAnswer)))
	set(w, &schemas.AccessList{OrgId: "org", AccessListId: "acl", Chat: []string{"mock/small@eu", "mock/large*@us", "mock/any"}}, 0)
	w.limitKey(func(k *schemas.ApiKey) { k.AccessListId = "acl" })
	for model, status := range map[string]int{"small@eu": 200, "small@us": 403, "small": 403, "large-2@us": 200, "large-2@eu": 403, "any": 200, "any@ap": 200} {
		if a := w.post(strings.Replace(plainBody, "small", model, 1)); a.status != status || status == 403 && value(a.error(t).Error.Code) != "model_not_allowed" {
			t.Errorf("%s: %d %s", model, a.status, a.body)
		}
	}
	models := func() string {
		return w.do(t.Context(), "GET", "/v1/models", nil, "Authorization", "Bearer "+apiKey).body
	}
	if got := models(); !strings.Contains(got, `"mock/small"`) || strings.Contains(got, `"mock/tiers"`) {
		t.Errorf("the models are %s", got)
	}
	// A pinned key goes where its list lets it without saying so.
	w.limitKey(func(k *schemas.ApiKey) { k.Regions = []string{"eu"} })
	if a := w.post(plainBody); a.status != 200 || at.arrived[len(at.arrived)-1] != "eu" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	w.limitKey(func(k *schemas.ApiKey) { k.Regions = []string{"us"} })
	if a := w.post(plainBody); a.status != 403 || value(a.error(t).Error.Code) != "model_not_allowed" || !strings.Contains(a.body, `region \"us\"`) {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if got := models(); strings.Contains(got, `"mock/small"`) {
		t.Errorf("the models are %s", got)
	}
}

// What is pinned by the management API holds for the next call.
func TestPinsByTheManagementAPI(t *testing.T) {
	at := &regional{}
	w := start(t, at.answer(respond(200, plainAnswer)))
	var org, key struct{ Regions []string }
	w.manage(operatorKey, "PATCH", "org?org_id=org", `{"regions":["eu","us"]}`, &org)
	w.manage(operatorKey, "PATCH", "apikey/key_live?org_id=org", `{"regions":["us"]}`, &key)
	if strings.Join(org.Regions, " ") != "eu us" || strings.Join(key.Regions, " ") != "us" {
		t.Errorf("got %v and %v", org, key)
	}
	w.post(plainBody)
	w.manage(operatorKey, "PATCH", "apikey/key_live?org_id=org", `{"regions":[]}`, &key)
	w.post(plainBody)
	w.manage(operatorKey, "PATCH", "org?org_id=org", `{"regions":[]}`, &org)
	w.post(plainBody)
	if got := strings.Join(at.arrived, " "); got != "us eu -" || len(org.Regions)+len(key.Regions) != 0 {
		t.Errorf("arrived in %s", got)
	}
	if v, _ := control.Get[*schemas.Organization](w.control.State, "org", "org"); v.Version != 3 {
		t.Errorf("version %d", v.Version)
	}
}
