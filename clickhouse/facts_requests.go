package clickhouse

import (
	"slices"

	"weir/schemas"
)

// RequestBlock is rows of the table requests.
type RequestBlock struct {
	facts
	dimensions
	requestBytes   numbers[int64]
	budgetID       array[*names]
	budgetWindow   array[*numbers[int64]]
	budgetReserved array[*money]
}

// NewRequestBlock returns an empty block.
func NewRequestBlock() *RequestBlock {
	b := new(RequestBlock)
	b.budgetID.items = new(names)
	b.budgetWindow.items = new(numbers[int64])
	b.budgetReserved.items = new(money)
	b.define("requests", slices.Concat(b.dimensions.fields(), []field{
		{"request_bytes", "Int64", &b.requestBytes},
		{"budgets.budget_id", typeNames, &b.budgetID},
		{"budgets.window_start", "Array(" + typeTime + ")", &b.budgetWindow},
		{"budgets.reserved_usd", "Array(" + typeMoney + ")", &b.budgetReserved},
	}))
	return b
}

func (b *RequestBlock) empty() FactBlock { return NewRequestBlock() }

// Append adds the row of an event.
func (b *RequestBlock) Append(o Origin, e *schemas.RequestReceived) {
	b.facts.add(o, e)
	b.dimensions.add(e.GetDimensions())
	b.requestBytes.add(e.GetRequestBytes())
	for _, hold := range e.GetBudgets() {
		b.budgetID.items.add(hold.GetBudgetId())
		b.budgetWindow.items.add(hold.GetWindowStart())
		b.budgetReserved.items.add(hold.GetReservedPico())
	}
	b.budgetID.end()
	b.budgetWindow.end()
	b.budgetReserved.end()
}
