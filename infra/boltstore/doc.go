// Package boltstore keeps the state of one master in one bbolt file. The file
// lock makes the process the only one that can lead, so the lease is always
// granted; its terms are counted all the same, so that every store has the same
// rules. A commit is one synced transaction.
package boltstore
