package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Reader reads the log's frames in order from a position. It is used by one goroutine.
type Reader struct {
	log  *Log
	at   Position
	file *os.File
	open uint64 // the segment that file is
	view window
	buf  []byte
}

// windowBytes is how much the reader takes from the file at once.
const windowBytes = 128 << 10

// window is a part of a segment in memory. What lies before limit is never
// written again, so a window never goes stale.
type window struct {
	file  *os.File
	limit int64
	start int64
	bytes []byte
}

// ReadAt serves ranges before limit, in rising order, with few reads of the file.
func (w *window) ReadAt(p []byte, off int64) (int, error) {
	if off < w.start || off+int64(len(p)) > w.start+int64(len(w.bytes)) {
		if len(p) > windowBytes {
			return w.file.ReadAt(p, off)
		}
		n := min(windowBytes, w.limit-off)
		if cap(w.bytes) < windowBytes {
			w.bytes = make([]byte, 0, windowBytes)
		}
		read, err := w.file.ReadAt(w.bytes[:n], off)
		w.start, w.bytes = off, w.bytes[:read]
		if read < len(p) {
			return 0, err
		}
	}
	return copy(p, w.bytes[off-w.start:]), nil
}

// NewReader reads from p on.
func (l *Log) NewReader(p Position) *Reader {
	return &Reader{log: l, at: p}
}

// Next returns the next frame's payload, valid until the call after, and the
// position behind it; io.EOF when there is none yet.
func (r *Reader) Next() ([]byte, Position, error) {
	var limit int64
	for {
		var last bool
		if limit, last = r.limit(); r.at.Offset < limit {
			break
		}
		if last {
			return nil, r.at, io.EOF
		}
		r.at = Position{r.at.Segment + 1, headerSize}
	}
	if r.file == nil || r.open != r.at.Segment {
		r.Close()
		f, err := os.Open(r.log.path(r.at.Segment))
		if err != nil {
			return nil, r.at, fmt.Errorf("open spool segment: %w", err)
		}
		r.file, r.open = f, r.at.Segment
		r.view = window{file: f, bytes: r.view.bytes[:0]}
	}
	r.view.limit = limit
	payload, next, err := readFrame(&r.view, r.at.Offset, limit, r.buf)
	if errors.Is(err, errTorn) {
		return nil, r.at, &DamagedError{Path: r.file.Name(), Offset: r.at.Offset}
	}
	if err != nil {
		return nil, r.at, fmt.Errorf("read spool: %w", err)
	}
	r.buf, r.at.Offset = payload, next
	return payload, r.at, nil
}

// limit is how far the reader's segment may be read, and whether it is the last.
// Under FsyncAlways only what is on the disk is readable: a frame that Kafka
// has and a loss of power takes from the spool would have its seq used again.
func (r *Reader) limit() (int64, bool) {
	l := r.log
	l.mu.Lock()
	defer l.mu.Unlock()
	end := l.end()
	if l.opts.Fsync == FsyncAlways && l.synced.Before(end) {
		end = l.synced
	}
	if r.at.Segment >= end.Segment {
		return end.Offset, true
	}
	for _, s := range l.segments {
		if s.number == r.at.Segment {
			return s.size, false
		}
	}
	return 0, false
}

// Wait returns when there may be a frame to read, or ctx is done.
func (r *Reader) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-r.log.readable:
		return nil
	}
}

// Close releases the reader's file.
func (r *Reader) Close() {
	if r.file != nil {
		_ = r.file.Close() // opened for reading
		r.file = nil
	}
}
