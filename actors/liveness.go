package actors

import (
	"time"

	"kafka-master/messages"
)

// The times after which a silent worker is judged.
const (
	suspectAfter = 6 * time.Second // native: two heartbeats missed
	lostAfter    = 9 * time.Second // native: three heartbeats missed
	// forgetAfter is how long a lost worker is shown before it is forgotten.
	forgetAfter = 10 * time.Minute
)

// liveness judges whether one worker is alive, as pure state.
type liveness struct {
	kind  messages.WorkerKind
	state messages.WorkerState // announced, suspect, lost, draining or gone; free and busy are the slots' matter
	last  time.Time            // last sign of life
	// draining worker takes nothing more, whatever its state, until it
	// announces itself anew.
	draining bool
}

// sign notes a sign of life and reports whether the worker was suspect or lost.
func (l *liveness) sign(now time.Time) (back bool) {
	l.last = now
	if l.state != messages.WorkerSuspect && l.state != messages.WorkerLost {
		return false
	}
	l.state = messages.WorkerAnnounced
	if l.draining {
		l.state = messages.WorkerDraining
	}
	return true
}

// excuse lets the silence begin anew: nobody could hear the worker until now.
func (l *liveness) excuse(now time.Time) {
	if l.state != messages.WorkerLost && l.state != messages.WorkerGone {
		l.last = now
	}
}

// drain notes that the worker takes nothing more.
func (l *liveness) drain() { l.draining, l.state = true, messages.WorkerDraining }

// due is when the worker has to be looked at next. An idle classic worker sends
// nothing, so its silence says nothing.
func (l *liveness) due() (at time.Time, ok bool) {
	switch {
	case l.state == messages.WorkerGone:
		return time.Time{}, false
	case l.state == messages.WorkerLost:
		return l.last.Add(forgetAfter), true
	case l.kind == messages.Classic:
		return time.Time{}, false
	case l.state == messages.WorkerSuspect, l.state == messages.WorkerDraining:
		return l.last.Add(lostAfter), true
	}
	return l.last.Add(suspectAfter), true
}

// look judges the silence at now and returns the state that the worker falls
// into; changed is false when it stays what it was. Forgotten is gone.
func (l *liveness) look(now time.Time) (changed bool) {
	at, ok := l.due()
	if !ok || now.Before(at) {
		return false
	}
	switch {
	case l.state == messages.WorkerLost:
		l.state = messages.WorkerGone
	case now.Sub(l.last) >= lostAfter:
		l.state = messages.WorkerLost
	default:
		l.state = messages.WorkerSuspect
	}
	return true
}

// lose gives the worker up for a reason other than its silence.
func (l *liveness) lose() { l.state = messages.WorkerLost }
