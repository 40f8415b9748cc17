package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	ackedName = "acked.json"
	cleanName = "closed"
)

// Ack tells that every frame before p is in Kafka. The position is saved about
// once a second: after a kill some frames are sent again, which readers drop.
func (l *Log) Ack(p Position) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.acked.Before(p) {
		return nil
	}
	l.acked = p
	for len(l.waiting) > 1 && !p.Before(l.waiting[1].at) {
		l.waiting = l.waiting[1:]
	}
	if !p.Before(l.end()) {
		l.waiting = l.waiting[:0]
	}
	if now := l.opts.Now(); now.Sub(l.ackedAt) >= time.Second {
		l.ackedAt = now
		l.trim(0)
		return l.saveAcked()
	}
	return nil
}

// Acked returns the acknowledged position.
func (l *Log) Acked() Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked
}

func (l *Log) saveAcked() error {
	b, err := json.Marshal(l.acked)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(l.dir, ackedName), b)
}

// loadAcked reads the saved position. One that is missing or was lost with the
// power is the log's beginning: frames are sent again, none is skipped.
func loadAcked(dir string, first uint64) (Position, error) {
	start := Position{first, headerSize}
	b, err := os.ReadFile(filepath.Join(dir, ackedName))
	if errors.Is(err, os.ErrNotExist) {
		return start, nil
	}
	if err != nil {
		return start, fmt.Errorf("read acknowledged position: %w", err)
	}
	var p Position
	if json.Unmarshal(b, &p) != nil || p.Before(start) {
		return start, nil
	}
	return p, nil
}

// trim deletes acknowledged segments that are older than Keep, and younger ones
// too when need bytes would not fit under MaxBytes otherwise.
func (l *Log) trim(need int64) {
	var total int64
	for _, s := range l.segments {
		total += s.size
	}
	now := l.opts.Now()
	for len(l.segments) > 1 && l.segments[0].number < l.acked.Segment {
		s := l.segments[0]
		if total+l.reserved+need <= l.opts.MaxBytes && now.Sub(s.ended) < l.opts.Keep {
			return
		}
		if err := os.Remove(l.path(s.number)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return // tried again at the next trim
		}
		total -= s.size
		l.segments = l.segments[1:]
	}
}

// writeFile replaces a small file whole and durably.
func writeFile(path string, b []byte) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
