// Package worker is the native worker of Kafka Master: a runtime that takes
// chunks from Kafka, hands them to a Handler and reports how they ended.
//
// A worker is one call:
//
//	err := worker.Run(ctx, worker.Config{ID: id, Brokers: brokers},
//		func(ctx context.Context, chunk worker.Chunk, progress func(done int)) error {
//			for i, item := range chunk.Items {
//				scan(ctx, item)
//				progress(i + 1)
//			}
//			return nil
//		})
//
// RunMany runs any number of workers in one process, each with an id of its own,
// on one set of connections. Config.Capacity is the simpler way to have several
// chunks in work at once: it needs no further ids.
//
// Delivery is at least once: after a crash, a time-out or a changed leader a
// chunk may run again, on this worker or on another one. A handler's effects
// must therefore be repeatable; Results gives that for files.
//
// SampleHandler and ExecHandler are ready handlers; ClaimID keeps a worker's
// id over its restarts.
package worker
