package live

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"weir/schemas"
)

// world is a log, a Redis that is lost at any moment, gateways that die, and the
// aggregators of one or two generations. Nothing in it runs by itself.
type world struct {
	t    *testing.T
	rand *rand.Rand
	s    *Store // of the first generation

	requests [testPartitions][]*schemas.RequestReceived
	usage    [testPartitions][]*schemas.UsageRecorded

	gateways    []*worldGateway
	aggregators []*aggregator // the last one is made beside the first until it serves
	calls       int
	admitted    map[budget]int64 // what admitted calls have spent or may
	limits      map[budget]int64
	granted     int // calls, of which some were granted after a loss of Redis
	losses      int
	switches    int
}

type worldGateway struct {
	*Admission
	seq    uint64
	spool  []any // events that are not in the log yet
	open   []*worldCall
	stuck  []func() // settlements whose number is known when it is shipped
	looked string   // the term that it has seen
}

type worldCall struct {
	Claim
	grant int64
}

// aggregator delivers the log to one generation.
type aggregator struct {
	*Store
	at   [testPartitions]Position
	lost [testPartitions]bool
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, rand: rand.New(rand.NewPCG(seed, 3)), s: openTest(t), admitted: make(map[budget]int64)}
	w.s.timeout = 10 * time.Second
	w.limits = map[budget]int64{
		{Key, "a", DayOf(noon)}: 3_000, {Key, "b", DayOf(noon)}: 2_000, {Key, "a", WeekOf(noon)}: 7_000,
		{Org, "", Lifetime()}: 12_000, {Balance, "", Lifetime()}: 9_000,
	}
	w.aggregators = []*aggregator{w.aggregator(w.s)}
	for range 3 {
		w.start()
	}
	if err := w.s.Serve(limited(t)); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) aggregator(s *Store) *aggregator {
	a := &aggregator{Store: s}
	for p := range a.lost {
		a.lost[p] = true
	}
	return a
}

func (w *world) start() {
	a := NewAdmission(AdmissionOptions{
		Redis: w.s, Node: fmt.Sprint("node", w.rand.Uint32()), Partitions: testPartitions, Partition: testPartition,
		Logger: slog.New(slog.DiscardHandler),
	})
	w.gateways = append(w.gateways, &worldGateway{Admission: a})
}

