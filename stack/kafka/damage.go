package kafka

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kfake"
)

// truncating is the message with which kfake says, before it does so, that it is about to cut a segment
// at the first batch that it cannot read. Its arguments are topic, partition, the segment's base offset
// and the number of bytes to cut. A test keeps the wording and us together.
const truncating = "partition %s-%d segment %d: truncating %d corrupt bytes"

// watcher is kfake's logger: warnings and errors go to out, and a segment that is about to be cut is
// looked at first. A tail torn by a crash, which nobody was told is safe, is let go. Anything else is
// damage in the middle of the ledger, and refuse is called, which must not return: cutting it would lose
// acknowledged records without a word. Called from several goroutines; it holds no state.
type watcher struct {
	dir    string
	out    io.Writer
	refuse func(error)
}

func (w watcher) Logf(level kfake.LogLevel, format string, args ...any) {
	if level <= kfake.LogLevelWarn && level != kfake.LogLevelNone {
		fmt.Fprintf(w.out, "level=%s %s\n", level, fmt.Sprintf(format, args...))
	}
	if format != truncating || len(args) != 4 {
		return
	}
	path := filepath.Join(w.dir, "partitions", fmt.Sprintf("%s-%d", url.PathEscape(fmt.Sprint(args[0])), args[1]), fmt.Sprintf("%d.dat", args[2]))
	cut, _ := args[3].(int)
	torn, err := tornTail(path, int64(cut))
	if err != nil {
		w.refuse(fmt.Errorf("look at the damaged segment %s: %w", path, err))
	} else if !torn {
		w.refuse(fmt.Errorf("the segment %s is damaged: its last %d bytes cannot be read", path, cut))
	}
}

// tornTail says whether the last cut bytes of a segment are what an interrupted write leaves: the
// beginning of one batch that claims to be longer than what is there, or nothing but zeros.
func tornTail(path string, cut int64) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return false, err
	}
	tail := make([]byte, cut)
	if _, err := file.ReadAt(tail, size-cut); err != nil {
		return false, err
	}
	zeros := true
	for _, b := range tail {
		zeros = zeros && b == 0
	}
	// A batch begins with its offset (8 bytes) and the length of what follows (4), and is at most 1 MiB
	// here or, raised by a topic's setting, a few; a length beyond that is garbage, not a batch.
	const header, longest = 12, 16 << 20
	if zeros || cut < header {
		return true, nil
	}
	length := int64(binary.BigEndian.Uint32(tail[8:header]))
	return length > cut-header && length <= longest, nil
}

// refuse ends the process: kfake's loader has no way to be stopped otherwise.
func refuse(err error) {
	fmt.Fprintf(os.Stderr, "kafka: %v\n", err)
	os.Exit(1)
}
