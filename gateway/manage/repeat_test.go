package manage_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/gateway/manage"
	"weir/internal/control"
	"weir/schemas"
)

// proposer is a control log that something happens to before, and after, a change.
type proposer struct {
	control.Proposer
	fail func(*schemas.ControlRecord) error
}

func (p proposer) Propose(ctx context.Context, r *schemas.ControlRecord) error {
	if err := p.fail(r); err != nil {
		return err
	}
	return p.Proposer.Propose(ctx, r)
}

// lost is a log that writes a change and does not come to tell.
type lost struct {
	control.Proposer
	calls *int
}

func (l lost) Propose(ctx context.Context, r *schemas.ControlRecord) error {
	err := l.Proposer.Propose(ctx, r)
	if *l.calls > 0 {
		*l.calls--
		return context.DeadlineExceeded
	}
	return err
}

// A change that was not confirmed is repeated with the same Idempotency-Key, and
// made once.
func TestARepeatChangesNothingTwice(t *testing.T) {
	calls := 0
	w := start(t, func(o *manage.Options) { o.Log = lost{o.Log, &calls} })
	company(w, "a")
	for name, c := range map[string]struct{ key, method, path, body string }{
		"project": {"a-owner", "POST", "project", `{"name":"n"}`},
		"group":   {"a-owner", "POST", "group", `{"name":"n"}`},
		"list":    {"a-owner", "POST", "access-list", `{"name":"n"}`},
		"own key": {"a-owner", "POST", "credential", `{"provider":"openai","api_key":"sk-1"}`},
		"member":  {"a-owner", "POST", "org/member", `{"email":"x@x.example"}`},
		"credit":  {"operator", "POST", "org/credit?org_id=a", `{"amount":"5","reason":"r"}`},
		"user":    {"a-owner", "PUT", "user/u", `{"disabled":true}`},
		"org":     {"a-owner", "PATCH", "org", `{"name":"n"}`},
		"limit":   {"a-owner", "POST", "apikey/a-member/limit", `{"monthly_limit":"1"}`},
	} {
		calls = 1
		again := []string{"Idempotency-Key", name}
		before := len(w.trail("a"))
		w.fails(503, "", c.key, c.method, c.path, c.body, again...)
		versions := w.trail("a")[0:]
		var first, second map[string]any
		w.ok(&first, c.key, c.method, c.path, c.body, again...)
		w.ok(&second, c.key, c.method, c.path, c.body, again...)
		if diff := cmp.Diff(first, second); diff != "" || len(versions) != before+1 {
			t.Errorf("%s: %d changes, %s", name, len(versions)-before, diff)
		}
		if name == "project" {
			var other map[string]any
			w.ok(&other, c.key, c.method, c.path, `{"name":"other"}`, again...)
			w.ok(&second, "a-admin", c.method, c.path, c.body, again...)
			if other["id"] == first["id"] || second["id"] == first["id"] {
				t.Error("another body, or somebody else's call, was taken for a repeat")
			}
		}
	}
	if got := w.log.Credited("a"); got != 5*schemas.PicoPerUSD {
		t.Errorf("credited %s", got)
	}
}

// A secret that was lost on the way is not shown again.
func TestTheRepeatOfAKeysCreation(t *testing.T) {
	calls := 1
	w := start(t, func(o *manage.Options) { o.Log = lost{o.Log, &calls} })
	company(w, "a")
	w.fails(503, "", "a-owner", "POST", "apikey", `{"name":"n"}`, "Idempotency-Key", "k")
	a := w.fails(409, "Idempotency-Key", "a-owner", "POST", "apikey", `{"name":"n"}`, "Idempotency-Key", "k")
	_, id, _ := strings.Cut(a.body, "key_")
	id = "key_" + id[:26]
	var next created
	w.ok(&next, "a-owner", "POST", "apikey/"+id+"/rotate", `{}`, "Idempotency-Key", "r")
	w.fails(409, "", "a-owner", "POST", "apikey/"+id+"/rotate", `{}`, "Idempotency-Key", "r")
	w.ok(nil, next.Secret, "GET", "apikey/self", "")
}

func TestALogThatIsAway(t *testing.T) {
	w := start(t, func(o *manage.Options) {
		o.Log = proposer{o.Log, func(r *schemas.ControlRecord) error {
			if r.Actor == control.ActorSystem {
				return nil
			}
			return errors.New("kafka is away")
		}}
	})
	company(w, "a")
	a := w.fails(http.StatusServiceUnavailable, "", "a-owner", "POST", "apikey", `{"name":"n"}`)
	if a.header.Get("Retry-After") != "1" || strings.Contains(a.body, "kafka is away") || !strings.Contains(w.lines.String(), "kafka is away") {
		t.Errorf("got %s, logged %s", a.body, w.lines)
	}
	w.ok(nil, "a-owner", "GET", "apikey", "")
}

func TestAPanicIsOneCalls(t *testing.T) {
	w := start(t, func(o *manage.Options) {
		o.Log = proposer{o.Log, func(r *schemas.ControlRecord) error {
			if r.Actor == control.ActorSystem {
				return nil
			}
			panic("a bug")
		}}
	})
	company(w, "a")
	w.fails(500, "", "a-owner", "POST", "apikey", `{"name":"n"}`)
	if !strings.Contains(w.lines.String(), "a bug") {
		t.Error("nothing was logged")
	}
}
