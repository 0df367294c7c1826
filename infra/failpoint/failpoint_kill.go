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

// remaining is the number of passes before the one that kills the process. It is global,
// since the whole process ends.
var remaining atomic.Int64

// wanted is the place in FAILPOINT=<place>@<passes before it>.
var wanted = func() string {
	place, passes, _ := strings.Cut(os.Getenv("FAILPOINT"), "@")
	n, _ := strconv.ParseInt(passes, 10, 64)
	remaining.Store(n)
	return place
}()

// Pass kills the process if this is the wanted place and pass.
func Pass(place string) {
	if wanted == "" || place != wanted || remaining.Add(-1) >= 0 {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
