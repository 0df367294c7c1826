package actors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

// simResult is a result that was counted, and the chunk that it is of.
type simResult struct {
	lines    string
	chunk    messages.Chunk
	recorded bool // its worker said that it recorded it
}

// simHistory records what a simulated world did, as the store and Kafka saw it,
// and checks each event against what must always hold. It keeps a model of the
// store of its own, built from the commits.
type simHistory struct {
	w     *simWorld
	sum   hash.Hash64
	began time.Time
	bad   []string // violations

	files    map[messages.FileID]messages.File
	records  map[messages.FileID]*messages.File // what files are copies of; they must never change
	open     map[messages.FileID]map[messages.ChunkID]messages.OpenChunk
	ranges   map[messages.FileID]map[messages.ChunkID]messages.Chunk // of every chunk that was handed out
	accepted map[messages.FileID]map[messages.ChunkID]simResult      // results that were counted
	ever     map[messages.FileID]map[messages.ChunkID]simResult      // those, and what the store lost
	offsets  map[place]int64
	retried  map[messages.ChunkID][]messages.ItemRange // items of each retry
	assigned map[string]time.Time                      // when assignments were committed, by batch id and worker
	ran      map[string]messages.ChunkMessage          // the last run of each attempt, by batch id and worker
	drained  map[messages.WorkerID]simDrain            // as the store has it
	steering simSteering
	term     uint64
	runs     int
}

func newSimHistory(w *simWorld) *simHistory {
	h := &simHistory{w: w, sum: fnv.New64a(), began: time.Now(), assigned: map[string]time.Time{}, ran: map[string]messages.ChunkMessage{}, ever: map[messages.FileID]map[messages.ChunkID]simResult{},
		retried: map[messages.ChunkID][]messages.ItemRange{}}
	h.clear()
	return h
}

func (h *simHistory) clear() {
	h.files, h.open = map[messages.FileID]messages.File{}, map[messages.FileID]map[messages.ChunkID]messages.OpenChunk{}
	h.ranges, h.offsets = map[messages.FileID]map[messages.ChunkID]messages.Chunk{}, map[place]int64{}
	h.accepted = map[messages.FileID]map[messages.ChunkID]simResult{}
	h.records = map[messages.FileID]*messages.File{}
	h.drained = nil
	h.steering.dispatch = messages.Dispatch{}
}

// frozen checks that the record that was committed last is still what it was.
func (h *simHistory) frozen(id messages.FileID) {
	if r := h.records[id]; r != nil && *r != h.files[id] {
		h.violate("S2", "a committed record of file %d was changed: %+v, it was %+v", id, *r, h.files[id])
	}
}

// note adds a line to the trace.
func (h *simHistory) note(format string, args ...any) {
	line := fmt.Sprintf("%12.6f %s\n", time.Since(h.began).Seconds(), fmt.Sprintf(format, args...))
	io.WriteString(h.sum, line)
	if h.w.trace != nil {
		io.WriteString(h.w.trace, line)
	}
}

// violate notes that something does not hold.
func (h *simHistory) violate(invariant, format string, args ...any) {
	text := fmt.Sprintf("%s at %.3f s: %s", invariant, time.Since(h.began).Seconds(), fmt.Sprintf(format, args...))
	h.note("VIOLATION %s", text)
	if len(h.bad) < 20 {
		h.bad = append(h.bad, text)
	}
}

// elected notes a new term; terms rise.
func (h *simHistory) elected(p *simProcess, term messages.Term, snap messages.Snapshot) {
	h.note("%s leads, term %d, batch %d", p.name, term.Number, snap.Number)
	h.w.merges.elected(p)
	if term.Number <= h.term {
		h.violate("S8", "term %d after %d", term.Number, h.term)
	}
	if h.term = term.Number; snap.Number == 0 {
		h.ever = map[messages.FileID]map[messages.ChunkID]simResult{} // a state begins; nothing comes back
	}
}

// reset takes over what the store holds after it lost something.
func (h *simHistory) reset(snap messages.Snapshot) {
	h.note("the store holds batch %d now", snap.Number)
	h.clear()
	for _, f := range snap.Files {
		h.files[f.ID] = *f
	}
	for _, c := range snap.Chunks {
		put(h.open, c.ID, c)
		put(h.ranges, c.ID, c.Chunk)
	}
	for _, o := range snap.Offsets {
		h.offsets[place{o.Topic, o.Partition}] = o.Offset
	}
	h.drains(snap.Values[messages.ValueDrained])
	h.steers(snap.Values[messages.ValueDispatch])
	h.resettle()
}

