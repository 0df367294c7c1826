package worker

import (
	"sync"

	"kafka-master/messages"
)

// voice is when a worker may speak of itself: from its announcement to its bye,
// which nothing may follow.
type statusGate struct {
	mu               sync.Mutex
	open             bool
	heartbeatPending bool // a heartbeat was asked for before the announcement
}

// say queues a message about the worker itself.
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
	s.Note = w.fitness.reason() // said by heartbeats only
	w.connection.put(message{key: kind.String(), value: s.Encode()})
}

// beat says that the worker lives and what it holds, at its time.
func (w *session) heartbeat() {
	w.status.mu.Lock()
	on := w.status.open
	w.status.mu.Unlock()
	if on {
		w.sendStatus(messages.SignalHeartbeat)
	}
}

// beatNow says the same ahead of its time, once the worker is announced.
func (w *session) heartbeatNow() { w.sendStatus(messages.SignalHeartbeat) }

// signal queues a message about a chunk.
func (w *session) sendSignal(s messages.Signal, final bool) {
	s.Protocol, s.Incarnation = w.self.Protocol, w.self.Incarnation
	w.signals.put(message{key: s.BatchID, value: s.Encode(), final: final})
}

// progress tells how far a chunk is.
func (w *session) sendProgress(j *job, done int) {
	s := resultOf(j.chunk, done, messages.OutcomeNone, "")
	if w.desk.setProgress(j, s) {
		w.sendSignal(s, false)
	}
}
