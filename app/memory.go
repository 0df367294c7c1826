package app

import (
	"errors"
	"log/slog"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// memoryShare is the share of a container's memory that the Go heap may use before the
// garbage collector works harder. The rest is for stacks, for memory that the collector has
// not returned yet, and for the commands of a worker.
const memoryShare = 0.8

// boundMemory makes the garbage collector respect the memory limit of the container, so that
// a burst costs time instead of the process. GOMEMLIMIT has precedence if it is set.
func boundMemory(log *slog.Logger) {
	limit, err := memlimit.Set(memlimit.WithRatio(memoryShare), memlimit.WithProvider(memlimit.FromCgroup))
	switch {
	case errors.Is(err, memlimit.ErrNoLimit), errors.Is(err, memlimit.ErrNoCgroup), errors.Is(err, memlimit.ErrCgroupsNotSupported):
	case err != nil:
		log.Debug("the memory limit of the container is not known", "err", err)
	case limit > 0:
		log.Debug("the heap is bounded by the container's memory", "bytes", limit)
	}
}
