package worker

import (
	"sync"
	"time"
)

// meter limits the progress messages of one chunk to one per interval. The last
// count of a burst is sent when its interval is over, so that what the master
// shows is never older than that.
type meter struct {
	interval time.Duration
	total    int
	send     func(done int)

	mu    sync.Mutex
	done  int
	sent  int
	next  time.Time // when the next message may go
	timer *time.Timer
	ended bool
}

// newMeter starts with a full interval of silence: a chunk that ends within it
// costs one message.
func newMeter(total int, interval time.Duration, send func(done int)) *meter {
	return &meter{interval: interval, total: total, send: send, next: time.Now().Add(interval)}
}

// report takes the number of items done. Counts that go back are ignored.
func (m *meter) update(done int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended || done <= m.done {
		return
	}
	m.done = min(done, m.total)
	wait := time.Until(m.next)
	switch {
	case wait <= 0:
		m.emit()
	case m.timer == nil:
		m.timer = time.AfterFunc(wait, m.timerFired)
	}
}

func (m *meter) timerFired() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.timer = nil
	if !m.ended {
		m.emit()
	}
}

// tell never sends the total: to the master that would mean that the chunk is
// complete, while its handler may still fail.
func (m *meter) emit() {
	if now := min(m.done, m.total-1); now > m.sent {
		m.sent, m.next = now, time.Now().Add(m.interval)
		m.send(now)
	}
}

// stop ends the reports and returns the last count. Nothing is sent after it.
func (m *meter) stop() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	if m.timer != nil {
		m.timer.Stop()
	}
	return m.done
}
