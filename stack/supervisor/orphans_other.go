//go:build !linux

package supervisor

import "syscall"

const parentDeathSignal = false

// dieWithParent does nothing: the undertaker stands in, see orphans.go.
func dieWithParent(*syscall.SysProcAttr) {}
