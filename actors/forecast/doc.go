// Package forecast measures how fast items end, predicts when the last of them will have
// ended, and keeps the history of a few figures. It is pure: it reads no clock.
//
// Invariants:
//   - A rate is smoothed exponentially over at least 30 s. Chunks that take longer end in
//     lumps, so the time over which it is smoothed grows with the pauses between them.
//   - A prediction counts what is open, what is cut and waits, and what is not cut yet: its
//     bytes times the items per byte that were found so far.
//   - There is no prediction before 30 s of work, none while nothing ends, and none without
//     an idea of what remains.
package forecast
