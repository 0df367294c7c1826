package worker

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"

	"kafka-master/messages"
)

// phase is the progress of a chunk at this worker.
type phase uint8

const (
	queued    phase = iota // waits for a free slot
	working                // the handler runs
	finishing              // the handler has ended, Kafka has not acknowledged the final message
)

// attempt is one chunk that the worker holds, under the id of its attempt.
type attempt struct {
	chunk  Chunk
	sum    uint64 // see desk.sum
	order  uint64 // attempts are numbered in the order of their arrival
	phase  phase
	latest *messages.Signal        // newest progress message, nil before the first
	stop   context.CancelCauseFunc // ends its context, nil before it runs
	// superseded is set when another chunk has arrived under the same id. Nothing is
	// reported about this attempt any more.
	superseded bool
}

// termMemory is how long a term is remembered after its last chunk. Chunks that a
// former leader has in flight arrive within seconds. A lower term after that comes
// from a state that was created again, which must not be refused for ever.
const termMemory = 30 * time.Second

// reasonFull is the reported reason when a chunk does not fit into the queue.
const reasonFull = "the worker's queue is full"

// desk keeps the chunks that the worker holds and remembers those that have ended.
// It decides what to do with each chunk that was read, and does no I/O.
type desk struct {
	capacity int

	mu     sync.Mutex
	held   map[string]*attempt // by batch id
	queue  []*attempt
	busy   int // number of attempts in phase working
	order  uint64
	memory memory
	seed   maphash.Seed

	deployment string // deployment of the last chunk, the only one that term belongs to
	term       uint64 // highest term seen
	termSeen   time.Time

	partition int32
	next      int64 // offset of the next record to read
	draining  bool
	refusal   string // reason for giving back every new chunk, "" while chunks are accepted
}

func newDesk(capacity int) *desk {
	return &desk{capacity: capacity, held: map[string]*attempt{}, memory: newMemory(memorySize), seed: maphash.MakeSeed()}
}

// queueLimit is the number of chunks that may wait in addition to the running ones.
func queueLimit(capacity int) int { return queueAhead + capacity }

// decision is what to do with a chunk that was read. The zero value means nothing.
type decision struct {
	start  *attempt         // attempt to start now
	answer *messages.Signal // message to send about the chunk
	final  bool             // answer is the final message
	stale  bool             // the chunk is dropped because a former leader sent it
}

// decide returns what to do with the chunk that was read at offset, and holds the
// chunk unless it is stale or known.
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
	if a := d.held[c.BatchID]; a != nil {
		if a.sum == sum {
			return decision{answer: a.latest}
		}
		d.supersede(a)
	}
	if d.draining {
		return decision{} // the heartbeats and the bye tell the master that it is not held
	}
	d.order++
	a := &attempt{chunk: c, sum: sum, order: d.order}
	d.held[c.BatchID] = a
	refusal := d.refusal
	switch {
	case refusal != "":
	case d.busy < d.capacity:
		d.busy++
		a.phase = working
		return decision{start: a}
	case len(d.queue) < queueLimit(d.capacity):
		d.queue = append(d.queue, a)
		return decision{}
	default:
		refusal = reasonFull
	}
	returned := resultOf(c, 0, messages.OutcomeRetry, refusal)
	d.conclude(a, returned)
	return decision{answer: &returned, final: true}
}

// acceptsTerm reports whether a chunk of this term may run, and remembers the term.
// Terms are compared within one deployment only, since every deployment begins at 1.
func (d *desk) acceptsTerm(c Chunk) bool {
	now := time.Now()
	if c.Deployment == d.deployment && c.Term < d.term && now.Sub(d.termSeen) < termMemory {
		return false
	}
	d.deployment, d.term, d.termSeen = c.Deployment, c.Term, now
	return true
}

// sum is a hash of the chunk's deployment, place and items. It distinguishes chunks with the
// same id: a state that was created again or has lost its last commits may use an id
// a second time, for other lines. The same lines of another deployment must be
// processed again as well, since that deployment keeps its own account. A master that
// sends the hash of the items' bytes has computed it already.
func (d *desk) sum(c Chunk) uint64 {
	var h maphash.Hash
	h.SetSeed(d.seed)
	h.WriteString(c.Deployment)
	h.WriteByte(0)
	maphash.WriteComparable(&h, c.Offset)
	h.WriteString(c.Hash)
	for _, r := range c.Positions {
		maphash.WriteComparable(&h, r)
	}
	if c.Hash != "" {
		return h.Sum64()
	}
	for _, item := range c.Items {
		h.WriteString(item)
		h.WriteByte('\n')
	}
	return h.Sum64()
}

// supersede forgets an attempt whose id now belongs to another chunk. A running
// attempt continues, but nothing is reported about it.
func (d *desk) supersede(a *attempt) {
	a.superseded = true
	delete(d.held, a.chunk.BatchID)
	if n := slices.Index(d.queue, a); n >= 0 {
		d.queue = slices.Delete(d.queue, n, n+1)
	}
}

