package worker

import "context"

// sender is one worker's part of an outbox.
type sender struct {
	box   *outbox
	id    string
	acked func(message) // called for each message that Kafka has acknowledged

	// The other fields are guarded by the outbox.

	partition int32 // partition of the messages, or unplaced
	// confirmed is set when the partition has taken a message or was derived from the
	// number of partitions. The sender keeps such a partition while it exists, since
	// another one would lose the order of the messages.
	confirmed bool
	waiting   int
	inFlight  int
	byKey     map[string]*message // waiting messages
}

// put queues a message. It never blocks.
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
	q := s.box.queue(s.partition)
	q.waiting = append(q.waiting, &m)
	s.box.announceChange()
}

// addWaiting counts a message that waits. The outbox is locked.
func (s *sender) addWaiting(m *message) {
	if s.byKey == nil {
		s.byKey = map[string]*message{}
	}
	s.byKey[m.key] = m
	s.waiting++
}

// removeWaiting is the reverse of addWaiting. The outbox is locked.
func (s *sender) removeWaiting(m *message) {
	delete(s.byKey, m.key)
	if s.waiting--; s.waiting == 0 {
		s.byKey = nil // saves memory: most workers have nothing to send most of the time
	}
}

// room waits until the worker has fewer than outboxLimit waiting messages.
func (s *sender) room(ctx context.Context) bool {
	return s.box.await(ctx, func() bool { return s.waiting < outboxLimit })
}

// flush waits until all messages of the worker were sent.
func (s *sender) flush(ctx context.Context) bool {
	return s.box.await(ctx, func() bool { return s.waiting+s.inFlight == 0 })
}

// choosePartition sets the sender's partition of a topic with n partitions, unless
// it has a confirmed one that still exists. n is 0 when the number is unknown.
func (s *sender) choosePartition(n int) {
	switch {
	case n == 0 && s.partition == unplaced:
		s.partition = 0 // exists in every topic
	case n > 0 && !(s.confirmed && int(s.partition) < n):
		s.partition, s.confirmed = PartitionOf(s.id, n), true
	}
}
