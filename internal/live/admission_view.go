package live

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	// lookEvery is how soon a gateway notices that Redis was lost or is whole.
	lookEvery = 500 * time.Millisecond
	// lookAgain is how old what was seen may be for a call that finds Redis lost.
	lookAgain = 100 * time.Millisecond
	// silence, in seconds, is how long a gateway may say nothing before it counts as
	// dead, and how long a new term waits for gateways to appear.
	silence = 3
	// forgotten, in seconds, is when a dead gateway is not listed any more.
	forgotten = 3600
)

// view is what a gateway saw of Redis.
type view struct {
	began      time.Time // when it began to look
	term       string    // "" when there is none
	generation int
	reached    map[int32]int64 // by partition, the offset before which Redis holds everything
	postedBy   int             // the generation whose restores have posted the open calls
	whole      bool            // everything is restored and posted
}

func (a *Admission) seen() view {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.view
}

// token is held by one goroutine at a time, which may talk to Redis meanwhile.
type token chan struct{}

func (t token) take(ctx context.Context) (putBack func(), err error) {
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Look looks at once whether Redis is whole, as Run does all the time.
func (a *Admission) Look(ctx context.Context) (whole bool, err error) {
	v, err := a.seeSince(ctx, time.Now())
	return v.whole, err
}

// seeSince looks whether Redis is whole, unless somebody here began to after since. A
// term that is new is posted to first.
func (a *Admission) seeSince(ctx context.Context, since time.Time) (view, error) {
	putBack, err := a.access.take(ctx)
	if err != nil {
		return view{}, err
	}
	defer putBack()
	if v := a.seen(); v.began.After(since) {
		return v, nil
	}
	v, err := a.look(ctx)
	if err != nil {
		return v, fmt.Errorf("look whether budgets are whole: %w", err)
	}
	a.mu.Lock()
	before := a.view
	a.view = v
	a.mu.Unlock()
	switch {
	case v.whole && !before.whole:
		a.o.Logger.Info("budgets are whole", "term", v.term, "generation", v.generation)
	case before.term != "" && v.term != before.term:
		a.o.Logger.Warn("redis was lost: calls with budgets wait until it is restored", "term", before.term)
	}
	return v, nil
}

func (a *Admission) look(ctx context.Context) (view, error) {
	v := view{began: time.Now()}
	_, term, err := a.read(ctx, termKey)
	if err != nil {
		return v, err
	}
	serving, err := a.serving(ctx)
	if err != nil || serving == nil {
		return v, err
	}
	v.generation = serving.generation
	if err := a.postTo(ctx, v.generation, term["id"]); err != nil {
		return v, err
	}
	_, positions, err := a.read(ctx, serving.names.positions())
	if err != nil {
		return v, err
	}
	now, gateways, err := a.read(ctx, gatewaysKey)
	if err != nil {
		return v, err
	}
	silent, err := a.allPosted(ctx, now, gateways, term["id"])
	if err != nil {
		return v, err
	}
	// The term comes last: while it stands, nothing that was seen before it is lost.
	now, term, err = a.read(ctx, termKey)
	if err != nil || term["id"] == "" {
		return v, err
	}
	v.term = term["id"]
	born, err := strconv.ParseInt(term["born"], 10, 64)
	v.whole = err == nil && now-born > silence && silent == "" && gateways[a.o.Node] != "" && v.term == a.postedTerm()
	v.reached = make(map[int32]int64, a.o.Partitions)
	for partition := range int32(a.o.Partitions) {
		at, err := parsePosition(positions[strconv.Itoa(int(partition))])
		by, unknown := strconv.Atoi(term[postedField(partition)])
		if err != nil || unknown != nil || termOf(at.Epoch) != v.term {
			v.whole = false
		}
		if by != v.generation || v.postedBy == 0 {
			v.postedBy = by
		}
		v.reached[partition] = at.Next
	}
	return v, nil
}

func (a *Admission) read(ctx context.Context, key string) (int64, map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, a.store.timeout)
	defer cancel()
	return a.store.look(ctx, key)
}

// serving is the store of the generation that serves, nil when there is none.
func (a *Admission) serving(ctx context.Context) (*Store, error) {
	s, err := a.store.Serving(ctx)
	if err != nil {
		return nil, ignoreNotServed(err)
	}
	return s, nil
}

// allPosted returns the node of a gateway that lives and has not posted under the
// term, "" when all have, and strikes those that are long dead.
func (a *Admission) allPosted(ctx context.Context, now int64, gateways map[string]string, term string) (missing string, err error) {
	for node, text := range gateways {
		posted, beat, _ := strings.Cut(text, ":")
		at, err := strconv.ParseInt(beat, 10, 64)
		switch age := now - at; {
		case err != nil || age > forgotten:
			if err := a.store.client.HDel(ctx, gatewaysKey, node).Err(); err != nil {
				return "", fmt.Errorf("strike gateway %s: %w", node, err)
			}
		case age <= silence && posted != term:
			missing = node
		}
	}
	return missing, nil
}

