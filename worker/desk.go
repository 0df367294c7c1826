package worker

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"

	"kafka-master/messages"
)

// stage is where a chunk on the desk stands.
type phase uint8

const (
	queued    phase = iota // read, not begun
	working                // its handler runs
	finishing              // ended, but Kafka has not acknowledged the final message
)

// job is one chunk on the desk.
type job struct {
	chunk  Chunk
	sum    uint64 // of its items
	order  uint64
	phase  phase
	latest *messages.Signal // the newest progress message, nil before the first
	// outdated is set when another chunk came under the same id: nothing is
	// said about this one any more.
	superseded bool
}

// termTrust is how long a term is remembered after its last chunk. What a former
// leader still has under way arrives within seconds; a lower term after that is
// one of a state store that began anew, which must not be refused for ever.
const termMemory = 30 * time.Second

// reasonFull is why a chunk is given back that the worker has no room for.
const reasonFull = "the worker's queue is full"

// desk is what the worker holds and remembers. It decides what becomes of a
// chunk that was read, and does no I/O.
type desk struct {
	capacity int

	mu     sync.Mutex
	held   map[string]*job
	queue  []*job
	busy   int // jobs whose handler runs
	order  uint64
	memory memory
	seed   maphash.Seed
	// deployment is that of the last chunk; terms are compared within one.
	deployment string
	term       uint64    // the highest seen
	termSeen   time.Time // when its last chunk came
	partition  int32     // that is read
	next       int64     // next offset to read
	draining   bool
	refusal    string // why chunks are given back unseen, "" when they are not
}

func newDesk(capacity int) *desk {
	return &desk{capacity: capacity, held: map[string]*job{}, memory: newMemory(memorySize), seed: maphash.MakeSeed()}
}

// queueLimit is the number of chunks that may wait beside those in work.
func queueLimit(capacity int) int { return queueAhead + capacity }

// verdict is what is to be done about a chunk that was read.
type decision struct {
	start  *job             // begin it now
	answer *messages.Signal // or say this about it
	final  bool             // the answer is the chunk's last word
	stale  bool             // dropped: sent by a leader of the past
}

// take takes in the chunk that was read at offset.
func (d *desk) decide(c Chunk, offset int64) decision {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = offset + 1
	if c.Term != 0 && !d.acceptsTerm(c) {
		return decision{stale: true}
	}
	sum := d.sum(c)
	if final, ok := d.memory.get(c.BatchID, sum); ok {
		return decision{answer: &final, final: true}
	}
	if j := d.held[c.BatchID]; j != nil {
		if j.sum == sum {
			return decision{answer: j.latest}
		}
		d.supersede(j)
	}
	if d.draining {
		return decision{} // not held: the master sees that by the heartbeats and the bye
	}
	d.order++
	j := &job{chunk: c, sum: sum, order: d.order}
	d.held[c.BatchID] = j
	refusal := d.refusal
	switch {
	case refusal != "":
	case d.busy < d.capacity:
		d.busy++
		j.phase = working
		return decision{start: j}
	case len(d.queue) < queueLimit(d.capacity):
		d.queue = append(d.queue, j)
		return decision{}
	default:
		refusal = reasonFull
	}
	returned := resultOf(c, 0, messages.OutcomeRetry, refusal)
	d.conclude(j, returned)
	return decision{answer: &returned, final: true}
}

// trust reports whether a chunk of the term may run. Terms of another deployment
// say nothing: they begin at 1.
func (d *desk) acceptsTerm(c Chunk) bool {
	now := time.Now()
	if c.Deployment == d.deployment && c.Term < d.term && now.Sub(d.termSeen) < termMemory {
		return false
	}
	d.deployment, d.term, d.termSeen = c.Deployment, c.Term, now
	return true
}

