package worker

import (
	"sync"
	"time"
)

// meter limits the progress messages of one chunk to one per interval. The last
// count within an interval is sent when the interval ends, so the progress that the
// master shows is never older than one interval.
type meter struct {
	interval time.Duration
	total    int
	send     func(done int)

	mu    sync.Mutex
	done  int
	sent  int
	next  time.Time // earliest time of the next message
	timer *time.Timer
	ended bool
}

// newMeter returns a meter that begins with an interval of silence: a chunk that
// ends within it costs one message.
func newMeter(total int, interval time.Duration, send func(done int)) *meter {
	return &meter{interval: interval, total: total, send: send, next: time.Now().Add(interval)}
}

// update sets the number of items that are done. A lower number than before is
// ignored.
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

// emit sends the count, but never the total: to the master a count that equals the
// total means that the chunk is done, while the handler may still fail.
func (m *meter) emit() {
	if now := min(m.done, m.total-1); now > m.sent {
		m.sent, m.next = now, time.Now().Add(m.interval)
		m.send(now)
	}
}

// stop returns the last count. Nothing is sent afterwards.
func (m *meter) stop() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	if m.timer != nil {
		m.timer.Stop()
	}
	return m.done
}
