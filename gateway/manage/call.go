package manage

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/gateway/apierror"
	"weir/gateway/auth"
	"weir/gateway/manage/access"
	"weir/internal/control"
	"weir/schemas"
)

const (
	maxBody     = 1 << 20
	bodyTimeout = 10 * time.Second
)

// call is one call under way.
type call struct {
	requestID string
	rule      access.Rule
	who       access.Caller
	scope     access.Scope
	org       string // "" where the operation is of none
	now       time.Time
	query     string // as it came

	ifMatch  uint64 // the version that must stand, when matching
	matching bool
	// Idempotency: what was asked, so that only the same call counts as a repeat.
	idempotencyKey string
	asked          string
	body           hash.Hash
}

type callKey struct{}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// command is the id of a change of this call, "" when every call is a new one.
// What names the change within the call. The id depends on who asks, on the key
// that they chose and on what they ask, so that nobody else's call, and no other
// one of theirs, is taken for a repeat.
func (c *call) command(what string) string {
	if c.idempotencyKey == "" {
		return ""
	}
	h := sha256.New()
	for _, part := range []string{c.who.Actor(), c.idempotencyKey, c.asked, string(c.body.Sum(nil)), what} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return "idempotent/" + hex.EncodeToString(h.Sum(nil))
}

// humaContext is embedded under a name that is not one of its methods'.
type humaContext huma.Context

// exchange is a huma.Context that reads and answers as the contract says.
type exchange struct {
	humaContext
	ctx    context.Context
	call   *call
	status int // of an error that shape translated, else 0
}

// Context carries the call.
func (x *exchange) Context() context.Context { return x.ctx }

// SetStatus replaces huma's status by the contract's.
func (x *exchange) SetStatus(code int) {
	if x.status != 0 {
		code = x.status
	}
	x.humaContext.SetStatus(code)
}

// Header takes every body for JSON, as the inference endpoints do: curl -d says
// that it sends a form.
func (x *exchange) Header(name string) string {
	if name == "Content-Type" {
		return "application/json"
	}
	return x.humaContext.Header(name)
}

// BodyReader notes what is read. The time limit of the body ends with it: net/http
// would take one that passes later for a client that has gone.
func (x *exchange) BodyReader() io.Reader {
	return readerFunc(func(b []byte) (int, error) {
		n, err := x.humaContext.BodyReader().Read(b)
		x.call.body.Write(b[:n])
		if errors.Is(err, io.EOF) {
			_ = x.SetReadDeadline(time.Time{}) // a server that has none had none before
		}
		return n, err
	})
}

type readerFunc func(b []byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// BodyWriter never fails: that a client has gone is no bug of the call, which huma
// would take it for.
func (x *exchange) BodyWriter() io.Writer { return forgiving{x.humaContext.BodyWriter()} }

type forgiving struct{ w io.Writer }

func (f forgiving) Write(b []byte) (int, error) {
	_, _ = f.w.Write(b) // the server notices
	return len(b), nil
}

// enter lets a call in when its caller may make it, before its body is read.
func (m *Management) enter(rule access.Rule) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		c := &call{requestID: schemas.NewRequestID(), rule: rule, now: m.Now(), body: sha256.New()}
		ctx.SetHeader("X-Requesty-Request-Id", c.requestID)
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				m.Logger.Error("management call panicked", "operation", rule.Operation, "request_id", c.requestID, "panic", p, "stack", string(debug.Stack()))
				refuse(ctx, apierror.New(apierror.Internal, "The gateway failed."))
			}
		}()
		if e := m.admit(ctx, c); e != nil {
			refuse(ctx, e)
			return
		}
		next(&exchange{humaContext: ctx, ctx: context.WithValue(ctx.Context(), callKey{}, c), call: c})
	}
}

// refuse answers with an error that huma has no part in.
func refuse(ctx huma.Context, e *apierror.Error) {
	ctx.SetHeader("Content-Type", "application/json")
	if e.RetryAfter != "" {
		ctx.SetHeader("Retry-After", e.RetryAfter)
	}
	ctx.SetStatus(e.Status)
	_, _ = ctx.BodyWriter().Write(e.Append(nil)) // a client that has gone is noticed by the server
}

