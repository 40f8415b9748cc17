// Package measure reads what processes cost from /proc, and reduces figures: processor time, memory,
// medians and percentiles.
//
// Guarantee: times count user and kernel mode, of every thread that a process has or had; what came from
// noise on the machine stays in single figures, hence medians. Linux only. Failure: a process that is gone
// is an error, never a zero.
package measure
