// Package logstore keeps the state of one master in a folder: a snapshot, and a
// log of what was committed since. The state is in memory too, so a commit is one
// append to the log.
//
// What holds:
//   - A commit whose call returned outlives the process, however it ends. With
//     SyncAlways it outlives a loss of power too, with SyncEverySecond all but the
//     last second does.
//   - A commit is in the state as a whole or not at all. What a crash left of the
//     last records of the log is recognised by checksums and cut off; a damage
//     further up, or in a snapshot, is refused with its place and never read over.
//   - One process has the folder open. The lease is therefore always granted; its
//     terms are counted all the same, so that every store has the same rules.
package logstore
