package manage

import (
	"context"
	"sync"
	"time"
)

const (
	// usageAtOnce is how many questions about usage one gateway has at ClickHouse at
	// the same time, which has other work: what the calls write. usageOfOrg is how many
	// of them are one organisation's.
	usageAtOnce, usageOfOrg = 8, 2
	// usageTurn is how long a question waits for its turn.
	usageTurn = 2 * time.Second
)

// turns lets so many in at once, and of each organisation so many.
type turns struct {
	all chan struct{}

	mu   sync.Mutex
	orgs map[string]*lane // those with someone in it, or waiting
}

type lane struct {
	turns chan struct{}
	users int
}

func newTurns() *turns {
	return &turns{all: make(chan struct{}, usageAtOnce), orgs: map[string]*lane{}}
}

// take waits for a turn; done gives it back. False when ctx ended first.
func (t *turns) take(ctx context.Context, org string) (done func(), ok bool) {
	l := t.enter(org)
	select {
	case l.turns <- struct{}{}:
	case <-ctx.Done():
		t.leave(org)
		return nil, false
	}
	select {
	case t.all <- struct{}{}:
	case <-ctx.Done():
		<-l.turns
		t.leave(org)
		return nil, false
	}
	return func() {
		<-t.all
		<-l.turns
		t.leave(org)
	}, true
}

func (t *turns) enter(org string) *lane {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.orgs[org]
	if l == nil {
		l = &lane{turns: make(chan struct{}, usageOfOrg)}
		t.orgs[org] = l
	}
	l.users++
	return l
}

func (t *turns) leave(org string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.orgs[org].users--; t.orgs[org].users == 0 {
		delete(t.orgs, org)
	}
}