// wipe notes that the store lost everything; what was in it may be put back.
func (h *simHistory) wipe() {
	h.clear()
	h.term = 0
}

func put[V any](m map[messages.FileID]map[messages.ChunkID]V, id messages.ChunkID, v V) {
	if m[id.File] == nil {
		m[id.File] = map[messages.ChunkID]V{}
	}
	m[id.File][id] = v
}

func (h *simHistory) batchID(id messages.ChunkID, attempt int) string {
	return h.files[id.File].BatchID(id, attempt)
}

// executed counts a run of a chunk.
func (h *simHistory) executed(m messages.ChunkMessage) {
	h.runs++
	h.ran[m.BatchID+" "+m.ID] = m
	h.note("%s ran %s", m.ID, m.BatchID)
}

// produced checks a chunk message that is written: its assignment is committed.
func (h *simHistory) produced(p *simProcess, r messages.Record) {
	m, err := messages.DecodeChunk(r.Value)
	if err != nil {
		h.violate("S21", "a message that nobody can read: %.40q", r.Value)
	}
	if err != nil || len(m.Data) == 0 {
		return // a probe
	}
	h.note("%s sends %s to %s in %d", p.name, m.BatchID, m.ID, r.Partition)
	if _, attempt, _ := messages.ParseBatchID(m.BatchID); attempt > ledger.UnreadAttempts {
		h.w.sometimes("an attempt leaves room for those of an unread tail")
	}
	if h.assigned[m.BatchID+" "+m.ID].IsZero() && !h.done(m.BatchID) {
		h.violate("S5", "%s is sent to %s and its assignment was never committed", m.BatchID, m.ID)
	}
	h.tellsLines(m)
}

// inOrder returns the chunks of a file that were counted, in the order of their ranges
// and retries.
func (h *simHistory) inOrder(id messages.FileID) []messages.ChunkID {
	place := func(id messages.ChunkID) uint64 { // of the half, as a fraction of the chunk
		half := uint64(max(1, id.Half))
		return half << bits.LeadingZeros64(half)
	}
	return slices.SortedFunc(maps.Keys(h.accepted[id]), func(a, b messages.ChunkID) int {
		return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(place(a), place(b)), cmp.Compare(a.Retry, b.Retry))
	})
}

// find returns the file and the chunk that a batch id names, and the attempt.
func (h *simHistory) find(batchID string) (f messages.File, id messages.ChunkID, attempt int, ok bool) {
	n, attempt, ok := messages.ParseBatchID(batchID)
	if !ok {
		return f, id, 0, false
	}
	for _, f := range h.files {
		if f.Base == n.Base && f.Generation == n.Generation {
			return f, messages.ChunkID{File: f.ID, Index: n.Index, Half: n.Half, Retry: n.Retry}, attempt, true
		}
	}
	return f, id, 0, false
}

// done reports whether the chunk of a batch id is done. One that ended in the very
// commit that hands it out again is sent all the same, because the hand-out is not waited for.
func (h *simHistory) done(batchID string) bool {
	f, id, _, ok := h.find(batchID)
	return ok && !h.isOpen(id) && id.Index < f.Cursor.Index
}

// committed checks a batch that took effect.
func (h *simHistory) committed(term messages.Term, b messages.Batch) {
	h.note("commit %d of term %d: %d files, %d chunks, %d dropped, %d attempts ended", b.Number, term.Number, len(b.Files), len(b.Chunks), len(b.DropChunks), len(b.Journal))
	if term.Number != h.term {
		h.violate("S8", "a commit of term %d in term %d", term.Number, h.term)
	}
	for _, v := range b.Values {
		if v.Name == messages.ValueDrained {
			h.drains(v.Value)
		}
	}
	h.steered(b)
	touched := map[messages.FileID]bool{}
	for _, f := range b.Files {
		h.frozen(f.ID)
		h.cancels(h.files[f.ID], *f, b.Chunks)
		h.limits(h.files[f.ID], *f)
		h.files[f.ID], h.records[f.ID], touched[f.ID] = *f, f, true
		h.ending(*f)
	}
	for _, id := range b.DropFiles {
		h.frozen(id)
		delete(h.files, id)
		delete(h.records, id)
	}
	chunks := slices.Clone(b.Chunks)
	slices.SortFunc(chunks, func(a, b messages.OpenChunk) int { return a.ID.Compare(b.ID) })
	for _, c := range chunks {
		h.chunk(c)
		touched[c.ID.File] = true
	}
	for _, id := range b.DropChunks {
		delete(h.open[id.File], id)
		touched[id.File] = true
	}
	for _, a := range b.Journal {
		if a.Outcome == "done" || a.Outcome == "late" {
			h.counted(a)
		}
		if a.Outcome == "recalled" {
			h.w.sometimes("a queued chunk goes to an idle worker")
		}
		if a.Outcome == "backup" {
			h.w.sometimes("a slow chunk is run by another worker as well")
		}
	}
	for _, id := range b.DropChunks {
		h.ended(id)
	}
	for _, id := range slices.Sorted(maps.Keys(touched)) {
		h.books(id)
	}
	h.capacities()
	h.stored(b.Offsets)
}

