package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DamagedError means that a segment does not read back as it was written. What
// lies behind the damage is not dropped silently: the log does not open.
type DamagedError struct {
	Path   string
	Offset int64
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("spool segment %s is damaged at byte %d; to go on without what follows there, move the file's folder away and start again (the events before it are in Kafka or can be sent from a copy)", e.Path, e.Offset)
}

// Open opens the log in dir, or begins it where there is none. visit is called
// for each frame from the beginning of the segment that holds the acknowledged
// position, with bytes that are valid during the call. clean tells that the log
// was closed and nothing can be missing at its end.
//
// A torn frame at the very end, which a kill leaves, is cut off and kept beside
// the segment; its Append never returned.
func Open(dir string, o Options, visit func(payload []byte) error) (l *Log, clean bool, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, false, fmt.Errorf("create spool folder: %w", err)
	}
	l = &Log{dir: dir, opts: o, readable: make(chan struct{}, 1), stop: make(chan struct{})}
	if l.segments, err = listSegments(dir); err != nil {
		return nil, false, err
	}
	if len(l.segments) == 0 {
		if err := l.begin(); err != nil {
			return nil, false, err
		}
		clean = true
	} else {
		if l.acked, err = loadAcked(dir, l.segments[0].number); err != nil {
			return nil, false, err
		}
		_, statErr := os.Stat(filepath.Join(dir, cleanName))
		clean = statErr == nil
		if err := l.scan(visit); err != nil {
			return nil, false, err
		}
		last := l.segments[len(l.segments)-1]
		if l.file, err = os.OpenFile(l.path(last.number), os.O_RDWR, 0o600); err != nil {
			return nil, false, fmt.Errorf("open spool segment: %w", err)
		}
		if err := os.Remove(filepath.Join(dir, cleanName)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, false, errors.Join(err, l.file.Close())
		}
	}
	l.synced = l.end()
	if l.acked.Before(l.end()) {
		l.waiting = []sample{{l.acked, l.segments[len(l.segments)-1].ended}}
	}
	l.wake()
	if !o.Drain {
		if err := preallocate(l.file, o.SegmentBytes); err != nil {
			return nil, false, errors.Join(fmt.Errorf("allocate spool segment: %w", err), l.file.Close())
		}
	}
	if err := errors.Join(l.file.Sync(), syncDir(dir)); err != nil {
		return nil, false, errors.Join(fmt.Errorf("fsync spool: %w", err), l.file.Close())
	}
	if o.Fsync == FsyncInterval && !o.Drain {
		l.done.Add(1)
		go l.runSync()
	}
	return l, clean, nil
}

// begin creates the first segment.
func (l *Log) begin() error {
	f, err := createSegment(l.path(1), l.opts.SegmentBytes)
	if err != nil {
		return err
	}
	s := segment{number: 1}
	l.file = f
	if err := l.write(&s, header()); err != nil {
		return errors.Join(err, f.Close(), os.Remove(l.path(1)))
	}
	l.segments = []segment{s}
	l.acked = Position{1, headerSize}
	return nil
}

// listSegments returns the segments in order and removes those that were
// allocated ahead and never begun.
func listSegments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list spool: %w", err)
	}
	var all []segment
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".segment")
		if !ok {
			continue
		}
		number, err := strconv.ParseUint(name, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("list spool: %q is not a segment's name", e.Name())
		}
		info, err := e.Info()
		if err != nil {
			return nil, fmt.Errorf("list spool: %w", err)
		}
		all = append(all, segment{number: number, size: info.Size(), ended: info.ModTime()})
	}
	slices.SortFunc(all, func(a, b segment) int { return int(int64(a.number) - int64(b.number)) })
	for len(all) > 0 && all[len(all)-1].size < headerSize {
		if err := os.Remove(filepath.Join(dir, segmentName(all[len(all)-1].number))); err != nil {
			return nil, fmt.Errorf("remove empty spool segment: %w", err)
		}
		all = all[:len(all)-1]
	}
	return all, nil
}

// scan reads every frame from the acknowledged segment on and cuts a torn end.
func (l *Log) scan(visit func([]byte) error) error {
	for i := range l.segments {
		s := &l.segments[i]
		if s.number < l.acked.Segment {
			continue
		}
		end, err := scanSegment(l.path(s.number), s.size, visit)
		switch {
		case err == nil:
		case errors.Is(err, errTorn) && i == len(l.segments)-1:
			if err := l.cut(s, end); err != nil {
				return err
			}
		case errors.Is(err, errTorn):
			return &DamagedError{Path: l.path(s.number), Offset: end}
		default:
			return err
		}
	}
	if l.end().Before(l.acked) { // the power took frames that Kafka has
		l.acked = l.end()
	}
	return nil
}

func scanSegment(path string, size int64, visit func([]byte) error) (end int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("open spool segment: %w", err)
	}
	defer f.Close()
	head := make([]byte, headerSize)
	if _, err := f.ReadAt(head, 0); err != nil || string(head) != magic {
		return 0, &DamagedError{Path: path}
	}
	var buf []byte
	for off := headerSize; ; {
		payload, next, err := readFrame(f, off, size, buf)
		if errors.Is(err, io.EOF) {
			return off, nil
		}
		if err != nil {
			return off, err
		}
		if err := visit(payload); err != nil {
			return off, fmt.Errorf("read spool segment %s at byte %d: %w", path, off, err)
		}
		buf, off = payload, next
	}
}

// cut removes what lies behind end in the last segment, keeping a copy.
func (l *Log) cut(s *segment, end int64) error {
	f, err := os.OpenFile(l.path(s.number), os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open torn spool segment: %w", err)
	}
	defer f.Close()
	copied, err := os.Create(l.path(s.number) + ".torn")
	if err != nil {
		return fmt.Errorf("copy torn frame: %w", err)
	}
	_, err = io.Copy(copied, io.NewSectionReader(f, end, s.size-end))
	if err := errors.Join(err, copied.Close()); err != nil {
		return fmt.Errorf("copy torn frame: %w", err)
	}
	if err := f.Truncate(end); err != nil {
		return fmt.Errorf("cut torn frame: %w", err)
	}
	s.size = end
	return nil
}
