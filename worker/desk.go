package worker

import (
	"slices"
	"strings"
	"sync"

	"kafka-master/messages"
)

// stage is where a chunk on the desk stands.
type stage uint8

const (
	queued    stage = iota // read, not begun
	working                // its handler runs
	finishing              // ended, but Kafka has not acknowledged the final message
)

// job is one chunk on the desk.
type job struct {
	chunk Chunk
	order uint64
	stage stage
	last  *messages.Signal // the newest progress message, nil before the first
}

// desk is what the worker holds and remembers. It decides what becomes of a
// chunk that was read, and does no I/O.
type desk struct {
	capacity int

	mu       sync.Mutex
	held     map[string]*job
	queue    []*job
	busy     int // jobs whose handler runs
	order    uint64
	memory   memory
	term     uint64 // the highest seen
	next     int64  // next offset to read
	draining bool
}

func newDesk(capacity int, next int64) *desk {
	return &desk{capacity: capacity, next: next, held: map[string]*job{}, memory: newMemory(memorySize)}
}

// verdict is what is to be done about a chunk that was read.
type verdict struct {
	start  *job             // begin it now
	answer *messages.Signal // or say this about it
	final  bool             // the answer is the chunk's last word
	stale  bool             // dropped: sent by a leader of the past
}

// take takes in the chunk that was read at offset.
func (d *desk) take(c Chunk, offset int64) verdict {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = offset + 1
	if c.Term != 0 && c.Term < d.term {
		return verdict{stale: true}
	}
	d.term = max(d.term, c.Term)
	if last, ok := d.memory.get(c.BatchID); ok {
		return verdict{answer: &last, final: true}
	}
	if j := d.held[c.BatchID]; j != nil {
		return verdict{answer: j.last}
	}
	if d.draining {
		return verdict{} // not held: the master sees that by the heartbeats and the bye
	}
	d.order++
	j := &job{chunk: c, order: d.order}
	d.held[c.BatchID] = j
	switch {
	case d.busy < d.capacity:
		d.busy++
		j.stage = working
		return verdict{start: j}
	case len(d.queue) < queueAhead+d.capacity:
		d.queue = append(d.queue, j)
		return verdict{}
	}
	full := resultOf(c, 0, messages.OutcomeRetry, "the worker's queue is full")
	d.close(j, full)
	return verdict{answer: &full, final: true}
}

// close records a job's last word. It stays held until that was acknowledged.
func (d *desk) close(j *job, last messages.Signal) {
	j.stage, j.last = finishing, &last
	j.chunk.Items = nil
	d.memory.put(j.chunk.BatchID, last)
}

// finish ends a working job and returns the one to begin in its place, if any.
func (d *desk) finish(j *job, last messages.Signal) *job {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.close(j, last)
	if d.draining || len(d.queue) == 0 {
		d.busy--
		return nil
	}
	following := d.queue[0]
	d.queue[0] = nil
	d.queue = d.queue[1:]
	following.stage = working
	return following
}

// note remembers a job's newest progress message.
func (d *desk) note(j *job, s messages.Signal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if j.stage == working {
		j.last = &s
	}
}

// acknowledged lets go of a chunk whose last word Kafka has.
func (d *desk) acknowledged(batchID string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if j := d.held[batchID]; j != nil && j.stage == finishing {
		delete(d.held, batchID)
	}
}

// moveTo says which offset is read next.
func (d *desk) moveTo(next int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = next
}

// drain lets go of the queue and takes nothing more. It returns the number of
// chunks that were queued.
func (d *desk) drain() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.draining = true
	for _, j := range d.queue {
		delete(d.held, j.chunk.BatchID)
	}
	n := len(d.queue)
	d.queue = nil
	return n
}

// view returns what a heartbeat says: the chunks in work and in the queue, in
// the order in which they came, and the next offset to read.
func (d *desk) view() (run, wait []string, next int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	jobs := make([]*job, 0, len(d.held))
	for _, j := range d.held {
		jobs = append(jobs, j)
	}
	slices.SortFunc(jobs, func(a, b *job) int { return int(a.order) - int(b.order) })
	for _, j := range jobs {
		if j.stage == queued {
			wait = append(wait, j.chunk.BatchID)
		} else {
			run = append(run, j.chunk.BatchID)
		}
	}
	return run, wait, d.next
}

// resultOf is the last word about a chunk.
func resultOf(c Chunk, done int, o messages.Outcome, text string) messages.Signal {
	total := int64(len(c.Items))
	return messages.Signal{
		Kind: messages.SignalProgress, Worker: c.Worker, BatchID: c.BatchID, Attempt: c.Attempt, Total: total,
		Processing: min(int64(done), total), Outcome: o,
		Error: messages.CutText(strings.TrimSpace(text), messages.MaxErrorText),
	}
}
