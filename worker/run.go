package worker

import (
	"context"
)

// Run runs a worker. It waits until Kafka is reachable and the topics exist, announces
// the worker and processes its chunks until ctx ends. Then it drains: it drops the
// queued chunks, gives running ones DrainTimeout to finish, delivers their results and
// returns nil. An error means that the configuration is invalid or that Kafka refuses
// the worker, for example because of its password; the error then wraps
// messages.ErrRefused.
//
// No goroutine of the worker outlives Run. Run therefore waits for a handler that does
// not return after its context has ended.
func Run(ctx context.Context, cfg Config, handler Handler) error {
	member := Member{ID: cfg.ID, Partition: cfg.Partition}
	cfg.ID, cfg.Partition = "", nil
	return RunMany(ctx, cfg, []Member{member}, handler)
}
