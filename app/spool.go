package app

import (
	"io"
	"sync"
	"time"
)

// spool writes from a goroutine of its own, so that a reader that stops reading (a
// paused terminal, a full pipe, a log driver that hangs) never holds up whoever
// writes. What does not fit, or cannot be written, is dropped and counted; when the
// reader goes on, it is told how much it missed. A writer that fails is tried again
// with the next write: a full disk may have room again.
type spool struct {
	w    io.Writer
	most int                  // bytes that wait at most
	lost func(n int64) []byte // says that n writes were dropped; may be nil

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
	// maxSpooled is how much waits for a reader: minutes of a busy log.
	maxSpooled = 4 << 20
	// spoolPatience is how long an end waits for a reader.
	spoolPatience = time.Second
)

func newSpool(w io.Writer, lost func(n int64) []byte) *spool {
	s := &spool{w: w, most: maxSpooled, lost: lost, ended: make(chan struct{})}
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
	case s.bytes+cost(p) > s.most:
		s.dropped++
	default:
		s.queue = append(s.queue, append([]byte(nil), p...))
		s.bytes += cost(p)
		s.wake.Signal()
	}
	return len(p), nil
}

// cost is what a write that waits takes of memory, roughly: a progress bar makes many
// of a few bytes.
func cost(p []byte) int { return len(p) + 64 }

// run writes what comes until close.
func (s *spool) run() {
	defer close(s.ended)
	for {
		p, stands, ok := s.next()
		if !ok {
			return
		}
		_, err := s.w.Write(p)
		s.mu.Lock()
		if s.failing = err != nil; s.failing {
			s.dropped += stands
		}
		s.mu.Unlock()
	}
}

// next waits for something to write. stands is how many writes are lost when it
// cannot be written. While the writer fails nothing is said of what was dropped, or
// that alone would be tried without end.
func (s *spool) next() (p []byte, stands int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) == 0 {
		if s.dropped > 0 && s.lost != nil && !s.failing {
			stands, s.dropped = s.dropped, 0
			return s.lost(stands), stands, true
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

// close ends the spool when everything was written, or after spoolPatience.
func (s *spool) close() {
	s.mu.Lock()
	s.closed = true
	s.wake.Signal()
	s.mu.Unlock()
	select {
	case <-s.ended:
	case <-time.After(spoolPatience):
	}
}
