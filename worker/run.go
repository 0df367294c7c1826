package worker

import (
	"context"
	"errors"
)

// Run is a worker's life. It waits, with pauses and one log line per cause,
// until Kafka and the topics are there, announces the worker and works on its
// chunks until ctx ends. Then it drains: the queue is dropped, chunks in work
// may go on for DrainTimeout, their results are delivered, and Run returns nil.
// An error means that the configuration is wrong or that Kafka refuses the
// worker, for example its password; it then wraps messages.ErrRefused.
//
// No goroutine of the worker outlives Run. A handler that does not return after
// its context ended keeps Run from returning.
func Run(ctx context.Context, cfg Config, handler Handler) error {
	err := cfg.Validate()
	if handler == nil {
		err = errors.Join(err, errNoHandler)
	}
	if err != nil {
		return err
	}
	return runMembers(ctx, cfg.withDefaults(), []Member{{ID: cfg.ID, Partition: cfg.Partition}}, handler)
}