// sum tells chunks apart that came under one id: a state store that began anew,
// or lost its last commits, may use an id again for other lines; and the same
// lines of another deployment are to be done again, since it has its own books.
func (d *desk) sum(c Chunk) uint64 {
	var h maphash.Hash
	h.SetSeed(d.seed)
	h.WriteString(c.Deployment)
	h.WriteByte(0)
	for _, item := range c.Items {
		h.WriteString(item)
		h.WriteByte('\n')
	}
	return h.Sum64()
}

// outdate forgets a job whose id another chunk has now. If it runs, it runs on
// in silence.
func (d *desk) supersede(j *job) {
	j.superseded = true
	delete(d.held, j.chunk.BatchID)
	if n := slices.Index(d.queue, j); n >= 0 {
		d.queue = slices.Delete(d.queue, n, n+1)
	}
}

// close records a job's last word. It stays held until that was acknowledged.
func (d *desk) conclude(j *job, final messages.Signal) {
	j.phase, j.latest = finishing, &final
	j.chunk.Items = nil
	if !j.superseded {
		d.memory.put(j.chunk.BatchID, j.sum, final)
	}
}

// finish ends a working job and returns the one to begin in its place, if any.
// tell is false when its last word interests nobody.
func (d *desk) finish(j *job, final messages.Signal) (following *job, send bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conclude(j, final)
	if d.draining || len(d.queue) == 0 {
		d.busy--
		return nil, !j.superseded
	}
	following = d.queue[0]
	d.queue[0] = nil
	d.queue = d.queue[1:]
	following.phase = working
	return following, !j.superseded
}

// forget drops what is known about a batch id, so that it runs when it comes.
func (d *desk) forget(batchID string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.memory.drop(batchID)
	if j := d.held[batchID]; j != nil {
		d.supersede(j)
	}
}

// refuse gives back the queue, and from now on every chunk that comes, for a
// reason. It returns the last words about the chunks of the queue.
func (d *desk) refuse(reason string) []messages.Signal {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refusal = reason
	returned := make([]messages.Signal, len(d.queue))
	for i, j := range d.queue {
		returned[i] = resultOf(j.chunk, 0, messages.OutcomeRetry, reason)
		d.conclude(j, returned[i])
	}
	d.queue = nil
	return returned
}

// reopen ends the refusal.
func (d *desk) reopen() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refusal = ""
}

// note remembers a job's newest progress message and reports whether to send it.
func (d *desk) setProgress(j *job, s messages.Signal) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if j.phase == working {
		j.latest = &s
	}
	return !j.superseded
}

// acknowledged lets go of a chunk whose last word Kafka has.
func (d *desk) acknowledged(batchID string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if j := d.held[batchID]; j != nil && j.phase == finishing {
		delete(d.held, batchID)
	}
}

// moveTo says which offset is read next.
func (d *desk) setNext(next int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = next
}

// readFrom says which partition is read from now on, and from where.
func (d *desk) setPosition(partition int32, next int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.partition, d.next = partition, next
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
// the order in which they came, the partition that is read and its next offset.
func (d *desk) contents() (run, wait []string, partition int32, next int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	jobs := make([]*job, 0, len(d.held))
	for _, j := range d.held {
		jobs = append(jobs, j)
	}
	slices.SortFunc(jobs, func(a, b *job) int { return int(a.order) - int(b.order) })
	for _, j := range jobs {
		if j.phase == queued {
			wait = append(wait, j.chunk.BatchID)
		} else {
			run = append(run, j.chunk.BatchID)
		}
	}
	return run, wait, d.partition, d.next
}

// resultOf is the last word about a chunk.
func resultOf(c Chunk, done int, o messages.Outcome, text string) messages.Signal {
	total := int64(len(c.Items))
	return messages.Signal{
		Kind: messages.SignalProgress, Worker: c.Worker, BatchID: c.BatchID, Attempt: c.Attempt, Deployment: c.Deployment,
		Offset: c.Offset, Hash: c.Hash, Total: total,
		Processing: min(int64(done), total), Outcome: o,
		Error: messages.CutText(strings.TrimSpace(text), messages.MaxErrorText),
	}
}
