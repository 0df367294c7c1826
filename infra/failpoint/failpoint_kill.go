//go:build failpoint

// Package failpoint kills the process at a place that FAILPOINT names.
package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// left counts down to the pass at which the process dies. It is one for the whole
// process, like the death that it counts down to.
var left atomic.Int64

// wanted is the place of FAILPOINT=<place>@<passes before it>.
var wanted = func() string {
	place, passes, _ := strings.Cut(os.Getenv("FAILPOINT"), "@")
	n, _ := strconv.ParseInt(passes, 10, 64)
	left.Store(n)
	return place
}()

// Pass kills the process, if this is the place and the pass.
func Pass(place string) {
	if wanted == "" || place != wanted || left.Add(-1) >= 0 {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
