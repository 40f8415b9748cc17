package spool

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// preallocate reserves blocks for the file without changing its size. A file
// system that cannot do that gives no reservation and no error.
func preallocate(f *os.File, size int64) error {
	err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return nil
	}
	return err
}
