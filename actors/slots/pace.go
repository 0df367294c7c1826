package slots

import "time"

// pace is how fast a native worker works, and from it how many chunks are queued at
// the worker: so many that it never waits for the next one, and so few that hardly
// any work is handed out again when it dies or others run out of work. It is pure
// state.
type pace struct {
	since time.Time     // when the worker was last given something while it had nothing; zero while it has nothing
	busy  time.Duration // of the present window, before since
	ended int           // chunks of the present window
	each  time.Duration // time for a chunk, 0 until it is known
	bytes int64         // length of a chunk
}

const (
	// queuedWork is how much of a worker's own work is queued at it: some round
	// trips and commits, also on a busy machine.
	queuedWork = 50 * time.Millisecond
	// paceWindow is how long chunks are counted before the pace is set anew. Results
	// arrive in bunches.
	paceWindow = 20 * time.Millisecond
	// MaxQueued is the most chunks that are queued at a worker; workers keep room
	// for as many.
	MaxQueued = 64
	// maxQueuedBytes bounds their length, one chunk always being allowed. It is a
	// fraction of what the embedded broker retains of a partition.
	maxQueuedBytes = 1 << 20
)

// holds says whether the worker has any chunk now.
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

// done notes a chunk that the worker did.
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

// failed forgets the pace: failing is fast, and a worker that fails gets as little as
// possible.
func (p *pace) failed() { p.each, p.ended, p.busy = 0, 0, 0 }

// depth is how many chunks are queued at the worker.
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
