package worker

import (
	"strings"

	"kafka-master/messages"
)

// memorySize is the number of finished chunks that a worker remembers. A second copy
// of a chunk arrives within seconds of the first, so with at most a few thousand
// chunks in between.
const memorySize = 4096

// maxRememberedRanges bounds the ranges of failed items that a worker remembers. A
// message that is repeated without them gives the number of the failed items only.
const maxRememberedRanges = 64 << 10

// memory keeps the final messages about finished chunks and forgets the oldest first.
type memory struct {
	entries map[string]remembered // by batch id
	size    int
	ring    []string // batch ids in the order of their arrival, at most size of them
	oldest  int      // index in ring once it is full
	ranges  int      // ranges of failed items in all entries
}

// remembered is the final message about a chunk.
type remembered struct {
	sum     uint64 // see desk.sum
	signal  messages.Signal
	dropped bool
}

func newMemory(size int) memory {
	return memory{size: size, entries: map[string]remembered{}}
}

func (m *memory) get(batchID string, sum uint64) (messages.Signal, bool) {
	e, ok := m.entries[batchID]
	return e.signal, ok && e.sum == sum && !e.dropped
}

// drop forgets a batch id. The entry itself stays until the ring overwrites it.
func (m *memory) drop(batchID string) {
	if e, ok := m.entries[batchID]; ok {
		e.dropped = true
		m.entries[batchID] = e
	}
}

func (m *memory) put(batchID string, sum uint64, s messages.Signal) {
	// The texts of a chunk share one buffer with its items, which would be kept with them.
	batchID = strings.Clone(batchID)
	s.BatchID, s.Worker, s.Deployment = batchID, messages.WorkerID(strings.Clone(string(s.Worker))), strings.Clone(s.Deployment)
	s.Hash, s.Error = strings.Clone(s.Hash), strings.Clone(s.Error)
	if m.ranges -= len(m.entries[batchID].signal.FailedRanges); m.ranges+len(s.FailedRanges) > maxRememberedRanges {
		s.FailedRanges = nil
	}
	m.ranges += len(s.FailedRanges)
	switch _, known := m.entries[batchID]; {
	case known: // it keeps its place in the ring
	case len(m.ring) < m.size:
		m.ring = append(m.ring, batchID)
	default:
		m.ranges -= len(m.entries[m.ring[m.oldest]].signal.FailedRanges)
		delete(m.entries, m.ring[m.oldest])
		m.ring[m.oldest] = batchID
		m.oldest = (m.oldest + 1) % len(m.ring)
	}
	m.entries[batchID] = remembered{sum: sum, signal: s}
}
