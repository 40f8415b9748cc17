package admission

import (
	"context"
	"sync"
)

// lines are where calls wait for others' reservations, one line for each budget.
// Only the first of a line asks Redis again, and while it is told to wait, calls that
// come later join the line without asking. So a thousand calls that want what is not
// there ask no more often than one does, and none overtakes those that wait.
type lines struct {
	mu     sync.Mutex // owns all lines
	byName map[string]*line
}

type line struct {
	first   chan struct{} // holds a token while someone is the first
	waiting int
	full    bool // the first was told to wait when it last asked
}

// wait returns when the caller is the first in a line, false when ctx ends before.
// leave must be called, once, in either case.
func (l *lines) wait(ctx context.Context, name string) (leave func(), ok bool) {
	l.mu.Lock()
	if l.byName == nil {
		l.byName = make(map[string]*line)
	}
	mine := l.byName[name]
	if mine == nil {
		mine = &line{first: make(chan struct{}, 1)}
		l.byName[name] = mine
	}
	mine.waiting++
	l.mu.Unlock()
	select {
	case mine.first <- struct{}{}:
		ok = true
	case <-ctx.Done():
	}
	return func() {
		if ok {
			<-mine.first
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if mine.waiting--; mine.waiting == 0 {
			delete(l.byName, name)
		}
	}, ok
}

// isFull says whether a call that came now would have to wait.
func (l *lines) isFull(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	mine := l.byName[name]
	return mine != nil && mine.full
}

// told notes what the first of a line, who calls it, was told.
func (l *lines) told(name string, full bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byName[name].full = full
}

// empty says whether nobody waits for anything.
func (l *lines) empty() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.byName) == 0
}
