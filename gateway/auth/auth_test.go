package auth

import (
	"net/http"
	"testing"
	"time"

	"weir/internal/control"
	"weir/internal/control/controltest"
	"weir/schemas"
)

const secret = "hash secret"

// put puts an entity into the log, over what is there.
func put[E control.Entity](t testing.TB, log *controltest.Log, id string, e E) {
	t.Helper()
	if err := control.Put(t.Context(), log, e, control.Change{Expected: control.VersionOf[E](log.State, e.GetOrgId(), id)}); err != nil {
		t.Fatal(err)
	}
}

// key is a key of the organisation that answers to one secret.
func key(id, org, text string) *schemas.ApiKey {
	sum := control.NewHasher(secret).Sum(text)
	return &schemas.ApiKey{KeyId: id, OrgId: org, Secrets: []*schemas.Secret{{Hash: sum[:]}}, Completions: schemas.Permission_PERMISSION_WRITE}
}

func TestAuthenticate(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	log := controltest.New()
	put(t, log, "org", &schemas.Organization{OrgId: "org"})
	put(t, log, "off", &schemas.Organization{OrgId: "off", Disabled: true})
	disabled, expired, soon, rotated := key("k2", "org", "two"), key("k3", "org", "three"), key("k4", "org", "four"), key("k5", "org", "five")
	disabled.Disabled = true
	expired.ExpiresAt, soon.ExpiresAt = now.UnixMicro(), now.Add(time.Second).UnixMicro()
	rotated.Secrets[0].ExpiresAt = now.UnixMicro()
	rotated.Secrets = append(rotated.Secrets, key("", "", "six").Secrets...)
	orphan := key("k9", "org", "nine")
	orphan.MemberId = "mem_gone"
	for _, k := range []*schemas.ApiKey{key("k1", "org", "one"), orphan, disabled, expired, soon, rotated, key("k7", "off", "seven"), key("k8", "gone", "eight")} {
		put(t, log, k.KeyId, k)
	}
	keys := New(secret, log)
	for name, c := range map[string]struct {
		header, value, id string
		status            int
	}{
		"bearer":                {"Authorization", "Bearer one", "k1", 0},
		"scheme case":           {"Authorization", "bEARER  one ", "k1", 0},
		"x-api-key":             {"X-Api-Key", "one", "k1", 0},
		"not expired":           {"Authorization", "Bearer four", "k4", 0},
		"new secret":            {"Authorization", "Bearer six", "k5", 0},
		"none":                  {"X-Other", "one", "", 401},
		"empty":                 {"Authorization", "Bearer ", "", 401},
		"basic":                 {"Authorization", "Basic b25l", "", 401},
		"unknown":               {"Authorization", "Bearer nobody", "", 403},
		"disabled":              {"Authorization", "Bearer two", "", 403},
		"expired":               {"Authorization", "Bearer three", "", 403},
		"old secret":            {"Authorization", "Bearer five", "", 403},
		"organisation disabled": {"Authorization", "Bearer seven", "", 403},
		"organisation gone":     {"Authorization", "Bearer eight", "", 403},
		"member gone":           {"Authorization", "Bearer nine", "", 403},
	} {
		t.Run(name, func(t *testing.T) {
			caller, e := Authenticate(keys, http.Header{c.header: {c.value}}, now)
			if c.status == 0 && (e != nil || caller.Key.KeyId != c.id) || c.status != 0 && (e == nil || e.Status != c.status || caller.Key != nil) {
				t.Errorf("got %+v, %+v", caller, e)
			}
		})
	}
	if _, ok := New("another", log).Find("one"); ok {
		t.Error("the secret of the hashes does not matter")
	}
}

func TestAllowCompletions(t *testing.T) {
	for permission, allowed := range map[schemas.Permission]bool{
		schemas.Permission_PERMISSION_UNSPECIFIED: false, schemas.Permission_PERMISSION_NONE: false,
		schemas.Permission_PERMISSION_READ: false, schemas.Permission_PERMISSION_WRITE: true,
	} {
		e := AllowCompletions(&control.Caller{Key: &schemas.ApiKey{Completions: permission}})
		if (e == nil) != allowed || e != nil && e.Status != http.StatusForbidden {
			t.Errorf("%v: got %v", permission, e)
		}
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	log := controltest.New()
	put(b, log, "org", &schemas.Organization{OrgId: "org"})
	put(b, log, "k1", key("k1", "org", "one"))
	keys, header, now := New(secret, log), http.Header{"Authorization": {"Bearer one"}}, time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, e := Authenticate(keys, header, now); e != nil {
			b.Fatal(e)
		}
	}
}
