//go:build !linux

package spool

import "os"

// preallocate does nothing where fallocate does not exist: a disk that fills
// up may then fail the outcome of an open call too.
func preallocate(*os.File, int64) error { return nil }
