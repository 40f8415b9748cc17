package manage

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"weir/gateway/apierror"
	"weir/internal/control"
	"weir/schemas"
)

// creditOut is a line of an organisation's statement.
type creditOut struct {
	ID        string    `json:"id"`
	Amount    amount    `json:"amount" doc:"Below 0 takes away"`
	Kind      string    `json:"kind" enum:"grant,top_up,correction"`
	Reason    string    `json:"reason"`
	CreatedAt time.Time `json:"created_at"`
}

// statementOut is all of them, and what they add up to.
type statementOut struct {
	Credits []creditOut `json:"credits" nullable:"false"`
	Total   amount      `json:"total"`
	Spent   *amount     `json:"spent" nullable:"true" doc:"On the gateway's keys, ever; null while that is not known"`
	Balance *amount     `json:"balance" nullable:"true" doc:"The total less what was spent; null while that is not known"`
}

// creditKinds have their names in the order of their numbers.
func creditKinds() []string { return []string{"", "grant", "top_up", "correction"} }

func creditOf(e *schemas.Credit) creditOut {
	kind := "correction"
	if names := creditKinds(); e.Kind > 0 && int(e.Kind) < len(names) {
		kind = names[e.Kind]
	}
	return creditOut{e.CreditId, amount(e.AmountPico), kind, e.Reason, time.UnixMicro(e.CreatedAt).UTC()}
}

func (m *Management) registerBalance(api huma.API) {
	route(m, api, operation{"get-statement", http.MethodGet, "org/statement", "Every credit, and the balance", orgTag, ""}, m.getStatement)
	route(m, api, operation{"credit-org", http.MethodPost, "org/credit", "Adds to the balance or takes from it; the operator's", orgTag, ""}, m.creditOrg)
}

func (m *Management) getStatement(ctx context.Context, c *call, _ *Scoped) (*list[statementOut], error) {
	credits := control.List[*schemas.Credit](m.State, c.org)
	slices.SortStableFunc(credits, func(a, b control.Versioned[*schemas.Credit]) int {
		return cmp.Compare(a.Value.CreatedAt, b.Value.CreatedAt)
	})
	out := statementOut{Credits: []creditOut{}, Total: amount(m.State.Credited(c.org))}
	for _, v := range credits {
		out.Credits = append(out.Credits, creditOf(v.Value))
	}
	if spent, ok := m.spender(c).in(ctx, Balance, "", schemas.Window_WINDOW_LIFETIME); ok {
		s, rest := amount(spent), amount(schemas.SubtractClamped(schemas.Pico(out.Total), spent))
		out.Spent, out.Balance = &s, &rest
	}
	return &list[statementOut]{out}, nil
}

type creditIn struct {
	Scoped
	Creating
	Body struct {
		Amount asked  `json:"amount" doc:"Below 0 takes away"`
		Kind   string `json:"kind,omitempty" enum:"top_up,correction" doc:"Default top_up; what takes away is a correction"`
		Reason string `json:"reason" maxLength:"1024"`
	} `nameHint:"CreditFields"`
}

func (m *Management) creditOrg(ctx context.Context, c *call, in *creditIn) (*answer[creditOut], error) {
	pico, e := in.Body.Amount.signed("amount")
	if e != nil {
		return nil, e
	}
	kind := schemas.CreditKind_CREDIT_KIND_TOP_UP
	if in.Body.Kind == "correction" {
		kind = schemas.CreditKind_CREDIT_KIND_CORRECTION
	}
	switch {
	case pico == 0:
		return nil, apierror.Invalid("amount", "amount is 0, which changes nothing.")
	case pico < 0 && kind != schemas.CreditKind_CREDIT_KIND_CORRECTION:
		return nil, apierror.Invalid("kind", "kind is top_up and the amount is below 0. What takes away is a correction.")
	}
	if e := checkText("reason", strings.TrimSpace(in.Body.Reason), maxReason); e != nil {
		return nil, e
	}
	v, err := m.writeCredit(ctx, c, &schemas.Credit{OrgId: c.org, AmountPico: int64(pico), Kind: kind, Reason: strings.TrimSpace(in.Body.Reason)})
	if err != nil {
		return nil, err
	}
	return &answer[creditOut]{etag(v.Version), creditOf(v.Value)}, nil
}

func (m *Management) writeCredit(ctx context.Context, c *call, credit *schemas.Credit) (control.Versioned[*schemas.Credit], error) {
	return create(ctx, m, c, "credit", func(id string) (*schemas.Credit, error) {
		credit.CreditId, credit.CreatedAt = id, c.now.UnixMicro()
		return credit, nil
	})
}