func (w *world) fatal(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// call makes a call: its request is recorded, then it reserves. What is refused
// has its outcome at once.
func (w *world) call(g *worldGateway) {
	w.calls++
	c := Claim{Org: "org", RequestID: fmt.Sprintf("req_%d_%d", w.calls, w.rand.IntN(10)), Want: 1 + w.rand.Int64N(400)}
	c.Least = 1 + w.rand.Int64N(c.Want)
	key := []string{"a", "b"}[w.rand.IntN(2)]
	for b, limit := range w.limits {
		if b.dimension != Key || b.id == key {
			c.Holds = append(c.Holds, Hold{b.dimension, b.id, b.window, limit})
		}
	}
	g.seq++
	g.spool = append(g.spool, &schemas.RequestReceived{
		RequestId: c.RequestID, Node: g.o.Node, Seq: g.seq, Budgets: c.Events(),
		Dimensions: &schemas.Dimensions{OrgId: c.Org, KeyId: key},
	})
	grant, err := g.Reserve(limited(w.t), c)
	w.fatal(err)
	if grant.Verdict != Admitted {
		g.end(c, key, 0)
		return
	}
	if grant.Pico < c.Least || grant.Pico > c.Want {
		w.t.Fatalf("%+v for %+v", grant, c)
	}
	w.granted++
	g.open = append(g.open, &worldCall{c, grant.Pico})
	w.spend(c, grant.Pico)
	for _, h := range c.Holds {
		if got := w.admitted[h.budget()]; got > h.Limit {
			w.t.Fatalf("%d of %d are admitted against %s", got, h.Limit, h.budget())
		}
	}
}

func (w *world) spend(c Claim, pico int64) {
	for _, h := range c.Holds {
		w.admitted[h.budget()] += pico
	}
}

// end writes the usage of a call and returns its number.
func (g *worldGateway) end(c Claim, key string, pico int64) uint64 {
	g.seq++
	u := usageOf(c, g.o.Node, g.seq, pico)
	u.Dimensions.KeyId = key
	g.spool = append(g.spool, u)
	return g.seq
}

func keyOf(c Claim) string {
	for _, h := range c.Holds {
		if h.Dimension == Key {
			return h.ID
		}
	}
	return ""
}

// finish ends an open call.
func (w *world) finish(g *worldGateway) {
	if len(g.open) == 0 {
		return
	}
	i := w.rand.IntN(len(g.open))
	c := g.open[i]
	g.open = append(g.open[:i], g.open[i+1:]...)
	cost := w.rand.Int64N(c.grant + 1)
	seq := g.end(c.Claim, keyOf(c.Claim), cost)
	w.spend(c.Claim, cost-c.grant)
	if w.rand.IntN(10) == 0 { // its outcome could not be written at once
		g.Settle(c.RequestID, cost, 0)
		g.stuck = append(g.stuck, func() { g.Settle(c.RequestID, cost, seq) })
		return
	}
	g.Settle(c.RequestID, cost, seq)
}

// ship carries events into the log, in order.
func (w *world) ship(g *worldGateway, n int) {
	for _, settle := range g.stuck {
		settle()
	}
	g.stuck = nil
	for range min(n, len(g.spool)) {
		switch e := g.spool[0].(type) {
		case *schemas.RequestReceived:
			p := testPartition(e.RequestId)
			w.requests[p] = append(w.requests[p], e)
		case *schemas.UsageRecorded:
			p := testPartition(e.RequestId)
			w.usage[p] = append(w.usage[p], e)
		}
		g.spool = g.spool[1:]
	}
}

// kill ends a gateway, of which the log has everything. Another one closes its
// calls some time.
func (w *world) kill(i int) {
	dead := w.gateways[i]
	w.ship(dead, len(dead.spool))
	w.gateways = append(w.gateways[:i], w.gateways[i+1:]...)
	w.start()
	heir := w.gateways[len(w.gateways)-1]
	for _, c := range dead.open {
		heir.end(c.Claim, keyOf(c.Claim), 0)
		w.spend(c.Claim, -c.grant)
	}
}

// deltas of usage events, as the aggregator makes them.
func deltasOf(events []*schemas.UsageRecorded) *Deltas {
	d := new(Deltas)
	for _, u := range events {
		for _, of := range []Dimension{Org, Balance, Key} {
			id := ""
			if of == Key {
				id = u.Dimensions.KeyId
			}
			d.AddSpend(noon, u.Dimensions.OrgId, of, id, u.CostPico)
		}
		d.AddUsage(u, false)
	}
	return d
}

// poll is what a follower sees when it asks for the positions.
func (w *world) poll(a *aggregator) {
	positions, err := a.Positions(limited(w.t))
	w.fatal(err)
	for p := range a.at {
		if at, held := positions[int32(p)]; !held || at != a.at[p] {
			a.lost[p] = true
		}
	}
}

// apply applies some events of a partition.
func (w *world) apply(a *aggregator, p int) {
	left := w.usage[p][a.at[p].Next:]
	if a.lost[p] || len(left) == 0 {
		return
	}
	n := 1 + w.rand.Int64N(int64(len(left)))
	at := a.at[p]
	_, ok, err := a.Apply(limited(w.t), Range{int32(p), at.Epoch, at.Next, at.Next + n}, deltasOf(left[:n]))
	w.fatal(err)
	a.at[p].Next += n
	a.lost[p] = !ok
}

// restore restores a partition that is lost. Between its parts things happen.
func (w *world) restore(a *aggregator, p int, between func()) {
	if !a.lost[p] {
		return
	}
	epoch, err := a.Begin(limited(w.t), int32(p))
	w.fatal(err)
	between()
	before := len(w.usage[p])
	if a.aside { // it delivers on from where it was
		before = int(a.at[p].Next)
	}
	requests := w.requests[p]
	sums := deltasOf(w.usage[p][:before])
	if !a.aside {
		ended := make(map[string]bool)
		for _, u := range w.usage[p][:before] {
			ended[u.RequestId] = true
		}
		for _, r := range requests {
			if !ended[r.RequestId] {
				sums.AddOpen(r.Dimensions.OrgId, r.RequestId, r.Budgets)
			}
		}
	}
	between()
	ok, err := a.Restore(limited(w.t), int32(p), Position{epoch, int64(before)}, sums)
	w.fatal(err)
	if ok {
		a.at[p], a.lost[p] = Position{epoch, int64(before)}, false
	}
}

// look is a turn of every gateway; the term counts as old enough once all that live
// have looked.
func (w *world) look(g *worldGateway) {
	v, err := g.seeSince(limited(w.t), time.Now())
	w.fatal(err)
	_, term, err := w.s.look(limited(w.t), termKey)
	w.fatal(err)
	g.looked = term["id"]
	for _, other := range w.gateways {
		if other.looked != term["id"] {
			return
		}
	}
	if term["id"] != "" && v.term == term["id"] {
		w.fatal(w.s.Age(limited(w.t)))
	}
}

// sweep asks for every settled claim.
func (w *world) sweep(g *worldGateway) {
	g.mu.Lock()
	for _, c := range g.claims {
		if c.settled {
			c.next = time.Unix(1, 0)
		}
	}
	g.mu.Unlock()
	w.fatal(g.bring(limited(w.t)))
}

// rebuild begins the second generation, and switches to it when it is there.
func (w *world) rebuild() {
	if len(w.aggregators) == 1 {
		if w.switches > 0 {
			return
		}
		second := *w.s
		second.generation, second.names, second.aside = 2, namesOf(2), true
		w.aggregators = append(w.aggregators, w.aggregator(&second))
		return
	}
	next := w.aggregators[1]
	for p := range next.lost {
		if next.lost[p] || int(next.at[p].Next)+3 < len(w.usage[p]) {
			return
		}
	}
	w.switches++
	next.aside = false
	w.aggregators = w.aggregators[1:]
	w.fatal(next.Serve(limited(w.t)))
}

// step does one thing.
func (w *world) step(depth int) {
	g, p := w.gateways[w.rand.IntN(len(w.gateways))], w.rand.IntN(testPartitions)
	a := w.aggregators[w.rand.IntN(len(w.aggregators))]
	switch w.rand.IntN(40) {
	case 0:
		if w.rand.IntN(4) == 0 {
			w.losses++
			w.fatal(w.s.client.FlushAll(limited(w.t)).Err())
		}
	case 1:
		w.kill(w.rand.IntN(len(w.gateways)))
	case 2:
		w.rebuild()
	case 3, 4, 5, 6:
		w.ship(g, 1+w.rand.IntN(6))
	case 7, 8, 9, 10:
		w.apply(a, p)
	case 11, 12:
		w.poll(a)
		w.fatal(w.aggregators[0].Serve(limited(w.t)))
	case 13, 14, 15:
		if depth == 0 {
			w.poll(a)
			w.restore(a, p, func() {
				for range w.rand.IntN(3) {
					w.step(1)
				}
			})
		}
	case 16, 17, 18, 19, 20:
		w.look(g)
	case 21, 22:
		w.fatal(g.bring(limited(w.t)))
	case 23:
		w.sweep(g)
	case 24, 25, 26, 27, 28, 29:
		w.finish(g)
	default:
		w.call(g)
	}
}

// settle brings all of it to rest.
func (w *world) settle() {
	for turn := range 12 {
		for _, g := range w.gateways {
			for len(g.open) > 0 {
				w.finish(g)
			}
			w.ship(g, len(g.spool))
			w.look(g)
			w.sweep(g)
		}
		a := w.aggregators[0]
		w.poll(a)
		for p := range testPartitions {
			w.restore(a, p, func() {})
			for !a.lost[p] && int(a.at[p].Next) < len(w.usage[p]) {
				w.apply(a, p)
			}
		}
		w.fatal(a.Serve(limited(w.t)))
		if turn >= 4 { // what is whole is open, and counts by the generation that serves
			w.call(w.gateways[turn%len(w.gateways)])
		}
	}
	for range 3 {
		for _, g := range w.gateways {
			for len(g.open) > 0 {
				w.finish(g)
			}
			w.ship(g, len(g.spool))
			w.sweep(g)
		}
		for p := range testPartitions {
			w.apply(w.aggregators[0], p)
		}
	}
}

// Whatever is lost and whoever dies in whatever order: no admission ever passes a
// limit, and in the end the sums are those of the log and nothing is reserved.
func TestBudgetsHold(t *testing.T) {
	for seed := range uint64(16) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := newWorld(t, seed)
			for range 400 {
				w.step(0)
			}
			w.settle()
			serving := w.aggregators[0].Store
			for b, limit := range w.limits {
				var want int64
				for p := range w.usage {
					for _, u := range w.usage[p] {
						if b.dimension != Key || u.Dimensions.KeyId == b.id {
							want += u.CostPico
						}
					}
				}
				wantSpend(t, serving, "org", b.dimension, b.id, b.window, want)
				if want > limit || want != w.admitted[b] {
					t.Errorf("%s: the log has %d, admitted were %d of %d", b, want, w.admitted[b], limit)
				}
			}
			if n := reserved(t, w.s); n != 0 {
				t.Errorf("%d reservations are left", n)
			}
			for _, g := range w.gateways {
				if n := g.Open(); n != 0 {
					t.Errorf("%s keeps %d claims", g.o.Node, n)
				}
			}
			t.Logf("%d calls, %d granted, %d losses, %d switches", w.calls, w.granted, w.losses, w.switches)
		})
	}
}
