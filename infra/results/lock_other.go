//go:build !unix || solaris || illumos || aix

package results

import "os"

// lockFile does nothing: there are no such locks on this system.
func lockFile(*os.File) error { return nil }
