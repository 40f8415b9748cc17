package manage

import (
	"fmt"
	"slices"

	"weir/gateway/apierror"
	"weir/schemas"
)

// limitsIn are the limits of a request. They replace all that were there.
type limitsIn struct {
	Budgets           []budgetIn `json:"budgets,omitempty" nullable:"false" maxItems:"4" doc:"What may be spent in each window; at most one of a window"`
	RequestsPerMinute int64      `json:"requests_per_minute,omitempty" doc:"0 for no limit"`
	TokensPerMinute   int64      `json:"tokens_per_minute,omitempty" doc:"0 for no limit"`
}

type budgetIn struct {
	Window string `json:"window" enum:"day,week,month,lifetime" doc:"In UTC; a week begins on Monday"`
	Limit  asked  `json:"limit"`
}

// limitsOut are the limits of an answer.
type limitsOut struct {
	Budgets           []budgetOut `json:"budgets" nullable:"false"`
	RequestsPerMinute int64       `json:"requests_per_minute"`
	TokensPerMinute   int64       `json:"tokens_per_minute"`
}

type budgetOut struct {
	Window string `json:"window" enum:"day,week,month,lifetime"`
	Limit  amount `json:"limit"`
}

const (
	month = schemas.Window_WINDOW_MONTH

	// mostPerMinute is more than any gateway serves: what is above it is a mistake.
	mostPerMinute = 1_000_000_000_000
)

// windows have their names in the order of their numbers.
func windows() []string { return []string{"", "day", "week", "month", "lifetime"} }

// read checks the limits; field is where they stand in the request.
func (l *limitsIn) read(field string) (*schemas.Limits, *apierror.Error) {
	out := &schemas.Limits{RequestsPerMinute: l.RequestsPerMinute, TokensPerMinute: l.TokensPerMinute}
	for _, rate := range []struct {
		name  string
		value int64
	}{{"requests_per_minute", l.RequestsPerMinute}, {"tokens_per_minute", l.TokensPerMinute}} {
		if rate.value < 0 || rate.value > mostPerMinute {
			return nil, apierror.Invalid(field+"."+rate.name, fmt.Sprintf("%s.%s is %d. Write 1 to %d, or 0 for no limit.", field, rate.name, rate.value, int64(mostPerMinute)))
		}
	}
	var seen []schemas.Window
	for i, b := range l.Budgets {
		at := fmt.Sprintf("%s.budgets[%d]", field, i)
		w := schemas.Window(slices.Index(windows(), b.Window))
		if w <= 0 {
			return nil, apierror.Invalid(at+".window", at+".window is none of day, week, month and lifetime.")
		}
		if slices.Contains(seen, w) {
			return nil, apierror.Invalid(at+".window", fmt.Sprintf("%s.window is a second budget by %s. Name each window once.", at, b.Window))
		}
		seen = append(seen, w)
		pico, e := b.Limit.limit(at + ".limit")
		if e != nil {
			return nil, e
		}
		if pico > 0 { // 0 is unlimited
			out.Budgets = append(out.Budgets, &schemas.Budget{Window: w, LimitPico: int64(pico)})
		}
	}
	sortBudgets(out)
	return out, nil
}

func sortBudgets(l *schemas.Limits) {
	slices.SortFunc(l.Budgets, func(a, b *schemas.Budget) int { return int(a.Window) - int(b.Window) })
}

func limitsOf(l *schemas.Limits) limitsOut {
	out := limitsOut{Budgets: []budgetOut{}, RequestsPerMinute: l.GetRequestsPerMinute(), TokensPerMinute: l.GetTokensPerMinute()}
	for _, b := range l.GetBudgets() {
		if int(b.Window) < len(windows()) && b.Window > 0 {
			out.Budgets = append(out.Budgets, budgetOut{windows()[b.Window], amount(b.LimitPico)})
		}
	}
	return out
}

// monthly is the budget by month, 0 for none.
func monthly(l *schemas.Limits) schemas.Pico {
	for _, b := range l.GetBudgets() {
		if b.Window == month {
			return schemas.Pico(b.LimitPico)
		}
	}
	return 0
}

// setMonthly returns the limits with another budget by month; 0 takes it away. The
// given ones must be the caller's own.
func setMonthly(l *schemas.Limits, pico schemas.Pico) *schemas.Limits {
	if l == nil {
		l = &schemas.Limits{}
	}
	l.Budgets = slices.DeleteFunc(l.Budgets, func(b *schemas.Budget) bool { return b.Window == month })
	if pico > 0 {
		l.Budgets = append(l.Budgets, &schemas.Budget{Window: month, LimitPico: int64(pico)})
		sortBudgets(l)
	}
	return l
}
