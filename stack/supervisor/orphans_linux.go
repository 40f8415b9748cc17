package supervisor

import "syscall"

const parentDeathSignal = true

// dieWithParent has the kernel kill the child when the thread that forked it ends; see spawner.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
