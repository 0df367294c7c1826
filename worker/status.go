package worker

import (
	"sync"

	"kafka-master/messages"
)

// statusGate allows status messages from the announcement to the bye. Nothing may
// follow the bye.
type statusGate struct {
	mu   sync.Mutex
	open bool
	// heartbeatPending is set when a heartbeat was requested before the announcement.
	heartbeatPending bool
}

// sendStatus queues a message about the worker itself.
func (w *session) sendStatus(kind messages.SignalKind) {
	w.status.mu.Lock()
	defer w.status.mu.Unlock()
	if w.status.open || kind == messages.SignalAnnounce {
		w.queueStatus(kind)
	} else if kind == messages.SignalHeartbeat {
		w.status.heartbeatPending = true
	}
	switch kind {
	case messages.SignalAnnounce:
		w.status.open = true
		if w.status.heartbeatPending {
			w.queueStatus(messages.SignalHeartbeat)
		}
		w.status.heartbeatPending = false
	case messages.SignalBye:
		w.status.open = false
	}
}

func (w *session) queueStatus(kind messages.SignalKind) {
	s := w.self
	s.Kind = kind
	run, wait, partition, next := w.desk.contents()
	s.Partitions = []int32{partition}
	if kind != messages.SignalAnnounce && kind != messages.SignalBye {
		s.Running, s.Queued, s.Next = run, wait, next
	}
	s.Note = w.fitness.reason() // only a heartbeat is encoded with it
	w.connection.put(message{key: kind.String(), value: s.Encode()})
}

// heartbeat sends a regular heartbeat, unless the worker is not announced or has
// said bye.
func (w *session) heartbeat() {
	w.status.mu.Lock()
	open := w.status.open
	w.status.mu.Unlock()
	if open {
		w.sendStatus(messages.SignalHeartbeat)
	}
}

// heartbeatNow sends an extra heartbeat, right after the announcement when that is
// still to come.
func (w *session) heartbeatNow() { w.sendStatus(messages.SignalHeartbeat) }

// sendSignal queues a message about a chunk.
func (w *session) sendSignal(s messages.Signal, final bool) {
	s.Protocol, s.Incarnation = w.self.Protocol, w.self.Incarnation
	w.signals.put(message{key: s.BatchID, value: s.Encode(), final: final})
}

// sendProgress queues a message about the number of done items of a chunk.
func (w *session) sendProgress(a *attempt, done int) {
	s := resultOf(a.chunk, done, messages.OutcomeNone, "")
	if w.desk.setProgress(a, s) {
		w.sendSignal(s, false)
	}
}
