package live

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// scope is what a script changes for one organisation, or for all latency.
type scope struct {
	offsets string
	hashes  []hash
}

// hash is one key in Redis with the fields that change.
type hash struct {
	name    string
	expires time.Time
	fields  []string
	values  []int64
}

// scopesOf lays deltas out as keys and fields, in the order of their names.
// Field is the partition's.
func scopesOf(n names, field string, d *Deltas) []scope {
	scopes := make([]scope, 0, len(d.spend)+1)
	for org, sums := range d.spend {
		name := orgScope(org)
		s := scope{offsets: n.offsets(name), hashes: make([]hash, 0, len(sums))}
		for key, pico := range sums {
			s.hashes = append(s.hashes, hash{
				name:    n.spend(name, key.dimension, key.id, key.window),
				expires: key.window.expires(), fields: []string{field}, values: []int64{pico},
			})
		}
		slices.SortFunc(s.hashes, func(a, b hash) int { return cmp.Compare(a.name, b.name) })
		scopes = append(scopes, s)
	}
	if len(d.latency) > 0 {
		scopes = append(scopes, latencyScopeOf(n, field, d))
	}
	slices.SortFunc(scopes, func(a, b scope) int { return cmp.Compare(a.offsets, b.offsets) })
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
	s := scope{offsets: n.offsets(latencyScope), hashes: make([]hash, 0, len(d.latency))}
	plain, stream := latencyFields(field, false), latencyFields(field, true)
	for key, sums := range d.latency {
		h := hash{name: n.latency(key.provider, key.model, key.minute), expires: latencyExpires(key.minute), fields: plain}
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

// callsOf lays deltas out as one script call a scope.
func callsOf(n names, field string, next int64, d *Deltas) []scriptCall {
	var calls []scriptCall
	for _, s := range scopesOf(n, field, d) {
		calls = append(calls, s.call(field, next))
	}
	return calls
}

// call lays the scope out as the scripts read it. Next is the first offset that
// the sums do not hold.
func (s scope) call(field string, next int64) scriptCall {
	keys := make([]string, 1, 1+len(s.hashes))
	keys[0] = s.offsets
	args := make([]any, 0, 3+4*len(s.hashes))
	args = append(args, field, next-1, int(keepOffsets.Seconds()))
	for _, h := range s.hashes {
		keys = append(keys, h.name)
		args = append(args, strconv.FormatInt(h.expires.Unix(), 10), len(h.fields))
		for i, f := range h.fields {
			args = append(args, f, h.values[i])
		}
	}
	return scriptCall{keys, args}
}

// chunks cuts the scope into parts of at most so many hashes.
func (s scope) chunks(size int) []scope {
	var parts []scope
	for part := range slices.Chunk(s.hashes, size) {
		parts = append(parts, scope{s.offsets, part})
	}
	return parts
}
