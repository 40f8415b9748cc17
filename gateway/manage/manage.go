// Package manage is the management API, /v1/manage: what people and programs call
// to see and change organisations, members, groups, keys, access lists, provider
// credentials, projects, end users and balances.
//
// Guarantee: an answer of a change means that the control log holds it and that
// this gateway acts by it; the others follow within moments. A change that somebody
// else's overtook is a 409, never a silent overwrite. Nothing of another
// organisation is ever looked up. A secret is in one answer, and nowhere else; only
// its keyed hash is stored.
//
// Concurrency: any number of calls; state is read from memory, and nothing here
// holds a lock that inference waits for. Failure: without Kafka reads go on and
// changes are a 503; without ClickHouse usage is one, and nothing else; a change that timed out may have been made, and a repeat with
// the same Idempotency-Key finds out.
package manage

import (
	"context"
	"log/slog"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/clickhouse/usage"
	"weir/gateway/auth"
	"weir/gateway/credential"
	"weir/gateway/egress"
	"weir/gateway/manage/access"
	"weir/gateway/provider"
	"weir/internal/control"
	"weir/schemas"
)

// Dimension says whose spend is asked for, in the words of weir/internal/live.
type Dimension string

// The dimensions. Balance is the organisation without calls on its own keys.
const (
	Org     Dimension = "org"
	Key     Dimension = "key"
	User    Dimension = "user"
	Member  Dimension = "member"
	Group   Dimension = "group"
	Project Dimension = "project"
	Balance Dimension = "balance"
)

// Spend knows what was spent in the current window; the id is "" for the
// organisation and its balance. An error means that it is not known now.
type Spend interface {
	Spend(ctx context.Context, org string, d Dimension, id string, w schemas.Window) (schemas.Pico, error)
}

// Trail reads what was changed in an organisation, the newest first, from before a
// position on; 0 is the end of the log. Next is 0 when there is nothing older.
type Trail interface {
	Audit(ctx context.Context, org string, before int64, limit int) (changes []control.Recorded, next int64, err error)
}

// Usage answers what was called and spent. An error that is no usage.FieldError
// means that it cannot be told now.
type Usage interface {
	Usage(ctx context.Context, q usage.Query) (*usage.Answer, error)
}

// Options are what the API stands on.
type Options struct {
	State *control.State
	Log   control.Proposer
	Trail Trail
	Keys  auth.Keys
	Spend Spend
	Usage Usage // nil knows nothing
	// Providers are those that credentials may be for, Ring encrypts their keys, and
	// Egress says which base URLs they may have.
	Providers *provider.Set
	Ring      *credential.Keyring
	Egress    egress.Rule
	// HashSecret is the one that API keys are hashed under.
	HashSecret string
	// OperatorHash is the hash of the operator's key; nil for none, and then nobody
	// is the operator.
	OperatorHash []byte
	// StartingCredits are what a new organisation may spend; nil is without end.
	StartingCredits *schemas.Pico
	Logger          *slog.Logger
	Now             func() time.Time
}

// Management is the API.
type Management struct {
	Options
	hasher *control.Hasher
	turns  *turns // at ClickHouse
}

// New returns the API.
func New(o Options) *Management { return &Management{o, control.NewHasher(o.HashSecret), newTurns()} }

// Config is what the huma.API that Register is given must be made with.
func Config() huma.Config {
	c := huma.DefaultConfig("Weir", "v1")
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""                              // served by httpapi
	c.CreateHooks = nil                                                                // no $schema in answers
	c.Formats = map[string]huma.Format{"application/json": strict(), "json": strict()} // the second for what ends in +json
	c.Transformers = []huma.Transformer{shape}
	return c
}

// Register adds all operations.
func (m *Management) Register(api huma.API) {
	m.registerKeys(api)
	m.registerGroups(api)
	m.registerAccessLists(api)
	m.registerCredentials(api)
	m.registerMembers(api)
	m.registerProjects(api)
	m.registerUsers(api)
	m.registerOrg(api)
	m.registerBalance(api)
	m.registerUsage(api)
	m.registerOperator(api)
	// What huma documents as its own error; ours is another, see errors.go.
	for _, name := range []string{"ErrorModel", "ErrorDetail"} {
		delete(api.OpenAPI().Components.Schemas.Map(), name)
	}
}

// prefix of all paths.
const prefix = "/v1/manage/"

// Scoped are the parameters of every call. It and its like are exported since huma
// fills only such ones where they are embedded.
type Scoped struct {
	OrgID string `query:"org_id" maxLength:"256" doc:"The organisation; the operator's key must name it, any other key has its own"`
}

// ByID names one entity.
type ByID struct {
	Scoped
	ID string `path:"id" maxLength:"256"`
}

// Writing are the headers of every change.
type Writing struct {
	IfMatch        string `header:"If-Match" maxLength:"64" doc:"The version that must still stand, as in ETag; another one is a 409"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"256" doc:"A repeat of the same call with the same key changes nothing twice"`
}

// Creating is the header of a creation.
type Creating struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"256" doc:"A repeat of the same call with the same key creates nothing twice"`
}

// answer is one entity, with its version as ETag too.
type answer[B any] struct {
	ETag string `header:"ETag"`
	Body B
}

// list is an answer without a version.
type list[B any] struct{ Body B }

// gone is the answer of a deletion.
type gone struct {
	ID      string `json:"id"`
	Deleted bool   `json:"deleted"`
}

func deleted(id string) *list[gone] { return &list[gone]{gone{ID: id, Deleted: true}} }

// operation is what all operations have.
type operation struct {
	id, method, path, summary, tag string
	description                    string
}

// route registers one operation behind the rule that the table has for it.
func route[I, O any](m *Management, api huma.API, o operation, handle func(context.Context, *call, *I) (*O, error)) {
	register(m, api, m.describe(api, o), handle)
}

// describe is an operation as huma knows it, behind the rule that the table has
// for it.
func (m *Management) describe(api huma.API, o operation) huma.Operation {
	return huma.Operation{
		OperationID: o.id, Method: o.method, Path: prefix + o.path, Summary: o.summary, Description: o.description, Tags: []string{o.tag},
		Security:                     []map[string][]string{{"bearer": {}}, {"x-api-key": {}}},
		RequestBody:                  body(o.id),
		Responses:                    map[string]*huma.Response{"default": errorResponse(api.OpenAPI().Components.Schemas)},
		MaxBodyBytes:                 maxBody,
		BodyReadTimeout:              bodyTimeout,
		RejectUnknownQueryParameters: true,
		Middlewares:                  huma.Middlewares{m.enter(access.Find(o.id))},
	}
}

func register[I, O any](m *Management, api huma.API, o huma.Operation, handle func(context.Context, *call, *I) (*O, error)) {
	huma.Register(api, o, func(ctx context.Context, in *I) (*O, error) {
		c := callOf(ctx)
		out, err := handle(ctx, c, in)
		if err != nil {
			return nil, m.failure(c, err)
		}
		return out, nil
	})
}
