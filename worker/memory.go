package worker

import "kafka-master/messages"

// memorySize bounds the finished chunks that a worker remembers. A second copy
// of a chunk comes within seconds of the first, thousands of chunks later at
// most.
const memorySize = 4096

// memory keeps the last word about finished chunks, the oldest forgotten first.
type memory struct {
	entries map[string]remembered
	size    int
	ring    []string // grows up to size
	oldest  int      // in ring, of the oldest once it is full
}

// lastWord is the final message about a chunk with these items.
type remembered struct {
	sum     uint64
	signal  messages.Signal
	dropped bool
}

func newMemory(size int) memory {
	return memory{size: size, entries: map[string]remembered{}}
}

func (m *memory) get(batchID string, sum uint64) (messages.Signal, bool) {
	w, ok := m.entries[batchID]
	return w.signal, ok && w.sum == sum && !w.dropped
}

// drop forgets a batch id. Its place in the ring stays until its turn comes.
func (m *memory) drop(batchID string) {
	if w, ok := m.entries[batchID]; ok {
		w.dropped = true
		m.entries[batchID] = w
	}
}

func (m *memory) put(batchID string, sum uint64, s messages.Signal) {
	if _, ok := m.entries[batchID]; ok {
		m.entries[batchID] = remembered{sum: sum, signal: s}
		return
	}
	if len(m.ring) < m.size {
		m.ring = append(m.ring, batchID)
	} else {
		delete(m.entries, m.ring[m.oldest])
		m.ring[m.oldest] = batchID
		m.oldest = (m.oldest + 1) % len(m.ring)
	}
	m.entries[batchID] = remembered{sum: sum, signal: s}
}
