// Package spool keeps a node's events on disk until Kafka has them: a log of
// checksummed frames in numbered segments, appended by one writer, read in
// order by one reader, and trimmed behind what was acknowledged.
//
// Guarantee: a frame whose Append returned nil survives a kill of the process,
// and with FsyncAlways a loss of power; a frame whose Append failed is not in
// the log and never appears later. Room for a frame that was reserved is
// allocated on disk beforehand, where the file system can do that, so that a
// disk that fills up refuses new calls and still records the open ones.
//
// Concurrency: all methods may be called from any goroutine; appends are
// ordered by the caller. On a write error the log cuts off what was written of
// the frame and the next Append tries again.
package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Errors of Append.
var (
	// ErrFull means that the frame and its reservation do not fit under MaxBytes.
	ErrFull = errors.New("spool is full")
	// ErrClosed means that the log was closed.
	ErrClosed = errors.New("spool is closed")
)

// Fsync says when appended frames are forced to the disk.
type Fsync string

// The three ways. FsyncNever leaves it to the kernel: a kill of the process
// loses nothing, a loss of power may lose what it had not written back.
const (
	FsyncNever    Fsync = "never"
	FsyncInterval Fsync = "interval"
	FsyncAlways   Fsync = "always"
)

// Options of a log.
type Options struct {
	// MaxBytes bounds the files of the log together, reservations included.
	MaxBytes int64
	// SegmentBytes is the size at which a segment is followed by the next.
	SegmentBytes int64
	Fsync        Fsync
	// FsyncInterval is the time between two fsyncs under FsyncInterval.
	FsyncInterval time.Duration
	// Keep is how long acknowledged segments stay, as long as MaxBytes lets them.
	Keep time.Duration
	// Snapshot returns a frame that each new segment begins with, so that a
	// reader of that segment alone knows what was open; nil for none.
	Snapshot func() []byte
	// Drain opens a log that is only read to its end: no space is allocated.
	Drain bool
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Position is a place in the log: the next frame to read is the one at Offset of Segment.
type Position struct {
	Segment uint64 `json:"segment"`
	Offset  int64  `json:"offset"`
}

// Before tells whether p lies before q.
func (p Position) Before(q Position) bool {
	return p.Segment < q.Segment || p.Segment == q.Segment && p.Offset < q.Offset
}

// Stats is the state of a log.
type Stats struct {
	Bytes         int64     // of all segments on disk
	Unacked       int64     // bytes not yet acknowledged
	Reserved      int64     // bytes reserved for outcomes
	MaxBytes      int64     //
	OldestUnacked time.Time // when the oldest unacknowledged frame was written, to a second; zero when there is none
	LastWrite     time.Time // of the last segment
	Err           error     // of the last append, nil when it succeeded
}

// Log is one node's log of frames.
type Log struct {
	dir  string
	opts Options

	mu       sync.Mutex // owns everything below
	segments []segment  // in order; the last is written to
	file     *os.File   // the last segment
	ahead    []*os.File // empty, allocated segments that follow the last
	acked    Position
	ackedAt  time.Time // when acked was last saved
	waiting  []sample  // of unacknowledged frames, oldest first
	reserved int64
	lastErr  error
	dirty    bool // the last segment may end in a torn frame
	closed   bool
	synced   Position      // what is known to be on disk
	readable chan struct{} // has one token when there may be more to read

	syncMu sync.Mutex // one fsync at a time; taken before mu
	stop   chan struct{}
	done   sync.WaitGroup
}

// segment is one file of the log.
type segment struct {
	number uint64
	size   int64
	head   int64     // bytes of the snapshot that it began with, which do not count for its length
	ended  time.Time // last write
}

// sample remembers when the frame at a position was appended, about once a second.
type sample struct {
	at   Position
	time time.Time
}

func (l *Log) path(number uint64) string {
	return filepath.Join(l.dir, segmentName(number))
}

func segmentName(number uint64) string { return fmt.Sprintf("%020d.segment", number) }

// Append writes one frame and changes the reservations: reserve bytes are set
// aside for frames that must not fail later, release gives such bytes back. A
// frame that gives back at least its own size is always admitted.
// It returns the position after the frame.
func (l *Log) Append(frame []byte, reserve, release int64) (Position, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	end, err := l.append(frame, reserve, release)
	l.lastErr = err
	if err != nil {
		return Position{}, err
	}
	if l.opts.Fsync != FsyncAlways {
		l.wake()
	}
	return end, nil
}

func (l *Log) append(frame []byte, reserve, release int64) (Position, error) {
	if l.closed {
		return Position{}, ErrClosed
	}
	size := frameSize(frame)
	if grow := size + reserve - release; grow > 0 {
		if l.unacked()+l.reserved+grow > l.opts.MaxBytes {
			return Position{}, ErrFull
		}
		l.trim(grow)
	}
	if last := &l.segments[len(l.segments)-1]; last.size-last.head >= l.opts.SegmentBytes {
		if err := l.rotate(); err != nil {
			return Position{}, err
		}
	}
	if reserve > 0 {
		if err := l.allocate(size + reserve); err != nil {
			return Position{}, err
		}
	}
	last := &l.segments[len(l.segments)-1]
	if err := l.write(last, frame); err != nil {
		return Position{}, err
	}
	l.reserved += reserve - release
	return Position{last.number, last.size}, nil
}

// write puts the frame at the end of the segment or leaves the segment as it was.
func (l *Log) write(s *segment, frame []byte) error {
	if l.dirty {
		if err := l.file.Truncate(s.size); err != nil {
			return fmt.Errorf("cut torn frame: %w", err)
		}
		l.dirty = false
	}
	if _, err := l.file.WriteAt(frame, s.size); err != nil {
		l.dirty = true
		if l.file.Truncate(s.size) == nil {
			l.dirty = false
		}
		return fmt.Errorf("write spool: %w", err)
	}
	now := l.opts.Now()
	if n := len(l.waiting); n == 0 || now.Sub(l.waiting[n-1].time) >= time.Second {
		l.waiting = append(l.waiting, sample{Position{s.number, s.size}, now})
	}
	s.ended = now
	s.size += int64(len(frame))
	return nil
}

// rotate ends the last segment and begins the next one with a snapshot.
func (l *Log) rotate() error {
	if len(l.ahead) == 0 {
		if err := l.allocateOne(); err != nil {
			return err
		}
	}
	if l.opts.Fsync != FsyncNever {
		if err := l.file.Sync(); err != nil {
			return fmt.Errorf("fsync spool: %w", err)
		}
	}
	next := l.ahead[0]
	s := segment{number: l.segments[len(l.segments)-1].number + 1}
	old := l.file
	l.file = next
	if err := l.write(&s, header()); err != nil {
		l.file = old
		return err
	}
	if l.opts.Snapshot != nil {
		if err := l.write(&s, l.opts.Snapshot()); err != nil {
			l.file = old
			return err
		}
		s.head = s.size
	}
	l.ahead = l.ahead[1:]
	l.segments = append(l.segments, s)
	if l.opts.Fsync != FsyncNever {
		l.synced = Position{Segment: s.number}
	}
	return old.Close()
}

// allocate makes sure that need bytes, and all that is reserved, have room on
// the disk, by allocating segments ahead.
func (l *Log) allocate(need int64) error {
	for {
		room := max(0, l.opts.SegmentBytes-l.segments[len(l.segments)-1].size) +
			int64(len(l.ahead))*l.opts.SegmentBytes
		if l.reserved+need <= room {
			return nil
		}
		if err := l.allocateOne(); err != nil {
			return err
		}
	}
}

func (l *Log) allocateOne() error {
	number := l.segments[len(l.segments)-1].number + uint64(len(l.ahead)) + 1
	f, err := createSegment(l.path(number), l.opts.SegmentBytes)
	if err != nil {
		return err
	}
	l.ahead = append(l.ahead, f)
	if l.opts.Fsync != FsyncNever {
		return syncDir(l.dir)
	}
	return nil
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// createSegment makes an empty file with its blocks allocated.
func createSegment(path string, size int64) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create spool segment: %w", err)
	}
	if err := preallocate(f, size); err != nil {
		f.Close()
		os.Remove(path)
		return nil, fmt.Errorf("allocate spool segment: %w", err)
	}
	return f, nil
}

