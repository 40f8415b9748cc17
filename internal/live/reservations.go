package live

import (
	"slices"
	"strings"

	"weir/schemas"
)

// reservations is what the calls of an organisation that hold budgets change in
// its reservations. The maps hold pointers, since to assign to a key that is there
// would make the map keep the text of the new key, which may belong to a record.
type reservations struct {
	newest map[string]*uint64          // by node, the number of the newest usage that is applied
	ended  map[budget]*[]string        // the calls whose usage is applied
	open   map[budget]map[string]int64 // of a restore: what calls without a usage reserve
}

func (d *Deltas) of(org string) *reservations {
	if d.reservations == nil {
		d.reservations = make(map[string]*reservations)
	}
	r := d.reservations[org]
	if r == nil {
		r = &reservations{newest: make(map[string]*uint64), ended: make(map[budget]*[]string), open: make(map[budget]map[string]int64)}
		d.reservations[strings.Clone(org)] = r
	}
	return r
}

// AddUsage notes that a usage event is applied, for calls that hold budgets: no
// other has any effect. Old says that its reservation ended long ago, as in a
// restore. Of the event's texts, copies are kept. A hold that cannot be read holds
// nothing.
func (d *Deltas) AddUsage(u *schemas.UsageRecorded, old bool) {
	if len(u.Budgets) == 0 {
		return
	}
	r := d.of(u.GetDimensions().GetOrgId())
	r.number(u.Node, u.Seq)
	if old {
		return
	}
	id := strings.Clone(u.RequestId)
	for _, hold := range u.Budgets {
		b, err := parseHold(hold)
		if err != nil || !d.takes(b.window.end) {
			continue
		}
		if r.ended[b] == nil {
			b.id = strings.Clone(b.id)
			r.ended[b] = new([]string)
		}
		*r.ended[b] = append(*r.ended[b], id)
		d.size++
	}
}

// AddOpen notes a call that has no usage yet: a restore reserves for it in full.
func (d *Deltas) AddOpen(org, requestID string, holds []*schemas.BudgetHold) {
	for _, hold := range holds {
		b, err := parseHold(hold)
		if err != nil || hold.ReservedPico < 0 || !d.takes(b.window.end) {
			continue
		}
		d.of(org).reserve(b, requestID, hold.ReservedPico)
		d.size++
	}
}

func (r *reservations) reserve(b budget, requestID string, pico int64) {
	if r.open[b] == nil {
		r.open[b] = make(map[string]int64)
	}
	r.open[b][requestID] = pico
}

// number notes a number of a node's usage: within a partition they only grow.
func (r *reservations) number(node string, seq uint64) {
	newest := r.newest[node]
	if newest == nil {
		newest = new(uint64)
		r.newest[strings.Clone(node)] = newest
	}
	*newest = max(*newest, seq)
}

// endedOf are the calls that have ended against a budget.
func (r *reservations) endedOf(b budget) []string {
	if ids := r.ended[b]; ids != nil {
		return *ids
	}
	return nil
}

// mergeReservations adds what happened later.
func (d *Deltas) mergeReservations(org string, o *reservations) {
	r := d.of(org)
	for node, seq := range o.newest {
		r.number(node, *seq)
	}
	for b, ids := range o.ended {
		if d.takes(b.window.end) {
			all := slices.Concat(r.endedOf(b), *ids)
			r.ended[b] = &all
			d.size += len(*ids)
		}
	}
	for b, calls := range o.open {
		for id, pico := range calls {
			r.reserve(b, id, pico)
			d.size++
		}
	}
}
