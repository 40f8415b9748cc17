package manage_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/gateway/auth"
	"weir/gateway/credential"
	"weir/gateway/httpapi"
	"weir/gateway/manage"
	"weir/gateway/provider"
	"weir/internal/control"
	"weir/internal/control/controltest"
	"weir/schemas"
)

const hashSecret = "secret of the hashes"

// world is a gateway without inference on a control log in memory.
type world struct {
	t       testing.TB
	log     *controltest.Log
	spend   *spend
	usage   *used
	handler http.Handler
	lines   *lines
	options manage.Options
}

func start(t testing.TB, change ...func(*manage.Options)) *world {
	t.Helper()
	w := &world{t: t, log: controltest.New(), spend: &spend{}, usage: &used{}, lines: &lines{}}
	keys := auth.New(hashSecret, w.log.State)
	operator := control.NewHasher(hashSecret).Sum("operator")
	w.options = manage.Options{State: w.log.State, Log: w.log, Trail: w.log, Keys: keys, Spend: w.spend, Usage: w.usage, HashSecret: hashSecret, OperatorHash: operator[:],
		Logger: slog.New(slog.NewTextHandler(w.lines, &slog.HandlerOptions{Level: slog.LevelDebug})), Now: time.Now}
	providers, err := provider.NewSet([]provider.Config{{Name: "openai", BaseURL: "https://api.openai.com/v1"}, {Name: "mock", BaseURL: "http://127.0.0.1/v1"}}, "",
		func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	w.options.Providers, w.options.Ring = providers, ring(t)
	for _, f := range change {
		f(&w.options)
	}
	probe := func(http.ResponseWriter, *http.Request) {}
	handler, err := httpapi.New(httpapi.Options{Keys: keys, Live: probe, Ready: probe, Metrics: http.HandlerFunc(probe), Management: manage.New(w.options)})
	if err != nil {
		t.Fatal(err)
	}
	w.handler = handler
	return w
}

// ring is one key-encryption key.
func ring(t testing.TB) *credential.Keyring {
	t.Helper()
	k, err := credential.NewKeyring([]string{"a:" + base64.StdEncoding.EncodeToString(make([]byte, 32))}, "")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// lines is what was logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// spend is what was spent: so many picos by everybody, or an error.
type spend struct {
	pico  schemas.Pico
	err   error
	asked int
}

func (s *spend) Spend(context.Context, string, manage.Dimension, string, schemas.Window) (schemas.Pico, error) {
	s.asked++
	return s.pico, s.err
}

var errAway = errors.New("redis is away")

// put writes an entity as the system does.
func put[E control.Entity](w *world, entity E) {
	w.t.Helper()
	if err := control.Put(w.t.Context(), w.log, entity, control.Change{Actor: control.ActorSystem}); err != nil {
		w.t.Fatal(err)
	}
}

// key writes a key whose secret is its id.
func (w *world) key(org, id string, change func(*schemas.ApiKey)) {
	w.t.Helper()
	sum := control.NewHasher(hashSecret).Sum(id)
	k := &schemas.ApiKey{OrgId: org, KeyId: id, Name: id, Manage: schemas.Permission_PERMISSION_WRITE, Secrets: []*schemas.Secret{{Hash: sum[:]}}}
	change(k)
	put(w, k)
}

// answer is what a caller got.
type answer struct {
	status int
	header http.Header
	body   string
}

// do calls the management API with the key whose secret is given, "" for none.
func (w *world) do(key, method, path, body string, header ...string) answer {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, "/v1/manage/"+path, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	a := answer{rec.Code, rec.Header(), rec.Body.String()}
	if !strings.HasPrefix(a.header.Get("X-Requesty-Request-Id"), "req_") || a.header.Get("Content-Type") != "application/json" {
		w.t.Errorf("%s %s: headers %v", method, path, a.header)
	}
	return a
}

// ok is do, of a call that must succeed, with its answer decoded.
func (w *world) ok(into any, key, method, path, body string, header ...string) answer {
	w.t.Helper()
	a := w.do(key, method, path, body, header...)
	if a.status != http.StatusOK {
		w.t.Fatalf("%s %s: got %d %s", method, path, a.status, a.body)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(a.body), into); err != nil {
			w.t.Fatal(err)
		}
	}
	return a
}

// fails is do, of a call that must be refused with a status and a parameter.
func (w *world) fails(status int, param, key, method, path, body string, header ...string) answer {
	w.t.Helper()
	a := w.do(key, method, path, body, header...)
	var e struct {
		Error struct {
			Message, Type, Origin string
			Code, Param           *string
		}
	}
	if err := json.Unmarshal([]byte(a.body), &e); err != nil || a.status != status || e.Error.Message == "" || e.Error.Type == "" || e.Error.Origin != "router" {
		w.t.Errorf("%s %s %.100s: got %d %s, want %d", method, path, body, a.status, a.body, status)
	}
	if got := e.Error.Param; param != "" && (got == nil || *got != param) || len(a.body) > 1500 {
		w.t.Errorf("%s %s %.100s: got %.1500s, want the parameter %q", method, path, body, a.body, param)
	}
	return a
}

// The people of each organisation, and the keys that they call with.
func callers() []string {
	return []string{"owner", "admin", "lead", "member", "viewer", "reader", "none", "operator"}
}

// company is an organisation with one of each caller, and for each of them things
// of their own and things of others. Ids are the same in every organisation but
// for the organisation's name before them.
func company(w *world, org string) {
	w.t.Helper()
	id := func(s string) string { return org + "-" + s }
	put(w, &schemas.Organization{OrgId: org, Name: org})
	roles := map[string]schemas.OrgRole{"owner": schemas.OrgRole_ORG_ROLE_OWNER, "admin": schemas.OrgRole_ORG_ROLE_ADMIN,
		"lead": schemas.OrgRole_ORG_ROLE_MEMBER, "member": schemas.OrgRole_ORG_ROLE_MEMBER, "viewer": schemas.OrgRole_ORG_ROLE_VIEWER,
		"colleague": schemas.OrgRole_ORG_ROLE_MEMBER}
	for name, role := range roles {
		put(w, &schemas.Member{OrgId: org, MemberId: id(name), Email: name + "@" + org + ".example", Role: role})
		w.key(org, id(name), func(k *schemas.ApiKey) { k.MemberId = id(name) })
	}
	w.key(org, id("reader"), func(k *schemas.ApiKey) { k.MemberId, k.Manage = id("owner"), schemas.Permission_PERMISSION_READ })
	w.key(org, id("none"), func(k *schemas.ApiKey) { k.MemberId, k.Manage = id("owner"), schemas.Permission_PERMISSION_NONE })
	for _, caller := range callers() {
		member := id(caller)
		if roles[caller] == 0 {
			member = id("owner")
		}
		put(w, &schemas.Group{OrgId: org, GroupId: id("other-group-" + caller), Name: "g", Members: map[string]schemas.GroupRole{id("colleague"): 2}})
		role := schemas.GroupRole_GROUP_ROLE_MEMBER
		if caller == "lead" {
			role = schemas.GroupRole_GROUP_ROLE_ADMIN
		}
		put(w, &schemas.Group{OrgId: org, GroupId: id("own-group-" + caller), Name: "g",
			Members: map[string]schemas.GroupRole{member: role, id("colleague"): schemas.GroupRole_GROUP_ROLE_MEMBER}})
		w.key(org, id("own-key-"+caller), func(k *schemas.ApiKey) { k.MemberId = member })
		w.key(org, id("other-key-"+caller), func(k *schemas.ApiKey) { k.MemberId = id("colleague") })
		w.key(org, id("team-key-"+caller), func(k *schemas.ApiKey) { k.MemberId, k.GroupId = id("colleague"), id("own-group-"+caller) })
		put(w, &schemas.Member{OrgId: org, MemberId: id("other-member-" + caller), Email: caller + "@other.example", Role: schemas.OrgRole_ORG_ROLE_MEMBER})
		put(w, &schemas.AccessList{OrgId: org, AccessListId: id("other-list-" + caller), Name: "l"})
		put(w, &schemas.Credential{OrgId: org, CredentialId: id("other-credential-" + caller), Provider: "openai", GroupId: id("other-group-" + caller)})
		put(w, &schemas.Project{OrgId: org, ProjectId: id("other-project-" + caller), Name: "p"})
		put(w, &schemas.EndUser{OrgId: org, UserId: id("other-user-" + caller)})
	}
}

// secretOf is what a caller of an organisation calls with.
func secretOf(org, caller string) string {
	if caller == "operator" {
		return caller
	}
	return org + "-" + caller
}
