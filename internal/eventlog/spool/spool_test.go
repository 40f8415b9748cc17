package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func options() Options {
	return Options{MaxBytes: 1 << 20, SegmentBytes: 4096, Fsync: FsyncNever, FsyncInterval: time.Millisecond, Keep: time.Hour}
}

func frame(payload string) []byte { return EndFrame(append(BeginFrame(nil), payload...)) }

func open(t *testing.T, dir string, o Options) (*Log, bool, []string) {
	t.Helper()
	var got []string
	l, clean, err := Open(dir, o, func(p []byte) error { got = append(got, string(p)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(false) })
	return l, clean, got
}

func add(t *testing.T, l *Log, payload string) Position {
	t.Helper()
	p, err := l.Append(frame(payload), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func readAll(t *testing.T, l *Log, from Position) []string {
	t.Helper()
	r := l.NewReader(from)
	defer r.Close()
	var got []string
	for {
		p, _, err := r.Next()
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(p))
	}
}

func payloads(n int) []string {
	r := rand.New(rand.NewSource(1))
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("%d:%s", i, strings.Repeat("x", r.Intn(900))))
	}
	return all
}

func equal(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d frames, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("frame %d: got %.40q, want %.40q", i, got[i], want[i])
		}
	}
}

func TestFramesSurviveAKillAndACloseInOrder(t *testing.T) {
	for _, clean := range []bool{false, true} {
		for _, mode := range []Fsync{FsyncNever, FsyncInterval, FsyncAlways} {
			t.Run(fmt.Sprintf("clean=%v,%s", clean, mode), func(t *testing.T) {
				o, dir := options(), t.TempDir()
				o.Fsync = mode
				want := payloads(100)
				l, _, _ := open(t, dir, o)
				for _, p := range want {
					if err := l.Sync(add(t, l, p)); err != nil {
						t.Fatal(err)
					}
				}
				equal(t, readAll(t, l, Position{1, headerSize}), want)
				if clean {
					if err := l.Close(true); err != nil {
						t.Fatal(err)
					}
				}
				again, wasClean, got := open(t, dir, o)
				if wasClean != clean {
					t.Errorf("clean = %v, want %v", wasClean, clean)
				}
				equal(t, got, want)
				if err := again.Sync(add(t, again, "more")); err != nil {
					t.Fatal(err)
				}
				equal(t, readAll(t, again, Position{1, headerSize}), append(want, "more"))
				_, wasClean, _ = open(t, dir, o)
				if wasClean {
					t.Error("a log that was written to again counts as closed")
				}
			})
		}
	}
}

func TestATornEndIsCutAndKept(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := open(t, dir, options())
	want := []string{"one", "two"}
	for _, p := range want {
		add(t, l, p)
	}
	path := l.path(1)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := frame("three")
	for cut := 1; cut < len(last); cut++ {
		if err := os.WriteFile(path, append(bytes.Clone(whole), last[:cut]...), 0o600); err != nil {
			t.Fatal(err)
		}
		again, _, got := open(t, dir, options())
		equal(t, got, want)
		add(t, again, "four")
		equal(t, readAll(t, again, Position{1, headerSize}), []string{"one", "two", "four"})
		torn, err := os.ReadFile(path + ".torn")
		if err != nil || !bytes.Equal(torn, last[:cut]) {
			t.Fatalf("copy of the torn end = %q, %v", torn, err)
		}
		again.Close(false)
	}
}

func TestDamageBeforeTheEndStopsTheOpen(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := open(t, dir, options())
	for _, p := range payloads(40) {
		add(t, l, p)
	}
	f, err := os.OpenFile(l.path(2), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{0xff, 0xfe}, 100); err != nil {
		t.Fatal(err)
	}
	_, _, err = Open(dir, options(), func([]byte) error { return nil })
	var damaged *DamagedError
	if !errors.As(err, &damaged) || damaged.Path != l.path(2) {
		t.Fatalf("open = %v, want a DamagedError of segment 2", err)
	}
}

func TestAFailedAppendLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := open(t, dir, options())
	add(t, l, "one")
	good := l.file
	broken, err := os.Open(l.path(1)) // not writable: every write fails
	if err != nil {
		t.Fatal(err)
	}
	l.file = broken
	if _, err := l.Append(frame("lost"), 0, 0); err == nil {
		t.Fatal("append to an unwritable file succeeded")
	}
	if l.Stats().Err == nil {
		t.Error("the failure is not in Stats")
	}
	broken.Close()
	l.file = good
	add(t, l, "two")
	equal(t, readAll(t, l, Position{1, headerSize}), []string{"one", "two"})
	if l.Stats().Err != nil {
		t.Error("the failure stays in Stats after a success")
	}
}

// A write that fails half-way must not leave bytes that a later frame completes.
func TestAPartialWriteIsCutOff(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := open(t, dir, options())
	end := add(t, l, "one")
	if _, err := l.file.WriteAt(frame("half a frame")[:10], end.Offset); err != nil {
		t.Fatal(err)
	}
	l.dirty = true
	add(t, l, "2")
	l.Close(false)
	_, _, got := open(t, dir, options())
	equal(t, got, []string{"one", "2"})
}

func TestTheBoundHoldsAndReservationsAreHonoured(t *testing.T) {
	o := options()
	o.MaxBytes, o.SegmentBytes = 20_000, 4096
	l, _, _ := open(t, t.TempDir(), o)
	request, outcome := frame(strings.Repeat("r", 500)), frame(strings.Repeat("o", 900))
	reserve := int64(len(outcome))
	calls := 0
	for {
		if _, err := l.Append(request, reserve, 0); err != nil {
			if !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
			break
		}
		calls++
	}
	if calls < 10 {
		t.Fatalf("only %d calls admitted", calls)
	}
	for range calls {
		if _, err := l.Append(outcome, 0, reserve); err != nil {
			t.Fatalf("an open call's outcome was refused: %v", err)
		}
	}
	if s := l.Stats(); s.Reserved != 0 || s.Bytes > o.MaxBytes+int64(len(l.segments))*headerSize {
		t.Errorf("stats = %+v", s)
	}
	if _, err := l.Append(request, reserve, 0); !errors.Is(err, ErrFull) {
		t.Errorf("append to a full spool = %v, want ErrFull", err)
	}
	if err := l.Ack(l.End()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(request, reserve, 0); err != nil {
		t.Errorf("append after everything was acknowledged = %v", err)
	}
}

func TestAcknowledgedSegmentsAreKeptForAWhile(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	o := options()
	o.Now = func() time.Time { return now }
	dir := t.TempDir()
	l, _, _ := open(t, dir, o)
	for _, p := range payloads(60) {
		add(t, l, p)
	}
	end := add(t, l, "kept")
	segments := func() int { f, _ := filepath.Glob(filepath.Join(dir, "*.segment")); return len(f) }
	before := segments()
	now = now.Add(time.Minute)
	if err := l.Ack(Position{end.Segment, headerSize}); err != nil {
		t.Fatal(err)
	}
	if segments() != before {
		t.Error("young acknowledged segments were deleted")
	}
	now = now.Add(2 * time.Hour)
	if err := l.Ack(end); err != nil {
		t.Fatal(err)
	}
	if got := segments(); got != 1 {
		t.Errorf("%d segments left, want 1", got)
	}
}

func TestASegmentBeginsWithASnapshot(t *testing.T) {
	o := options()
	o.Snapshot = func() []byte { return frame("snapshot") }
	dir := t.TempDir()
	l, _, _ := open(t, dir, o)
	for _, p := range payloads(30) {
		add(t, l, p)
	}
	end := l.End()
	if end.Segment < 2 {
		t.Fatal("no rotation")
	}
	if err := l.Ack(Position{end.Segment, headerSize}); err != nil {
		t.Fatal(err)
	}
	l.Close(false)
	_, _, got := open(t, dir, options())
	if len(got) == 0 || got[0] != "snapshot" {
		t.Errorf("first frame of the acknowledged segment = %.20q, want the snapshot", got)
	}
}

// A snapshot of many open calls may fill a segment by itself: every append
// would begin another one, each with the same snapshot.
func TestALargeSnapshotDoesNotEndItsSegment(t *testing.T) {
	o := options()
	o.Snapshot = func() []byte { return frame(strings.Repeat("s", int(2*o.SegmentBytes))) }
	l, _, _ := open(t, t.TempDir(), o)
	for _, p := range payloads(30) {
		add(t, l, p)
	}
	if end := l.End(); end.Segment < 2 || end.Segment > 5 {
		t.Errorf("%d segments for less than four segments' frames", end.Segment)
	}
}

func TestAReaderFollowsTheWriter(t *testing.T) {
	for _, mode := range []Fsync{FsyncNever, FsyncAlways} {
		t.Run(string(mode), func(t *testing.T) {
			o := options()
			o.Fsync = mode
			l, _, _ := open(t, t.TempDir(), o)
			want := payloads(300)
			var wg sync.WaitGroup
			wg.Go(func() {
				for _, p := range want {
					end, err := l.Append(frame(p), 0, 0)
					if err == nil && mode == FsyncAlways {
						err = l.Sync(end)
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			r := l.NewReader(l.Acked())
			defer r.Close()
			var got []string
			for len(got) < len(want) {
				p, at, err := r.Next()
				if errors.Is(err, io.EOF) {
					if err := r.Wait(ctx); err != nil {
						t.Fatalf("after %d frames: %v", len(got), err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(p))
				if err := l.Ack(at); err != nil {
					t.Fatal(err)
				}
			}
			wg.Wait()
			equal(t, got, want)
		})
	}
}

func TestTwoProcessesOnOneFolderAreRefused(t *testing.T) {
	dir := t.TempDir()
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	// flock is per open file, so a second open in this process stands for another.
	if _, err := OpenFolder(dir); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Fatalf("second open = %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f, err = OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestAnotherMachinesFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := os.WriteFile(filepath.Join(dir, "machine"), []byte("elsewhere"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFolder(dir); err == nil || !strings.Contains(err.Error(), "another machine") {
		t.Fatalf("open = %v", err)
	}
}

// The space of reserved outcomes is on the disk before a call is admitted.
func TestReservedSpaceIsAllocated(t *testing.T) {
	o := options()
	o.MaxBytes = 1 << 30
	dir := t.TempDir()
	l, _, _ := open(t, dir, o)
	const reserve = 300_000
	if _, err := l.Append(frame("r"), reserve, 0); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.segment"))
	var blocks int64
	for _, f := range files {
		var st unix.Stat_t
		if err := unix.Stat(f, &st); err != nil {
			t.Fatal(err)
		}
		blocks += st.Blocks * 512
	}
	if blocks < reserve {
		t.Errorf("%d bytes allocated, want at least %d", blocks, reserve)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte{})
	f.Add(append(header(), frame("x")...))
	f.Add(append(append(header(), frame("x")...), 9, 0, 0, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, segmentName(1)), b, 0o600); err != nil {
			t.Fatal(err)
		}
		l, _, err := Open(dir, options(), func([]byte) error { return nil })
		if err != nil {
			return
		}
		defer l.Close(false)
		if _, err := l.Append(frame("after"), 0, 0); err != nil {
			t.Fatal(err)
		}
		got := readAll(t, l, Position{1, headerSize})
		if len(got) == 0 || got[len(got)-1] != "after" {
			t.Fatalf("frames = %q", got)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	o := options()
	o.MaxBytes, o.SegmentBytes, o.Keep = 1<<40, 64<<20, 0
	l, _, err := Open(b.TempDir(), o, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close(false)
	f := frame(strings.Repeat("e", 1200))
	b.ReportAllocs()
	b.SetBytes(int64(len(f)))
	for b.Loop() {
		end, err := l.Append(f, 0, 0)
		if err != nil {
			b.Fatal(err)
		}
		if end.Offset < 4096 {
			if err := l.Ack(Position{end.Segment, headerSize}); err != nil {
				b.Fatal(err)
			}
			l.mu.Lock()
			l.trim(0)
			l.mu.Unlock()
		}
	}
}
