//go:build !failpoint

// Package failpoint marks the places in the program where a death would hurt most:
// right before and after something becomes durable or is sent. Built with the tag
// failpoint, the process kills itself (SIGKILL) at the place that the variable
// FAILPOINT names; without it nothing is left of the marks.
package failpoint

// Pass marks a place.
func Pass(string) {}