// chunk checks a record of a chunk.
func (h *simHistory) chunk(c messages.OpenChunk) {
	if former, ok := h.ranges[c.ID.File][c.ID]; ok && former != c.Chunk {
		h.violate("S9", "chunk %v was %+v and is %+v", c.ID, former, c.Chunk)
	}
	h.follows(c.Chunk)
	former, ok := h.open[c.ID.File][c.ID]
	if ok {
		if c.Attempt < former.Attempt || c.State == messages.ChunkAssigned && c.Attempt == former.Attempt && c.Worker != former.Worker {
			h.violate("S7", "chunk %v had attempt %d at %s and has attempt %d at %s", c.ID, former.Attempt, former.Worker, c.Attempt, c.Worker)
		}
	}
	put(h.ranges, c.ID, c.Chunk)
	put(h.open, c.ID, c)
	if c.IsRetry() && !c.State.Terminal() {
		h.retried[c.ID] = c.Positions()
	}
	if out(c) && (!ok || !out(former) || former.Attempt != c.Attempt) {
		h.assigned[h.batchID(c.ID, c.Attempt)+" "+string(c.Worker)] = time.Now()
		h.handedOut(c)
	}
}

func out(c messages.OpenChunk) bool {
	return c.State == messages.ChunkAssigned || c.State == messages.ChunkRunning
}

// counted checks a completion: the first of its chunk, by a result that is on the
// worker's disk and is what the file's range says.
func (h *simHistory) counted(a messages.Attempt) {
	for other := range h.accepted[a.Chunk.File] {
		if other == a.Chunk || overlap(a.Chunk, other) && withoutRetry(other) != withoutRetry(a.Chunk) {
			h.violate("S3", "chunk %v counts, and %v did before", a.Chunk, other)
		}
	}
	maps.DeleteFunc(h.ever[a.Chunk.File], func(other messages.ChunkID, _ simResult) bool {
		return overlap(a.Chunk, other) && (withoutRetry(other) != withoutRetry(a.Chunk) || other.Retry >= a.Chunk.Retry)
	})
	id := h.batchID(a.Chunk, a.Number)
	got, ok := h.w.stored(a.Worker, id)
	lines, failed := withoutMarks(got)
	if failed > 0 {
		h.w.sometimes("items of a chunk that is done failed")
	}
	f, c := h.files[a.Chunk.File], h.rangeOf(a)
	put(h.accepted, a.Chunk, simResult{got, c, h.w.records(a.Worker)})
	put(h.ever, a.Chunk, simResult{got, c, h.w.records(a.Worker)})
	data := h.w.versions[simVersion{f.Info.Path, f.Fingerprint}]
	switch {
	case !ok:
		h.violate("S15", "%s counts as done by %s, which has no result of it", id, a.Worker)
	case c.End() > int64(len(data)) || lines != strings.Join(h.pick(a, items(data[c.Offset:c.End()])), "\n"):
		h.violate("S15", "the result of %s at %s is not of its range", id, a.Worker)
	}
}

// rangeOf is the range of a chunk that ended. The commit that records it may be the one
// that hands the chunk out, when the answer was there already: then the range is only in
// the message that was answered, and its hash must be the one that the books have.
func (h *simHistory) rangeOf(a messages.Attempt) messages.Chunk {
	c, ok := h.ranges[a.Chunk.File][a.Chunk]
	if !ok && a.Chunk.Retry > 0 {
		return h.ranges[a.Chunk.File][withoutRetry(a.Chunk)]
	}
	m := h.ran[h.batchID(a.Chunk, a.Number)+" "+string(a.Worker)]
	own := messages.Chunk{ID: a.Chunk, Offset: m.Offset, Length: m.Length, FirstLine: m.FirstLine, Items: len(m.Data), Hash: a.Hash}
	if ok || m.Hash != own.Range().HashText() {
		return c
	}
	h.w.sometimes("a chunk is handed out and ends in one commit")
	h.follows(own)
	put(h.ranges, a.Chunk, own)
	return own
}

