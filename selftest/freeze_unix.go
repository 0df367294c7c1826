//go:build unix

package selftest

import "syscall"

// freeze stops a process where it is.
func freeze(p *process) { p.signal(syscall.SIGSTOP) }

// thaw lets it go on.
func thaw(p *process) { p.signal(syscall.SIGCONT) }
