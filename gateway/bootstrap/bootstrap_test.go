package bootstrap

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"weir/internal/control"
	"weir/internal/control/controltest"
	"weir/schemas"
)

const secret = "hash secret"

func config(id, org string) KeyConfig {
	return KeyConfig{ID: id, OrgID: org, Hash: control.HashKey(secret, id)}
}

func run(t *testing.T, log *controltest.Log, p control.Proposer, keys []KeyConfig) (warnings string, err error) {
	t.Helper()
	var text bytes.Buffer
	err = Run(t.Context(), log.State, p, secret, keys, slog.New(slog.NewTextHandler(&text, nil)))
	return text.String(), err
}

// values are the entities without their versions, which are all 1, or the test fails.
func values[E control.Entity](t *testing.T, log *controltest.Log, org string) (list []E) {
	t.Helper()
	for _, v := range control.List[E](log.State, org) {
		if v.Version != 1 {
			t.Errorf("%v stands at version %d", v.Value, v.Version)
		}
		list = append(list, v.Value)
	}
	return list
}

func TestRunCreatesWhatTheKeysName(t *testing.T) {
	owner, other, manager, plain := config("k1", "acme"), config("k2", "acme"), config("k3", "acme"), config("k4", "solo")
	owner.Name, owner.Project, owner.GroupID, owner.MemberID = "Ada's", "web", "team", "ada"
	owner.Permissions = PermissionsConfig{Manage: "write", Completions: "read"}
	owner.ExpiresAt, owner.Logging, owner.Disabled = "2027-01-31T00:00:00Z", true, true
	other.Project, other.GroupID, other.MemberID = "web", "team", "bob"
	manager.MemberID, manager.Role, manager.Permissions.Manage = "eve", "viewer", "write"
	log := controltest.New()
	warnings, err := run(t, log, log, []KeyConfig{owner, other, manager, plain})
	if err != nil || warnings != "" {
		t.Fatal(err, warnings)
	}
	if !log.Founded() {
		t.Error("the log may be filled again")
	}

	same := cmp.Options{protocmp.Transform(), protocmp.IgnoreFields(&schemas.Organization{}, "created_at"), protocmp.IgnoreFields(&schemas.ApiKey{}, "created_at", "secrets")}
	f := func(got, want any) {
		t.Helper()
		if diff := cmp.Diff(want, got, same); diff != "" {
			t.Error(diff)
		}
	}
	f(values[*schemas.Organization](t, log, "acme"), []*schemas.Organization{{OrgId: "acme", Name: "acme"}})
	f(values[*schemas.Project](t, log, "acme"), []*schemas.Project{{OrgId: "acme", ProjectId: "web", Name: "web"}})
	f(values[*schemas.Group](t, log, "acme"), []*schemas.Group{{OrgId: "acme", GroupId: "team", Name: "team",
		Members: map[string]schemas.GroupRole{"ada": schemas.GroupRole_GROUP_ROLE_MEMBER, "bob": schemas.GroupRole_GROUP_ROLE_MEMBER}}})
	f(values[*schemas.Member](t, log, "acme"), []*schemas.Member{
		{OrgId: "acme", MemberId: "ada", Name: "ada", Role: schemas.OrgRole_ORG_ROLE_OWNER},
		{OrgId: "acme", MemberId: "bob", Name: "bob", Role: schemas.OrgRole_ORG_ROLE_MEMBER},
		{OrgId: "acme", MemberId: "eve", Name: "eve", Role: schemas.OrgRole_ORG_ROLE_VIEWER},
	})
	const none, read, write = schemas.Permission_PERMISSION_NONE, schemas.Permission_PERMISSION_READ, schemas.Permission_PERMISSION_WRITE
	f(values[*schemas.ApiKey](t, log, "acme"), []*schemas.ApiKey{
		{OrgId: "acme", KeyId: "k1", Name: "Ada's", Project: "web", GroupId: "team", MemberId: "ada", Manage: write, Completions: read,
			ExpiresAt: 1801353600000000, Logging: true, Disabled: true},
		{OrgId: "acme", KeyId: "k2", Project: "web", GroupId: "team", MemberId: "bob", Manage: none, Completions: write},
		{OrgId: "acme", KeyId: "k3", MemberId: "eve", Manage: write, Completions: write},
	})
	f(values[*schemas.ApiKey](t, log, "solo"), []*schemas.ApiKey{{OrgId: "solo", KeyId: "k4", Manage: none, Completions: write}})
	if c, ok := log.Caller(control.NewHasher(secret).Sum("k1")); !ok || c.Key.KeyId != "k1" || c.Group.GetGroupId() != "team" {
		t.Errorf("found %+v", c)
	}
}

// dying is a log that a gateway writes to until it dies.
type dying struct {
	*controltest.Log
	left int
}

var errDied = errors.New("died")

func (d *dying) Propose(ctx context.Context, r *schemas.ControlRecord) error {
	if d.left == 0 {
		return errDied
	}
	d.left--
	return d.Log.Propose(ctx, r)
}