// items are the lines that are not blank.
func items(data []byte) (out []string) {
	for line := range bytes.Lines(data) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			out = append(out, string(line))
		}
	}
	return out
}

// books checks that a file's items are done, failed, dead or open.
func (h *simHistory) books(id messages.FileID) {
	f, ok := h.files[id]
	if !ok {
		return
	}
	waiting, failed, dead, cancelled := h.tally(id)
	if f.Items != f.DoneItems+f.FailedItems+f.DeadItems+f.CancelledItems+waiting || dead != f.DeadItems || failed != f.FailedItems || cancelled != f.CancelledItems {
		h.violate("S2", "%s: %d items, %d done, %d failed (results: %d), %d dead (chunks: %d), %d cancelled (chunks: %d), %d open",
			f.Base, f.Items, f.DoneItems, f.FailedItems, failed, f.DeadItems, dead, f.CancelledItems, cancelled, waiting)
	}
	digest, recorded, lines := h.digest(id)
	if len(h.accepted[id]) > 0 && (!f.Digested || f.Digest != digest || f.RecordedChunks != recorded || f.OutputLines != lines) {
		h.violate("S18", "%s: the digest is %x with %d results of %d lines, that of the %d chunks that were counted is %x with %d of %d", f.Base,
			f.Digest, f.RecordedChunks, f.OutputLines, len(h.accepted[id]), digest, recorded, lines)
	}
	if !f.Ended.IsZero() && waiting > 0 {
		h.violate("S4", "%s ended with %d items open", f.Base, waiting)
	}
}

// digest is the sum over the results that were counted, as docs/protocol.md defines it.
func (h *simHistory) digest(id messages.FileID) (sum uint64, recorded, output int64) {
	for chunk, r := range h.accepted[id] {
		if r.recorded {
			output += simLines(r.lines)
		}
		if chunk.Retry > 0 {
			continue
		}
		var text []byte
		for _, n := range []int64{int64(r.chunk.ID.Index), int64(r.chunk.ID.Half), r.chunk.Offset, r.chunk.Length, int64(r.chunk.Items), int64(r.chunk.Hash)} {
			text = binary.LittleEndian.AppendUint64(text, uint64(n))
		}
		sum += xxhash.Sum64(text)
		if r.recorded {
			recorded++
		}
	}
	return sum, recorded, output
}

// capacities checks that no worker has more live attempts than it takes.
func (h *simHistory) capacities() {
	live := map[messages.WorkerID]int{}
	for _, chunks := range h.open {
		for _, c := range chunks {
			if out(c) {
				live[c.Worker]++
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(live)) {
		n := live[id]
		if takes := h.w.takes(id); n > takes {
			h.violate("S10", "%s has %d live attempts and takes %d", id, n, takes)
		}
	}
}

// stored checks offsets of the worker topics: what lies before them has had its
// effect.
func (h *simHistory) stored(list []messages.Position) {
	for _, o := range slices.SortedFunc(slices.Values(list), func(a, b messages.Position) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	}) {
		at := place{o.Topic, o.Partition}
		from := h.offsets[at]
		h.offsets[at] = o.Offset
		l := h.w.kafka.logs[at]
		if o.Topic != h.w.cfg.SignalTopic || l == nil {
			continue
		}
		for n := max(from, l.base, l.torn); n < min(o.Offset, l.end()); n++ {
			h.effect(at, n, l.list[n-l.base])
		}
	}
}

// effect checks that a final message which counts as read ended its attempt.
func (h *simHistory) effect(at place, offset int64, r simRecord) {
	s, err := messages.DecodeSignal(r.value)
	if err != nil || !s.Final() || !h.w.speaks(s) {
		return
	}
	f, id, attempt, ok := h.find(s.BatchID)
	if !ok || r.at.Before(h.assigned[s.BatchID+" "+string(s.Worker)]) {
		return // it is about an attempt of that name which the store lost
	}
	c, open := h.open[f.ID][id]
	if open && out(c) && c.Attempt == attempt && c.Worker == s.Worker && (s.Hash == "" || s.Offset == c.Offset && s.Hash == c.Range().HashText()) {
		h.violate("S11", "the offset of %v is beyond %d, and %s is at %s still", at, offset, s.BatchID, s.Worker)
	}
}
