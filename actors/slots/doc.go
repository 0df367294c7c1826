// Package slots holds the rules about one worker: what it holds, how many more chunks it
// takes, whether it is alive, and which of its processes a message comes from. Beside them
// stand the rules about the classic workers' consumer group, from which a classic worker's
// silence is understood.
//
// The package has no clock and does no I/O: time is an argument, and what has to be done
// is returned. Only actors import it: the free-worker owns the Slots, the supervisor the
// Liveness and the FormerProcess, the fleet the DuplicateIDs, the group's actor the
// Rebalance. Nothing is safe for concurrent use except a Group and a Rebalance, which are
// values that nobody changes.
//
// These always hold:
//
//   - A slot is taken from the moment a chunk is assigned until its result was judged, or
//     the worker will not read its message any more: it surely was not written, heartbeats
//     passed over it, the group committed beyond it, or it is too old to be on its way. A
//     chunk that was taken back for silence keeps its slot until then.
//   - A worker never gets more chunks than its capacity and its queue have room for; chunks
//     that it reports and that this master did not send count, too.
//   - A chunk that heartbeats list is never given back, and one that the worker has not come
//     to yet only after WORKER_TIMEOUT.
//   - Nothing is concluded from silence, from what a heartbeat leaves out, or from the group
//     before everything was read that the worker sent: Judge is called only then.
//   - An attempt ends at most once: each chunk appears in one End at the most, and never
//     after Finish of its Slot.
//   - Every deadline starts again when nobody could hear the worker (Excuse).
package slots