// Wherever a start ends, the next one goes on, and none begins again.
func TestAnInterruptedBootstrapIsGoneOnWith(t *testing.T) {
	keys := []KeyConfig{config("k1", "a"), config("k2", "b")}
	keys[0].MemberID, keys[0].GroupID, keys[0].Project = "m", "g", "p"
	const commands = 2 + 1 + 1 + 1 + 2 + 1 // organisations, project, member, group, keys, that it is done
	for left := range commands + 1 {
		log := controltest.New()
		_, err := run(t, log, &dying{log, left}, keys)
		if (err == nil) != (left == commands) || err != nil && !errors.Is(err, errDied) {
			t.Fatalf("died after %d commands: %v", left, err)
		}
		if _, err := run(t, log, log, keys); err != nil {
			t.Fatal(err)
		}
		for _, org := range []string{"a", "b"} {
			if got := len(values[*schemas.ApiKey](t, log, org)); got != 1 {
				t.Errorf("died after %d commands: %s has %d keys", left, org, got)
			}
		}
		values[*schemas.Organization](t, log, "a")
		values[*schemas.Group](t, log, "a")
	}
}

// Once the log was filled, weir.yaml is not read any more, and says so.
func TestTheLogIsFilledOnce(t *testing.T) {
	log := controltest.New()
	if warnings, err := run(t, log, log, nil); err != nil || warnings != "" || log.Founded() {
		t.Fatalf("without keys: %v, %q, founded %t", err, warnings, log.Founded())
	}
	if _, err := run(t, log, log, []KeyConfig{config("k1", "a")}); err != nil {
		t.Fatal(err)
	}
	if err := control.Delete[*schemas.ApiKey](t.Context(), log, "a", "k1", control.Change{Expected: 1}); err != nil {
		t.Fatal(err)
	}
	warnings, err := run(t, log, log, []KeyConfig{config("k1", "a"), config("k2", "a")})
	if err != nil || !strings.Contains(warnings, "k1 k2") || !strings.Contains(warnings, "management API") {
		t.Errorf("warned %q, %v", warnings, err)
	}
	if keys := control.List[*schemas.ApiKey](log.State, "a"); keys != nil {
		t.Errorf("the log has keys again: %v", keys)
	}

	log = controltest.New() // an organisation that somebody made
	if err := control.Put(t.Context(), log, &schemas.Organization{OrgId: "o"}, control.Change{Actor: control.ActorOperator}); err != nil {
		t.Fatal(err)
	}
	if warnings, err := run(t, log, log, []KeyConfig{config("k1", "a")}); err != nil || !strings.Contains(warnings, "k1") || len(log.Organizations()) != 1 {
		t.Errorf("warned %q, %v; %d organisations", warnings, err, len(log.Organizations()))
	}
}

func TestCheckNamesTheField(t *testing.T) {
	for field, change := range map[string]func(first, second *KeyConfig){
		"keys[1].id is empty":             func(_, c *KeyConfig) { c.ID = "" },
		"keys[1].id \"k1\"":               func(_, c *KeyConfig) { c.ID = "k1" },
		"keys[1].hash is not":             func(_, c *KeyConfig) { c.Hash = "abc" },
		"keys[1].hash is that":            func(_, c *KeyConfig) { c.Hash = strings.ToUpper(control.HashKey(secret, "k1")) },
		"keys[1].org_id is empty":         func(_, c *KeyConfig) { c.OrgID = "" },
		"keys[1].org_id \"a/b\"":          func(_, c *KeyConfig) { c.OrgID = "a/b" },
		"keys[1].project has 300":         func(_, c *KeyConfig) { c.Project = strings.Repeat("x", 300) },
		"keys[1].expires_at":              func(_, c *KeyConfig) { c.ExpiresAt = "tomorrow" },
		"keys[1].permissions.manage":      func(_, c *KeyConfig) { c.Permissions.Manage = "all" },
		"keys[1].permissions.completions": func(_, c *KeyConfig) { c.Permissions.Completions = "Write" },
		"keys[1].role is \"boss\"":        func(_, c *KeyConfig) { c.MemberID, c.Role = "m", "boss" },
		"keys[1].role is that of":         func(_, c *KeyConfig) { c.Role = "owner" },
		"keys[1].role is not what":        func(a, b *KeyConfig) { a.MemberID, a.Role, b.MemberID, b.Role = "m", "owner", "m", "admin" },
	} {
		keys := []KeyConfig{config("k1", "a"), config("k2", "a")}
		change(&keys[0], &keys[1])
		if err := Check(secret, keys); err == nil || !strings.Contains(err.Error(), "gateway."+field) {
			t.Errorf("want an error about %s, got %v", field, err)
		}
	}
	if err := Check("", []KeyConfig{config("k", "a")}); err == nil || !strings.Contains(err.Error(), "key_hash_secret") {
		t.Errorf("got %v", err)
	}
	if err := Check("", nil); err != nil {
		t.Errorf("no keys need no secret: %v", err)
	}
}
