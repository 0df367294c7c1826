package worker

import "context"

// sender is one worker's part of an outbox.
type sender struct {
	box   *outbox
	id    string
	acked func(message) // called for each message that Kafka has

	// The rest is guarded by the outbox.
	partition int32 // of its messages, unplaced before it is known
	confirmed bool  // partition has worked, or was looked up: it stays while it is there, or order would be lost
	waiting   int
	inFlight  int
	byKey     map[string]*message // of those that wait
}

// put queues a message; it never blocks.
func (s *sender) put(m message) {
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	if old := s.byKey[m.key]; old != nil {
		if m.final || !old.final {
			old.value, old.final = m.value, m.final
		}
		return
	}
	m.from = s
	s.addWaiting(&m)
	t := s.box.queue(s.partition)
	t.waiting = append(t.waiting, &m)
	s.box.announceChange()
}

// queue and unqueue count a message that waits. The outbox is locked.
func (s *sender) addWaiting(m *message) {
	if s.byKey == nil {
		s.byKey = map[string]*message{}
	}
	s.byKey[m.key] = m
	s.waiting++
}

func (s *sender) removeWaiting(m *message) {
	delete(s.byKey, m.key)
	if s.waiting--; s.waiting == 0 {
		s.byKey = nil // most workers are idle most of the time
	}
}

// room waits until the worker has not too much to be sent.
func (s *sender) room(ctx context.Context) bool {
	return s.box.await(ctx, func() bool { return s.waiting < outboxLimit })
}

// flush waits until everything of the worker was sent.
func (s *sender) flush(ctx context.Context) bool {
	return s.box.await(ctx, func() bool { return s.waiting+s.inFlight == 0 })
}

// move gives the sender its partition of a topic of n, unless it has one that
// worked and is still there. n is 0 when the topic could not be asked.
func (s *sender) choosePartition(n int) {
	switch {
	case n == 0 && s.partition == unplaced:
		s.partition = 0 // every topic has it
	case n > 0 && !(s.confirmed && int(s.partition) < n):
		s.partition, s.confirmed = PartitionOf(s.id, n), true
	}
}
