package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// sender is which process a message under a worker's id comes from.
type sender uint8

const (
	byCurrent  sender = iota // the one that is known, or one that takes its place
	byFormer                 // one that was replaced: its finals count, nothing else does
	byStranger               // none that the message proves to be: it is refused
)

// sentBy tells which process of a worker sent a message. A native worker's messages
// carry its incarnation: a newer one takes its place by announcing itself, and once
// the worker is lost any process may, since the clock that incarnations come from may
// have gone back. Whatever else has no incarnation, or one that did not announce
// itself, could be anybody's.
func sentBy(known messages.Worker, state messages.WorkerState, x messages.Signal) sender {
	if known.Kind != messages.Native || x.Incarnation == known.Incarnation {
		return byCurrent
	}
	begins := x.Kind == messages.SignalAnnounce || x.Kind == messages.SignalHeartbeat
	switch {
	case begins && state == messages.WorkerLost:
		return byCurrent
	case x.Incarnation.IsZero():
		return byStranger
	case known.Incarnation.Newer(x.Incarnation):
		return byFormer
	case begins:
		return byCurrent
	}
	return byStranger
}

// doubleAfter is how long after a process took a worker's place a heartbeat of the
// former one shows that it still runs: one may have been on its way.
const doubleAfter = suspectAfter

// double tells whether a second process runs under a native worker's id: it goes on
// with its heartbeats after another one took its place.
type double struct {
	since time.Time // when the present process took its place
	seen  time.Time // when a heartbeat showed that the former one runs
	watch alarm     // for the end of that
}

// onFormer takes in that the former process spoke.
func (s *supervisor) onFormer(x messages.Signal) {
	now := time.Now()
	if x.Kind == messages.SignalHeartbeat && !x.Old && now.Sub(s.double.since) >= doubleAfter {
		s.double.seen = now
	}
}

// there reports whether the former process runs still.
func (d *double) there(now time.Time) bool {
	return !d.seen.IsZero() && now.Sub(d.seen) < lostAfter
}

// rearm sets the time at which the former process counts as ended.
func (d *double) rearm(ctx actor.Context) {
	if left := lostAfter - time.Since(d.seen); !d.seen.IsZero() && left > 0 && d.watch.timer == nil {
		d.watch.set(ctx, left)
	}
}
