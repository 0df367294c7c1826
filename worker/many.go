package worker

import (
	"context"
	"errors"
	"fmt"

	"kafka-master/messages"
)

// MaxMembers bounds the workers of one RunMany. When all of them stop at once, their
// last messages must be delivered within a few seconds.
const MaxMembers = 10_000

// Member is one worker of RunMany. Its fields are those of Config.
type Member struct {
	ID        string
	Partition *int
}

// RunMany runs many workers in one process. It is equivalent to one call of Run for
// each, but all share one set of connections: one request fetches for all of them, and
// messages that they send at the same time share a request. cfg applies to each worker
// and must not set ID or Partition. Capacity and the time-outs are those of one worker.
// Chunk.Worker tells the handler which worker runs a chunk.
//
// A worker that is busy, cannot work or has lost its partition does not affect the
// others. When ctx ends, all drain at the same time, within one DrainTimeout. When
// Kafka refuses one worker, all of them end, since they use the same login.
func RunMany(ctx context.Context, cfg Config, members []Member, handler Handler) error {
	var err error
	if cfg.ID != "" || cfg.Partition != nil {
		err = errors.New("worker config: ID and Partition: must be set in the members")
	}
	if err = errors.Join(err, validateMembers(cfg, members)); handler == nil {
		err = errors.Join(err, errNoHandler)
	}
	if err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	kafka, err := dial(cfg, members)
	if err != nil {
		return err
	}
	defer kafka.Close()
	return run(ctx, cfg, members, kafka, handler)
}

var errNoHandler = errors.New("worker: no handler")

// validateMembers returns all mistakes in cfg and the members.
func validateMembers(cfg Config, members []Member) error {
	if len(members) == 0 || len(members) > MaxMembers {
		return fmt.Errorf("worker config: %d members, allowed 1 to %d", len(members), MaxMembers)
	}
	var errs []error
	cfg.ID, cfg.Partition = members[0].ID, members[0].Partition
	errs = append(errs, cfg.Validate())
	seen := map[string]bool{cfg.ID: true}
	for i, m := range members[1:] {
		if err := messages.WorkerID(m.ID).Validate(); err != nil {
			errs = append(errs, fmt.Errorf("worker config: members[%d]: ID: %w", i+1, err))
		}
		if seen[m.ID] {
			errs = append(errs, fmt.Errorf("worker config: members[%d]: ID: %q is used twice", i+1, m.ID))
		}
		seen[m.ID] = true
		if p := m.Partition; p != nil && (*p < 0 || *p >= messages.MaxPartitions) {
			errs = append(errs, fmt.Errorf("worker config: members[%d]: Partition: %d, allowed 0 to %d", i+1, *p, messages.MaxPartitions-1))
		}
	}
	return errors.Join(errs...)
}