// conclude records the final message about an attempt. The attempt stays held until
// Kafka has acknowledged this message.
func (d *desk) conclude(a *attempt, final messages.Signal) {
	a.phase, a.latest = finishing, &final
	a.chunk.Items = nil
	if !a.superseded {
		d.memory.put(a.chunk.BatchID, a.sum, final)
	}
}

// finish ends a running attempt and returns the queued one to start in its place, if
// any. send is false when the final message must not be sent.
func (d *desk) finish(a *attempt, final messages.Signal) (following *attempt, send bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conclude(a, final)
	if d.draining || len(d.queue) == 0 {
		d.busy--
		return nil, !a.superseded
	}
	following = d.queue[0]
	d.queue[0] = nil
	d.queue = d.queue[1:]
	following.phase = working
	return following, !a.superseded
}

// forget drops everything known about a batch id, so that the chunk runs when it
// arrives.
func (d *desk) forget(batchID string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.memory.drop(batchID)
	if a := d.held[batchID]; a != nil {
		d.supersede(a)
	}
}

// refuse gives back the queued chunks and, from now on, every new chunk. It returns
// the final messages about the queued ones.
func (d *desk) refuse(reason string) []messages.Signal {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refusal = reason
	returned := make([]messages.Signal, len(d.queue))
	for i, a := range d.queue {
		returned[i] = resultOf(a.chunk, 0, messages.OutcomeRetry, reason)
		d.conclude(a, returned[i])
	}
	d.queue = nil
	return returned
}

// recall gives back those queued chunks that a recall lists, and returns the final
// messages about them. Those that run are stopped if it says so, and end by themselves.
func (d *desk) recall(m messages.ChunkMessage) (returned []messages.Signal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	text := messages.TextRecalled
	if m.Stop {
		text = messages.TextStopped
	}
	for _, batchID := range m.Recall {
		if a := d.held[batchID]; m.Stop && a != nil && a.phase == working && a.stop != nil && a.chunk.Deployment == m.Deployment {
			a.stop(errRecalled)
			continue
		}
		n := slices.IndexFunc(d.queue, func(a *attempt) bool {
			return a.chunk.BatchID == batchID && a.chunk.Deployment == m.Deployment
		})
		if n < 0 {
			continue
		}
		a := d.queue[n]
		d.queue = slices.Delete(d.queue, n, n+1)
		final := resultOf(a.chunk, 0, messages.OutcomeRetry, text)
		d.conclude(a, final)
		returned = append(returned, final)
	}
	return returned
}

// letStop keeps how an attempt that begins now is stopped.
func (d *desk) letStop(a *attempt, stop context.CancelCauseFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a.stop = stop
}

// reopen accepts chunks again after refuse.
func (d *desk) reopen() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refusal = ""
}

// setProgress stores the newest progress message of an attempt and reports whether to
// send it.
func (d *desk) setProgress(a *attempt, s messages.Signal) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a.phase == working {
		a.latest = &s
	}
	return !a.superseded
}

// acknowledged releases a chunk after Kafka has acknowledged its final message.
func (d *desk) acknowledged(batchID string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a := d.held[batchID]; a != nil && a.phase == finishing {
		delete(d.held, batchID)
	}
}

// setNext sets the offset of the next record to read.
func (d *desk) setNext(next int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = next
}

// setPosition sets the partition and the offset of the next record to read.
func (d *desk) setPosition(partition int32, next int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.partition, d.next = partition, next
}

// drain drops the queued chunks and accepts no more. It returns the number of
// dropped chunks.
func (d *desk) drain() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.draining = true
	for _, a := range d.queue {
		delete(d.held, a.chunk.BatchID)
	}
	n := len(d.queue)
	d.queue = nil
	return n
}

// contents returns what a heartbeat reports: the ids of the running and the queued
// chunks in the order of their arrival, the partition, and the offset of the next
// record to read. A chunk counts as running until its final message is acknowledged.
func (d *desk) contents() (run, wait []string, partition int32, next int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	attempts := make([]*attempt, 0, len(d.held))
	for _, a := range d.held {
		attempts = append(attempts, a)
	}
	slices.SortFunc(attempts, func(a, b *attempt) int { return cmp.Compare(a.order, b.order) })
	for _, a := range attempts {
		if a.phase == queued {
			wait = append(wait, a.chunk.BatchID)
		} else {
			run = append(run, a.chunk.BatchID)
		}
	}
	return run, wait, d.partition, d.next
}

// resultOf returns a message about a chunk of which done items are done. The message
// is final unless the outcome is OutcomeNone.
func resultOf(c Chunk, done int, o messages.Outcome, text string) messages.Signal {
	total := int64(len(c.Items))
	return messages.Signal{
		Kind: messages.SignalProgress, Worker: c.Worker, BatchID: c.BatchID, Attempt: c.Attempt, Deployment: c.Deployment,
		Offset: c.Offset, Hash: c.Hash, Total: total,
		Processing: min(int64(done), total), Outcome: o,
		Error: messages.CutText(strings.TrimSpace(text), messages.MaxErrorText),
	}
}
