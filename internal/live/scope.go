package live

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"
)

// scope is what a script changes for one organisation, or for all latency.
type scope struct {
	name         string
	hashes       []hash
	reservations *reservations // nil for none
}

// hash is one key in Redis with the fields that change.
type hash struct {
	name    string
	expires int64 // seconds since the epoch, 0 for never
	fields  []string
	values  []int64
}

// String names the budget in keys.
func (b budget) String() string { return string(b.dimension) + ":" + b.id + ":" + b.window.String() }

// scopesOf lays deltas out as keys and fields, in the order of their names.
// Field is the partition's.
func scopesOf(n names, field string, d *Deltas) []scope {
	scopes := make([]scope, 0, len(d.spend)+1)
	for org, sums := range d.spend {
		name := orgScope(org)
		s := scope{name: name, hashes: make([]hash, 0, len(sums)), reservations: d.reservations[org]}
		for of, pico := range sums {
			s.hashes = append(s.hashes, hash{
				name:    n.spend(name, of),
				expires: of.window.expires(), fields: []string{field}, values: []int64{pico},
			})
		}
		slices.SortFunc(s.hashes, func(a, b hash) int { return cmp.Compare(a.name, b.name) })
		scopes = append(scopes, s)
	}
	for org, r := range d.reservations {
		if _, spent := d.spend[org]; !spent {
			scopes = append(scopes, scope{name: orgScope(org), reservations: r})
		}
	}
	if len(d.latency) > 0 {
		scopes = append(scopes, latencyScopeOf(n, field, d))
	}
	slices.SortFunc(scopes, func(a, b scope) int { return cmp.Compare(a.name, b.name) })
	return scopes
}

// latencySuffixes name the fields of a minute of live latency after the
// partition's, for plain calls and for streams, in the order of LatencySums.
var latencySuffixes = [2][4]string{
	{".plain.calls", ".plain.latency_us", ".plain.ttfts", ".plain.ttft_us"},
	{".stream.calls", ".stream.latency_us", ".stream.ttfts", ".stream.ttft_us"},
}

func latencyFields(field string, stream bool) []string {
	suffixes := latencySuffixes[0]
	if stream {
		suffixes = latencySuffixes[1]
	}
	fields := make([]string, len(suffixes))
	for i, suffix := range suffixes {
		fields[i] = field + suffix
	}
	return fields
}

func latencyScopeOf(n names, field string, d *Deltas) scope {
	s := scope{name: latencyScope, hashes: make([]hash, 0, len(d.latency))}
	plain, stream := latencyFields(field, false), latencyFields(field, true)
	for key, sums := range d.latency {
		h := hash{name: n.latency(key.provider, key.model, key.minute), expires: latencyExpires(key.minute).Unix(), fields: plain}
		if key.stream {
			h.fields = stream
		}
		h.values = []int64{sums.Calls, sums.LatencyUS, sums.TTFTs, sums.TTFTUS}
		s.hashes = append(s.hashes, h)
	}
	slices.SortFunc(s.hashes, func(a, b hash) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.fields[0], b.fields[0]))
	})
	return s
}

// chunks cuts the sums into parts of at most so many hashes.
func (s scope) chunks(size int) [][]hash { return slices.Collect(slices.Chunk(s.hashes, size)) }

// layout writes script calls of one partition for one generation.
type layout struct {
	names
	generation int
	aside      bool
	partition  int32
	epoch      Epoch
	next       int64 // the first offset that the sums do not hold
}

// head begins a call of apply.lua or restored.lua.
func (l *layout) head(s scope) scriptCall {
	serving := 1
	if l.aside {
		serving = 0
	}
	return scriptCall{
		keys: []string{l.in(s.name, "offsets"), l.in(s.name, "epochs"), guardKey(s.name), l.in(s.name, "numbers"), l.in(s.name, "noted")},
		args: []any{l.partition, string(l.epoch), l.next - 1, int(keepOffsets.Seconds()), l.generation, serving},
	}
}

// apply lays a scope out for apply.lua.
func (l *layout) apply(s scope) scriptCall {
	c := l.head(s)
	c.args = append(c.args, len(s.hashes))
	c.addHashes(s.hashes)
	c.addNodes(s.reservations)
	for _, b := range s.reservations.budgets() {
		c.keys = append(c.keys, pendingKey(s.name, b))
		c.addIDs(s.reservations.endedOf(b))
	}
	return c
}

// restore lays a part of a scope's sums out for restore.lua.
func (l *layout) restore(s scope, part []hash) scriptCall {
	c := scriptCall{keys: []string{l.in(s.name, "epochs")}, args: []any{l.partition}}
	c.addHashes(part)
	return c
}

// restored lays a scope out for restored.lua: one call that makes the new sums the
// scope's, then as many for its reservations as it takes. Between the calls what
// was spent may count twice, but never not at all.
func (l *layout) restored(s scope) []scriptCall {
	first := l.head(s)
	first.addNodes(s.reservations)
	calls := []scriptCall{first}
	for _, b := range s.reservations.budgets() {
		open := slices.Collect(maps.Keys(s.reservations.open[b]))
		for ended := s.reservations.endedOf(b); len(open)+len(ended) > 0; {
			c := l.head(s)
			c.addNodes(nil)
			c.keys = append(c.keys, pendingKey(s.name, b))
			part := open[:min(len(open), restoreChunk)]
			c.args = append(c.args, b.window.expires(), len(part))
			for _, id := range part {
				c.args = append(c.args, id, s.reservations.open[b][id])
			}
			open = open[len(part):]
			// A call that was open when the log was read may have ended since: last.
			done := ended[:min(len(ended), restoreChunk)]
			if len(open) > 0 {
				done = nil
			}
			c.addIDs(done)
			ended = ended[len(done):]
			calls = append(calls, c)
		}
	}
	return calls
}

func (c *scriptCall) addHashes(hashes []hash) {
	for _, h := range hashes {
		c.keys = append(c.keys, h.name)
		c.args = append(c.args, strconv.FormatInt(h.expires, 10), len(h.fields))
		for i, f := range h.fields {
			c.args = append(c.args, f, h.values[i])
		}
	}
}

func (c *scriptCall) addNodes(r *reservations) {
	if r == nil {
		c.args = append(c.args, 0)
		return
	}
	c.args = append(c.args, len(r.newest))
	for node, seq := range r.newest {
		c.args = append(c.args, node, *seq)
	}
}

func (c *scriptCall) addIDs(ids []string) {
	c.args = append(c.args, len(ids))
	for _, id := range ids {
		c.args = append(c.args, id)
	}
}

// budgets are those of which calls ended or are open, in order.
func (r *reservations) budgets() []budget {
	if r == nil {
		return nil
	}
	var all []budget
	for b := range r.ended {
		all = append(all, b)
	}
	for b := range r.open {
		if _, known := r.ended[b]; !known {
			all = append(all, b)
		}
	}
	slices.SortFunc(all, func(a, b budget) int { return cmp.Compare(a.String(), b.String()) })
	return all
}

// latencyExpires is when the minute that starts at these seconds is forgotten.
func latencyExpires(minute int64) time.Time {
	return time.Unix(minute, 0).Add(time.Minute + LatencyKept)
}
