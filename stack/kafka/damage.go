package kafka

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

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

// Sizes in kfake's files: the part of a batch before its length counts (offset and the length itself),
// and one entry of the index, which gets one per batch after the batch is written.
const (
	batchHeader = 12
	indexEntry  = 15
)

// tornTail says whether the last cut bytes of a segment are what an interrupted write leaves: the
// beginning of a batch that the index does not know yet, or nothing but zeros (a power cut).
func tornTail(path string, cut int64) (bool, error) {
	segment, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	whole := segment[:int64(len(segment))-cut]
	tail := segment[len(whole):]
	if len(bytes.Trim(tail, "\x00")) == 0 {
		return true, nil
	}
	batches := 0
	for rest := whole; len(rest) >= batchHeader; batches++ {
		rest = rest[min(len(rest), batchSize(rest)):]
	}
	index, err := os.Stat(strings.TrimSuffix(path, ".dat") + ".idx")
	if err != nil {
		return false, err
	}
	known := index.Size() > int64(batches)*indexEntry
	return !known && (len(tail) < batchHeader || batchSize(tail) > len(tail)), nil
}

func batchSize(batch []byte) int {
	return batchHeader + int(binary.BigEndian.Uint32(batch[8:batchHeader]))
}

// refuse ends the process: kfake's loader has no way to be stopped otherwise.
func refuse(err error) {
	fmt.Fprintf(os.Stderr, "kafka: %v\n", err)
	os.Exit(1)
}
