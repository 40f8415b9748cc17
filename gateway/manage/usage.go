package manage

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/clickhouse/usage"
	"weir/gateway/apierror"
	"weir/internal/control"
	"weir/schemas"
)

// usagePatience is how long ClickHouse may take for one answer.
const usagePatience = 30 * time.Second

// UsageAsked are the parameters of a usage call, for the document alone: package
// usage reads the query, so that there is one that says what may be in it.
type UsageAsked struct {
	Start      string   `query:"start" required:"true" format:"date-time" example:"2026-11-22T00:00:00Z" doc:"RFC 3339"`
	End        string   `query:"end" format:"date-time" doc:"RFC 3339, exclusive; at most 100 days after start. Default 24 hours after start"`
	Resolution string   `query:"resolution" enum:"hour,day,month" doc:"How long a period is, in UTC. Default day"`
	GroupBy    []string `query:"group_by,explode" maxItems:"8" nullable:"false" doc:"Given once for each of model_requested, model_used, provider_used, api_key_id, user_id, group_id, group_name, project, is_byok, origin_title, tag, extra.<name>. A call counts in full under each of its tags"`
}

type orgUsageIn struct {
	Scoped
	UsageAsked
}

type keyUsageIn struct {
	ByID
	UsageAsked
}

// orgUsage is an answer whose money is numbers, and keyUsage one where it is strings.
type (
	orgUsage struct{ *usage.Answer }
	keyUsage struct{ *usage.Answer }
)

// Schema describes it.
func (orgUsage) Schema(r huma.Registry) *huma.Schema { return usageSchema(r, number(0).Schema(r)) }

// Schema describes it.
func (keyUsage) Schema(r huma.Registry) *huma.Schema { return usageSchema(r, amount(0).Schema(r)) }

// usageSchema describes an answer, its money as given.
func usageSchema(r huma.Registry, spend *huma.Schema) *huma.Schema {
	r.RegisterTypeAlias(reflect.TypeFor[usage.USD](), reflect.TypeFor[number]())
	counters := func(name string, more *huma.Schema) *huma.Schema {
		s := huma.SchemaFromType(r, reflect.TypeFor[usage.Counters]())
		s.Properties["spend"], s.Properties[name] = spend, more
		for field, text := range map[string]string{
			"input_tokens": "Those from and to a cache included", "output_tokens": "Those of reasoning included",
			"cached_tokens": "Of the input: read from the provider's cache", "caching_tokens": "Of the input: written to it",
			"errors": "Calls without success", "p50_ms": "Of latency, at most 1.6 % off; 0 without calls",
		} {
			s.Properties[field].Description = text
		}
		s.Required = append(s.Required, name)
		return s
	}
	group := counters("group_by_values", &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: &huma.Schema{Type: huma.TypeString},
		Description: "By the names of group_by; \"\" is a call that had none",
	})
	period := counters("grouped_data", &huma.Schema{Type: huma.TypeArray, Items: group, Description: "The dearest first"})
	return &huma.Schema{
		Type: huma.TypeObject, Required: []string{"usage"},
		Properties: map[string]*huma.Schema{"usage": {
			Type: huma.TypeObject, AdditionalProperties: period,
			Description: "By the beginning of the period, such as 2026-11-22T00:00:00Z; every period from start to end is there",
		}},
	}
}

func (m *Management) registerUsage(api huma.API) {
	const text = "Refused and failed calls count too. The last seconds may be missing."
	org := m.describe(api, operation{"get-org-usage", http.MethodGet, "org/usage", "What was called and spent, by period and group", orgTag, text})
	key := m.describe(api, operation{"get-api-key-usage", http.MethodGet, "apikey/{id}/usage", "What one key called and spent; \"self\" is the one that asks", keyTag, text})
	// A plus sign that was not escaped is a time all the same, and each refusal says
	// what to write: usage.Parse checks.
	org.SkipValidateParams, key.SkipValidateParams = true, true
	register(m, api, org, m.orgUsage)
	register(m, api, key, m.keyUsage)
}

func (m *Management) orgUsage(ctx context.Context, c *call, _ *orgUsageIn) (*list[orgUsage], error) {
	a, err := m.usage(ctx, c, "")
	if err != nil {
		return nil, err
	}
	return &list[orgUsage]{orgUsage{a}}, nil
}

func (m *Management) keyUsage(ctx context.Context, c *call, in *keyUsageIn) (*list[keyUsage], error) {
	v, err := m.readable(c, in.ID)
	if err != nil {
		return nil, err
	}
	a, err := m.usage(ctx, c, v.Value.KeyId)
	if err != nil {
		return nil, err
	}
	a.QuoteDecimals()
	return &list[keyUsage]{keyUsage{a}}, nil
}

// usage asks for the usage of a key of the caller's organisation, or of all of it.
func (m *Management) usage(ctx context.Context, c *call, keyID string) (*usage.Answer, error) {
	values, err := url.ParseQuery(c.query)
	if err != nil {
		return nil, apierror.Invalid("", "The query cannot be read. Escape its values, and part them by &.")
	}
	values.Del("org_id") // which is decided
	q, err := usage.Parse(values)
	if err != nil {
		return nil, m.usageFailure(c, err)
	}
	q.OrgID, q.KeyID = c.org, keyID
	if q.ByGroupName() {
		q.GroupNames = map[string]string{}
		for _, v := range control.List[*schemas.Group](m.State, c.org) {
			q.GroupNames[v.Value.GroupId] = v.Value.Name
		}
	}
	waiting, stop := context.WithTimeout(ctx, usageTurn)
	defer stop()
	done, ok := m.turns.take(waiting, c.org)
	if !ok {
		return nil, apierror.New(apierror.UsageBusy, "The organisation, or the gateway, asks for as much usage as it may at once. Repeat the call a little later.")
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, usagePatience)
	defer cancel()
	a, err := m.ask(ctx, q)
	if err != nil {
		return nil, m.usageFailure(c, err)
	}
	return a, nil
}

var errNoUsage = errors.New("nothing is set up that knows of usage")

func (m *Management) ask(ctx context.Context, q usage.Query) (*usage.Answer, error) {
	if m.Usage == nil {
		return nil, errNoUsage
	}
	return m.Usage.Usage(ctx, q)
}

// usageFailure tells the caller what to mend. ClickHouse's own words are for the
// log: they tell of tables and of addresses.
func (m *Management) usageFailure(c *call, err error) error {
	var wrong *usage.FieldError
	if errors.As(err, &wrong) {
		return apierror.Invalid(wrong.Field, sentence(wrong.Error()))
	}
	m.Logger.Warn("usage could not be read", "operation", c.rule.Operation, "request_id", c.requestID, "error", err)
	return apierror.New(apierror.UsageAway, "What was used cannot be read now. Repeat the call, or ask for a shorter time.")
}