func (a *Admission) beat(ctx context.Context, posted string) error {
	ctx, cancel := context.WithTimeout(ctx, a.store.timeout)
	defer cancel()
	if err := a.store.scripts.beat.Run(ctx, a.store.client, []string{gatewaysKey}, a.o.Node, posted).Err(); err != nil {
		return fmt.Errorf("say that the gateway lives: %w", err)
	}
	return nil
}

// open opens an organisation whose guard is missing, unless somebody here did
// after the moment. From the mark on a loss of its slot shows; the look after it
// says that Redis was whole in between; so what adopt then opens is whole.
func (a *Admission) open(ctx context.Context, org string, since time.Time) (v view, ok bool, err error) {
	putBack, err := a.opens.take(ctx)
	if err != nil {
		return v, false, err
	}
	defer putBack()
	if v = a.seen(); v.whole {
		a.mu.Lock()
		opened := a.opened[org].After(since)
		a.mu.Unlock()
		if opened {
			return v, true, nil
		}
	}
	guard := guardKey(orgScope(org))
	if v, err = a.seeSince(ctx, since.Add(-lookAgain)); err != nil || !v.whole {
		return v, false, err
	}
	nonce, from, err := a.mark(ctx, guard, v.term)
	if err != nil {
		return v, false, err
	}
	term := v.term
	if v, err = a.seeSince(ctx, time.Now()); err != nil || !v.whole || v.term != term {
		return v, false, err
	}
	first, err := a.store.scripts.register.Run(ctx, a.store.client, []string{termKey, orgsKey}, term, orgScope(org), nonce).Text()
	if err != nil {
		return v, false, fmt.Errorf("register %s: %w", org, err)
	}
	if first != nonce {
		if nonce, from, err = a.mark(ctx, guard, term); err != nil {
			return v, false, err
		}
		if first != nonce && first != "" {
			// Its slot was opened in this term, and the guard is another one.
			a.o.Logger.Warn("redis has lost the slot of an organisation: everything is restored", "org", org)
			err = a.store.scripts.endAll.Run(ctx, a.store.client, []string{termKey, orgsKey}, term).Err()
		}
		if first != nonce || err != nil {
			return v, false, err
		}
	}
	if from == 0 {
		from = v.postedBy
	}
	if ok, err = a.change(ctx, v, org, nonce, from); ok && err == nil {
		a.mu.Lock()
		a.opened[org] = time.Now()
		a.mu.Unlock()
	}
	return v, ok, err
}

// mark returns the nonce of an organisation's guard in a term, a new one where it
// has none, and by which generation the organisation has counted, 0 for none.
func (a *Admission) mark(ctx context.Context, guard, term string) (nonce string, generation int, err error) {
	ctx, cancel := context.WithTimeout(ctx, a.store.timeout)
	defer cancel()
	reply, err := a.store.scripts.mark.Run(ctx, a.store.client, []string{guard}, term, rand.Text()[:8]).StringSlice()
	if err != nil {
		return "", 0, fmt.Errorf("mark %s: %w", guard, err)
	}
	if len(reply) != 2 {
		return "", 0, fmt.Errorf("mark %s: redis answers %q", guard, reply)
	}
	if reply[1] != "" {
		if generation, err = strconv.Atoi(reply[1]); err != nil {
			return "", 0, fmt.Errorf("mark %s: generation: %w", guard, err)
		}
	}
	return reply[0], generation, nil
}

// adopt makes an organisation, which counts by the sums of another generation, count
// by those that serve, as soon as they are as far. It returns by which it counts.
func (a *Admission) adopt(ctx context.Context, v view, org string, from int) (generation int, err error) {
	if from == v.generation || !v.whole {
		return from, nil
	}
	nonce, _, err := a.mark(ctx, guardKey(orgScope(org)), v.term)
	if err != nil {
		return 0, err
	}
	if ok, err := a.change(ctx, v, org, nonce, from); err != nil || !ok {
		return from, err
	}
	return v.generation, nil
}

// change calls adopt.lua.
func (a *Admission) change(ctx context.Context, v view, org, nonce string, from int) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, a.store.timeout)
	defer cancel()
	scope, before := orgScope(org), namesOf(from)
	keys := []string{guardKey(scope), before.in(scope, "epochs"), before.in(scope, "offsets"), namesOf(v.generation).in(scope, "noted")}
	args := []any{v.term, nonce, v.generation, from}
	for partition, next := range v.reached {
		args = append(args, partition, next)
	}
	ok, err := a.store.scripts.adopt.Run(ctx, a.store.client, keys, args...).Bool()
	if err != nil {
		return false, fmt.Errorf("open %s: %w", org, err)
	}
	return ok, nil
}
