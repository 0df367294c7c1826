package slots

import (
	"time"

	"kafka-master/messages"
)

// Process is which process a message under a worker's id comes from.
type Process uint8

const (
	Current  Process = iota // the one that is known, or one that takes its place
	Former                  // one that was replaced: its finals count, nothing else does
	Stranger                // not proven to be either: the message is refused
)

// ProcessOf returns which process of a worker sent a message. A native worker's messages
// carry its incarnation: a newer one takes its place by announcing itself, and once the
// worker is lost any process may, since the clock that incarnations come from may have
// gone back. A message without an incarnation, or with one that did not announce itself,
// could be anybody's.
func ProcessOf(known messages.Worker, state messages.WorkerState, x messages.Signal) Process {
	if known.Kind != messages.Native || x.Incarnation == known.Incarnation {
		return Current
	}
	begins := x.Kind == messages.SignalAnnounce || x.Kind == messages.SignalHeartbeat
	switch {
	case begins && state == messages.WorkerLost:
		return Current
	case x.Incarnation.IsZero():
		return Stranger
	case known.Incarnation.Newer(x.Incarnation):
		return Former
	case begins:
		return Current
	}
	return Stranger
}

// formerAfter is how long after a process took a worker's place a heartbeat of the former
// one shows that it still runs: one may have been on its way.
const formerAfter = SuspectAfter

// FormerProcess finds out whether a second process runs under a native worker's id: the
// former one goes on with its heartbeats after another one took its place.
type FormerProcess struct {
	replaced time.Time // when the present process took its place
	seen     time.Time // when a heartbeat showed that it still runs
}

// Replaced notes that another process took the worker's place.
func (f *FormerProcess) Replaced(now time.Time) { *f = FormerProcess{replaced: now} }

// Hear takes a message of the former process.
func (f *FormerProcess) Hear(x messages.Signal, now time.Time) {
	if x.Kind == messages.SignalHeartbeat && !x.Old && now.Sub(f.replaced) >= formerAfter {
		f.seen = now
	}
}

// Runs reports whether the former process still runs, and until when that holds without
// another heartbeat of it.
func (f *FormerProcess) Runs(now time.Time) (until time.Time, runs bool) {
	until = f.seen.Add(LostAfter)
	return until, !f.seen.IsZero() && now.Before(until)
}