// admit finds out who calls, for which organisation, and whether they may.
func (m *Management) admit(ctx huma.Context, c *call) *apierror.Error {
	e := m.identify(ctx, c)
	if e != nil {
		return e
	}
	if e := m.chooseOrg(ctx.Query("org_id"), c); e != nil {
		return e
	}
	c.scope = c.who.Scope(c.rule)
	if c.scope == access.Nothing && !c.asksForItself(ctx) {
		return notPermitted(m.why(c))
	}
	return c.conditions(ctx)
}

func (m *Management) identify(ctx huma.Context, c *call) *apierror.Error {
	header := http.Header{}
	for _, name := range []string{"Authorization", "X-Api-Key"} {
		if v := ctx.Header(name); v != "" {
			header.Set(name, v)
		}
	}
	if secret, ok := auth.Credentials(header); ok && m.OperatorHash != nil {
		sum := m.hasher.Sum(secret)
		if subtle.ConstantTimeCompare(sum[:], m.OperatorHash) == 1 {
			c.who = access.TheOperator()
			return nil
		}
	}
	caller, e := auth.Authenticate(m.Keys, header, c.now)
	if e != nil {
		return e
	}
	c.who = access.CallerOf(caller)
	return nil
}

// chooseOrg decides whose the call is. Another organisation than one's own is as if
// it did not exist.
func (m *Management) chooseOrg(asked string, c *call) *apierror.Error {
	const missing = "There is no such organisation."
	switch {
	case c.who.Role != access.Operator:
		c.org = c.who.Key.OrgId
		if asked != "" && asked != c.org {
			return apierror.New(apierror.NotFound, missing)
		}
	case c.rule.Operation == "list-orgs" || c.rule.Operation == "create-org":
	case asked == "":
		return apierror.Invalid("org_id", "org_id is missing. The operator's key belongs to no organisation: name one in the query, as ?org_id=org_….")
	default:
		if _, ok := control.Get[*schemas.Organization](m.State, asked, asked); !ok {
			return apierror.New(apierror.NotFound, missing)
		}
		c.org = asked
	}
	return nil
}

// asksForItself tells that a key reads itself or its usage, which every key may.
func (c *call) asksForItself(ctx huma.Context) bool {
	switch c.rule.Operation {
	case "get-api-key", "get-api-key-usage":
	default:
		return false
	}
	if c.who.Key == nil {
		return false
	}
	id := ctx.Param("id")
	return id == self || id == c.who.Key.KeyId
}

// why says what is missing for the call.
func (m *Management) why(c *call) string {
	if c.rule.Owner == access.Nothing {
		return "This is for the operator of the gateway alone: call with the key of which gateway.operator_key_hash holds the hash."
	}
	need := schemas.Permission_PERMISSION_READ
	if c.rule.Write {
		need = schemas.Permission_PERMISSION_WRITE
	}
	if c.who.Key.Manage < need {
		return fmt.Sprintf("The API key may not do this: its permission for management is '%s', and '%s' is needed.", permissionName(c.who.Key.Manage), permissionName(need))
	}
	return "The role of the API key's member does not allow this: it takes " + strings.Join(c.rule.Roles(), " or ") + "."
}

// conditions reads the headers that a change may carry.
func (c *call) conditions(ctx huma.Context) *apierror.Error {
	u := ctx.URL()
	c.query = u.RawQuery
	c.asked = ctx.Method() + " " + u.EscapedPath() + "?" + u.RawQuery
	c.idempotencyKey = ctx.Header("Idempotency-Key")
	tag := strings.TrimSpace(ctx.Header("If-Match"))
	if tag == "" || tag == "*" {
		return nil
	}
	version, err := strconv.ParseUint(strings.Trim(tag, `"`), 10, 64)
	if err != nil || version == 0 {
		return apierror.Invalid("If-Match", "If-Match is not a version. Send the ETag of an earlier answer, such as \"3\".")
	}
	c.ifMatch, c.matching = version, true
	return nil
}