// Sync returns when everything before end is on the disk. Concurrent calls share an fsync.
func (l *Log) Sync(end Position) error {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	l.mu.Lock()
	if !l.synced.Before(end) {
		l.mu.Unlock()
		return nil
	}
	f, upto := l.file, l.end()
	l.mu.Unlock()
	if err := f.Sync(); err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.end().Segment != upto.Segment { // rotated meanwhile, which had it fsynced
			return nil
		}
		l.lastErr = err
		return fmt.Errorf("fsync spool: %w", err)
	}
	l.mu.Lock()
	if l.synced.Before(upto) {
		l.synced = upto
	}
	l.wake()
	l.mu.Unlock()
	return nil
}

func (l *Log) end() Position {
	last := l.segments[len(l.segments)-1]
	return Position{last.number, last.size}
}

func (l *Log) wake() {
	select {
	case l.readable <- struct{}{}:
	default:
	}
}

// unacked is the number of bytes behind the acknowledged position.
func (l *Log) unacked() int64 {
	var n int64
	for i := len(l.segments) - 1; i >= 0 && l.segments[i].number >= l.acked.Segment; i-- {
		n += l.segments[i].size
		if l.segments[i].number == l.acked.Segment {
			n -= max(l.acked.Offset, headerSize)
		} else {
			n -= headerSize
		}
	}
	return n
}

// SetMaxBytes changes the bound.
func (l *Log) SetMaxBytes(n int64) {
	l.mu.Lock()
	l.opts.MaxBytes = n
	l.mu.Unlock()
}

// Stats returns the state of the log.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Stats{Unacked: l.unacked(), Reserved: l.reserved, MaxBytes: l.opts.MaxBytes, Err: l.lastErr}
	for _, g := range l.segments {
		s.Bytes += g.size
		s.LastWrite = g.ended
	}
	if s.Unacked > 0 && len(l.waiting) > 0 {
		s.OldestUnacked = l.waiting[0].time
	}
	return s
}

// End returns the position after the last frame.
func (l *Log) End() Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end()
}

// runSync forces the log to disk every FsyncInterval until the log is closed.
func (l *Log) runSync() {
	defer l.done.Done()
	t := time.NewTicker(l.opts.FsyncInterval)
	defer t.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-t.C:
			_ = l.Sync(l.End()) // kept in Stats.Err, tried again at the next tick
		}
	}
}

// Close ends the log. A clean close, after which no frame can be missing, is
// marked on disk, and the next Open may write on under the same identity.
func (l *Log) Close(clean bool) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	close(l.stop)
	l.done.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	if clean {
		errs = append(errs, l.file.Sync())
	}
	errs = append(errs, l.file.Close())
	for i, f := range l.ahead {
		f.Close()
		os.Remove(l.path(l.segments[len(l.segments)-1].number + uint64(i) + 1))
	}
	errs = append(errs, l.saveAcked())
	if clean && errors.Join(errs...) == nil {
		errs = append(errs, writeFile(filepath.Join(l.dir, cleanName), nil))
	}
	l.wake()
	return errors.Join(errs...)
}
