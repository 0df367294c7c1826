package slots

import "time"

// pace is how fast a native worker works, and how many chunks are queued at it: so many
// that it never waits for the next one, and so few that hardly any work is handed out again
// when it dies or others run out of work.
type pace struct {
	since time.Time     // when the worker last began to have chunks, zero while it has none
	busy  time.Duration // time with chunks in the present window, before since
	ended int           // number of chunks that ended in the present window
	each  time.Duration // mean time for a chunk, 0 until it is known
	bytes int64         // mean length of a chunk
}

const (
	// queuedWork is how much work is queued at a worker, by its own pace: enough for some
	// round trips and commits, also on a busy machine.
	queuedWork = 50 * time.Millisecond
	// paceWindow is how long chunks are counted before the pace is updated: results arrive
	// in bunches.
	paceWindow = 20 * time.Millisecond
	// MaxQueued is the most chunks that are queued at a worker; workers keep room for as
	// many.
	MaxQueued = 64
	// maxQueuedBytes bounds their total length; one chunk is always allowed. It is a
	// fraction of what the embedded broker retains of a partition.
	maxQueuedBytes = 1 << 20
)

// holds notes whether the worker has any chunk now.
func (p *pace) holds(any bool, now time.Time) {
	switch {
	case any && p.since.IsZero():
		p.since = now
	case !any && !p.since.IsZero():
		p.busy += now.Sub(p.since)
		p.since = time.Time{}
	}
}

// sized notes the length of a chunk that was given to the worker.
func (p *pace) sized(bytes int64) {
	if p.bytes == 0 {
		p.bytes = bytes
	}
	p.bytes += (bytes - p.bytes) / 4
}

// done notes a chunk that the worker completed.
func (p *pace) done(now time.Time) {
	p.ended++
	busy := p.busy
	if !p.since.IsZero() {
		busy += now.Sub(p.since)
	}
	if busy < paceWindow {
		return
	}
	each := max(time.Microsecond, busy/time.Duration(p.ended))
	if p.each > 0 {
		each = (each + p.each) / 2
	}
	p.each, p.ended, p.busy = each, 0, 0
	if !p.since.IsZero() {
		p.since = now
	}
}

// failed forgets the pace: failing is fast, and a worker that fails gets as few chunks as
// possible.
func (p *pace) failed() { p.each, p.ended, p.busy = 0, 0, 0 }

// depth returns how many chunks are queued at the worker.
func (p *pace) depth() int {
	if p.each == 0 {
		return 1
	}
	n := min(int64(queuedWork/p.each), MaxQueued)
	if p.bytes > 0 {
		n = min(n, maxQueuedBytes/p.bytes)
	}
	return int(max(1, n))
}
