package app

import (
	"io"
	"sync"
	"time"
)

// spool writes in a goroutine of its own, so that a reader that stops reading (a paused
// terminal, a full pipe, a log driver that hangs) never blocks the writers. Writes that do
// not fit into the queue, or that fail, are dropped and counted. When the reader continues,
// the spool reports their number. After a failure the next write is tried, since a full disk
// may have room again.
type spool struct {
	w        io.Writer
	maxBytes int                  // largest size of the queue
	lost     func(n int64) []byte // returns a report of n dropped writes; may be nil

	mu      sync.Mutex
	wake    *sync.Cond
	queue   [][]byte
	bytes   int
	dropped int64
	closed  bool
	failing bool // the last write failed
	ended   chan struct{}
}

const (
	// maxSpooled is the size of the queue, which suffices for minutes of a busy log.
	maxSpooled = 4 << 20
	// closeTimeout is the time for which close waits for the reader.
	closeTimeout = time.Second
)

func newSpool(w io.Writer, lost func(n int64) []byte) *spool {
	s := &spool{w: w, maxBytes: maxSpooled, lost: lost, ended: make(chan struct{})}
	s.wake = sync.NewCond(&s.mu)
	go s.run()
	return s
}

// Write implements io.Writer. It never blocks and never fails.
func (s *spool) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
	case s.bytes+cost(p) > s.maxBytes:
		s.dropped++
	default:
		s.queue = append(s.queue, append([]byte(nil), p...))
		s.bytes += cost(p)
		s.wake.Signal()
	}
	return len(p), nil
}

// cost returns the approximate memory of a queued write. A progress bar makes many writes of
// a few bytes.
func cost(p []byte) int { return len(p) + 64 }

// run writes the queue until close.
func (s *spool) run() {
	defer close(s.ended)
	for {
		p, writes, ok := s.next()
		if !ok {
			return
		}
		_, err := s.w.Write(p)
		s.mu.Lock()
		if s.failing = err != nil; s.failing {
			s.dropped += writes
		}
		s.mu.Unlock()
	}
}

// next waits for bytes to write. writes is the number of writes that are dropped if that
// fails. While the writer fails there is no report of dropped writes, which would otherwise
// be repeated without end.
func (s *spool) next() (p []byte, writes int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) == 0 {
		if s.dropped > 0 && s.lost != nil && !s.failing {
			writes, s.dropped = s.dropped, 0
			return s.lost(writes), writes, true
		}
		if s.closed {
			return nil, 0, false
		}
		s.wake.Wait()
	}
	p = s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	s.bytes -= cost(p)
	return p, 1, true
}

// close ends the spool when everything was written, or after closeTimeout.
func (s *spool) close() {
	s.mu.Lock()
	s.closed = true
	s.wake.Signal()
	s.mu.Unlock()
	select {
	case <-s.ended:
	case <-time.After(closeTimeout):
	}
}
