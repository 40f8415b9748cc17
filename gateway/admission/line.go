package admission

import (
	"context"
	"sync"
)

// lines are where calls wait for others' reservations, one line for each budget.
// Only the first of a line asks Redis again; so a thousand waiting calls ask no
// more often than one does.
type lines struct {
	mu     sync.Mutex // owns all lines
	byName map[string]*line
}

type line struct {
	first   chan struct{} // holds a token while someone is the first
	waiting int
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
