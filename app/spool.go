package app

import (
	"io"
	"sync"
	"time"
)

// spool writes from a goroutine of its own, so that a reader that stops reading (a
// paused terminal, a full pipe, a log driver that hangs) never holds up whoever
// writes. What does not fit is dropped and counted; when the reader goes on, it is
// told how much it missed. A writer that fails is not used again.
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
	err     error
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
	case s.closed || s.err != nil:
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

// run writes what comes until close, or until the writer fails.
func (s *spool) run() {
	defer close(s.ended)
	for {
		p, ok := s.next()
		if !ok {
			return
		}
		_, err := s.w.Write(p)
		s.mu.Lock()
		if err != nil {
			s.err, s.queue = err, nil
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
	}
}

// next waits for something to write.
func (s *spool) next() ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) == 0 {
		if s.dropped > 0 && s.lost != nil {
			p := s.lost(s.dropped)
			s.dropped = 0
			return p, true
		}
		if s.closed {
			return nil, false
		}
		s.wake.Wait()
	}
	p := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	s.bytes -= cost(p)
	return p, true
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
