// Package flock takes advisory locks on files, so that two processes of one machine agree on who may
// use a data folder, a port or the engine's cache.
//
// A lock is held by an open file: the kernel drops it when the process ends, however it ends, and a
// lock file left behind means nothing. Children do not inherit it (Go opens files close-on-exec).
// Locks are between processes and between two Locks of one process alike.
package flock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ErrHeld is what Try returns when somebody else holds the lock.
var ErrHeld = errors.New("lock is held by another process")

// Lock is a held lock. The file stays when it is released: removing it would let two holders lock two
// different files of one name.
type Lock struct{ file *os.File }

// Try locks path, creating the file, or returns ErrHeld at once.
func Try(path string) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		return &Lock{file: file}, nil
	}
	_ = file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, ErrHeld
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// Wait locks path, asking again every 100 ms until it is free or ctx ends. waiting is called once, when
// the lock is found held.
func Wait(ctx context.Context, path string, waiting func()) (*Lock, error) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		lock, err := Try(path)
		if !errors.Is(err, ErrHeld) {
			return lock, err
		}
		if waiting != nil {
			waiting()
			waiting = nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Note replaces the file's content by text, for whoever finds the lock held.
func (l *Lock) Note(text string) error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(text), 0)
	return err
}

// Release gives the lock up.
func (l *Lock) Release() error { return l.file.Close() }
