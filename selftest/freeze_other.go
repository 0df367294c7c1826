//go:build !unix

package selftest

// freeze kills the process: this system cannot stop one where it is.
func freeze(p *process) { p.kill() }

// thaw starts it again.
func thaw(p *process) { _ = p.start() }
