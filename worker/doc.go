// Package worker is the native worker of Kafka Master: a runtime that reads
// chunks from Kafka, passes them to a Handler and reports their outcome.
//
// One call runs a worker:
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
// RunMany runs many workers in one process. Each has its own id, and all share one
// set of connections. Config.Capacity is the simpler way to run several chunks at
// the same time, since it needs only one id.
//
// Delivery is at least once: after a crash, a time-out or a change of leader a
// chunk may run again, on this worker or on another one. The effects of a handler
// must therefore be idempotent. Results takes care of this for result files.
//
// Chunk.Fail reports items that failed while the chunk as a whole is done.
//
// SampleHandler, EachHandler and ExecHandler return ready-made handlers. ClaimID keeps the id of
// a worker across restarts.
package worker
