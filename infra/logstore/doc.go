// Package logstore keeps the state of one master in a folder: a snapshot, and a log of
// the commits since. The state is in memory too, so a commit is one append to the log.
//
// Its invariants are:
//   - A commit whose call returned survives the end of the process. With SyncAlways it
//     survives a loss of power too; with SyncEverySecond the commits of the last second
//     may be lost then.
//   - A commit is in the state as a whole or not at all. Checksums detect incomplete
//     records that a crash left at the end of the log; they are dropped. Damage before
//     that, or in a snapshot, is an error that names the place, and is never skipped.
//   - Only one process has the folder open. The lease is therefore always granted, but
//     terms are counted, so that every store follows the same rules.
package logstore
