package actors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

// tail is the end of the chunk topic: what former leaders sent and workers may still read.
// A new leader reads it before it draws any conclusion about a worker.
type tail struct {
	// from is the first offset that was read in each partition. It is UnknownOffset where
	// classic workers may still read records before it, and where nothing can be read.
	from  []int64
	sends []pastSend
	// unread are the partitions that cannot be read now.
	unread messages.PartitionErrors
	// unmarked are the ends of partitions for which no mark is stored.
	unmarked []messages.Position
}

// pastSend is a chunk message of a former leader.
type pastSend struct {
	worker    messages.WorkerID
	batchID   string
	partition int32
	offset    int64
	unread    bool // the classic workers' group has not committed an offset beyond it
}

// holding is a chunk that a worker had when a term began.
type holding struct {
	ledger.Assignment
	partition int32
	offset    int64 // offset of its message, UnknownOffset when that is not known
	gone      bool  // taken back from the worker, which may still read its message
}

// maxTail bounds the messages that are read of a partition. There may be more when classic
// workers were away while others were busy.
const maxTail = 2000

// tailReader reads the tail of the chunk topic.
type tailReader struct {
	cfg    Config
	in     Consumer
	groups Groups
	snap   messages.Snapshot
	only   messages.PartitionErrors // partitions to read, nil for all
	// tolerant leaves a partition unread that has a leader but fails.
	tolerant bool
}

// read reads the tail. It fails when no partition can be read, and unless tolerant also
// when one cannot that has a leader.
func (r tailReader) read(ctx context.Context) (tail, error) {
	unread := messages.PartitionErrors{}
	start, end, err := r.in.Offsets(ctx, r.cfg.ChunkTopic)
	if err != nil && !errors.As(err, &unread) {
		return tail{}, fmt.Errorf("read the ends of %s: %w", r.cfg.ChunkTopic, err)
	}
	committed, err := r.committed(ctx)
	if err != nil {
		return tail{}, err
	}
	out := tail{from: r.begin(start, end, committed), unmarked: r.unmarked(end), unread: maps.Clone(unread)}
	next := map[int32]int64{}
	for p, from := range out.from {
		if _, wanted := r.only[int32(p)]; r.only != nil && !wanted {
			continue
		}
		if from < end[p] {
			next[int32(p)] = from
		}
		if low := end[p] - maxTail; from < low {
			next[int32(p)], out.from[p] = low, messages.UnknownOffset
		}
	}
	for len(next) > 0 {
		if err := r.fetch(ctx, next, end, &out); err != nil {
			return tail{}, fmt.Errorf("read the tail of %s: %w", r.cfg.ChunkTopic, err)
		}
	}
	for i, s := range out.sends {
		p := int(s.partition)
		out.sends[i].unread = p < len(committed) && committed[p] >= 0 && committed[p] <= s.offset
	}
	return out, nil
}

// committed returns the committed offsets of the classic workers' group. They are nil when
// it has no members, because then nobody reads what is there. A group that cannot be read
// is an error only where classic workers are known.
func (r tailReader) committed(ctx context.Context) ([]int64, error) {
	group, err := r.groups.Find(ctx, r.cfg.ChunkTopic, r.cfg.WorkerGroup)
	classic := slices.ContainsFunc(r.snap.Workers, func(w messages.Worker) bool { return w.Kind == messages.Classic })
	if err != nil && !classic {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find the workers' group: %w", err)
	}
	if len(group.Members) == 0 {
		return nil, nil
	}
	offsets, err := r.groups.Committed(ctx, group.Name, r.cfg.ChunkTopic)
	if err != nil {
		return nil, fmt.Errorf("read committed offsets: %w", err)
	}
	return offsets, nil
}

// begin returns the offsets to read from: those behind the last send that is known to be
// acknowledged, or those of the first message that a classic worker has not committed.
func (r tailReader) begin(start, end, committed []int64) []int64 {
	from := append([]int64(nil), end...)
	for _, o := range r.snap.Offsets {
		if o.Topic == r.cfg.ChunkTopic && int(o.Partition) < len(from) {
			from[o.Partition] = o.Offset
			if o.Offset > end[o.Partition] { // records were lost: those that are there may be newer
				from[o.Partition] = start[o.Partition]
			}
		}
	}
	for _, w := range r.snap.Workers {
		for _, p := range w.Partitions {
			if w.Kind == messages.Classic && int(p) < len(from) && int(p) < len(committed) && committed[p] >= 0 {
				from[p] = min(from[p], committed[p])
			}
		}
	}
	for p := range from {
		from[p] = max(from[p], start[p])
	}
	return from
}

// unmarked returns the ends of the partitions that have no mark yet. They are stored as
// marks before the first send. Otherwise a store that loses the commit of that send would
// not know where to find it, and its attempt number would be given again.
func (r tailReader) unmarked(end []int64) (out []messages.Position) {
	marked := map[int32]bool{}
	for _, o := range r.snap.Offsets {
		marked[o.Partition] = marked[o.Partition] || o.Topic == r.cfg.ChunkTopic
	}
	for p, offset := range end {
		if !marked[int32(p)] && offset >= 0 {
			out = append(out, messages.Position{Topic: r.cfg.ChunkTopic, Partition: int32(p), Offset: offset})
		}
	}
	return out
}

// fetch reads once from every leader and advances next.
func (r tailReader) fetch(ctx context.Context, next map[int32]int64, end []int64, out *tail) error {
	leaders := map[int32][]messages.Position{}
	for p, offset := range next {
		l := r.in.Leader(r.cfg.ChunkTopic, p)
		leaders[l] = append(leaders[l], messages.Position{Topic: r.cfg.ChunkTopic, Partition: p, Offset: offset})
	}
	for _, l := range slices.Sorted(maps.Keys(leaders)) {
		list, err := r.in.Fetch(ctx, leaders[l], fetchWait)
		if err != nil {
			for _, at := range leaders[l] {
				list = append(list, messages.Fetched{Position: at, Err: err})
			}
		}
		for _, f := range list {
			if f.Err != nil {
				out.unread[f.Partition], out.from[f.Partition] = f.Err, messages.UnknownOffset
				delete(next, f.Partition)
				if !r.tolerant || len(out.unread) == len(end) {
					return f.Err
				}
				continue
			}
			for _, rec := range f.Records {
				out.add(f.Partition, rec)
			}
			if next[f.Partition] = f.Offset; f.Offset >= end[f.Partition] {
				delete(next, f.Partition)
			}
		}
	}
	return ctx.Err()
}

// add adds a message, if it is a chunk.
func (t *tail) add(partition int32, rec messages.Received) {
	var m struct {
		ID      messages.WorkerID `json:"id"`
		BatchID string            `json:"batchId"`
	}
	if json.Unmarshal(rec.Value, &m) != nil || m.ID == "" || m.BatchID == "" {
		return
	}
	t.sends = append(t.sends, pastSend{worker: m.ID, batchID: m.BatchID, partition: partition, offset: rec.Offset})
}

// holdings returns what each worker holds in the stored state, with the offsets of the
// messages, and what classic workers will read besides.
func (t *tail) holdings(snap messages.Snapshot) map[messages.WorkerID][]holding {
	type key struct {
		worker messages.WorkerID
		batch  string
	}
	last := map[key]pastSend{}
	for _, s := range t.sends {
		last[key{s.worker, s.batchID}] = s
	}
	out := map[messages.WorkerID][]holding{}
	partitions, classic := map[messages.WorkerID]int32{}, map[messages.WorkerID]bool{}
	for _, w := range snap.Workers {
		classic[w.ID] = w.Kind == messages.Classic
		if len(w.Partitions) > 0 {
			partitions[w.ID] = w.Partitions[0]
		}
	}
	live := map[pastSend]bool{}
	for id, list := range heldBy(snap) {
		for _, a := range list {
			h := holding{Assignment: a, partition: partitions[id], offset: messages.UnknownOffset}
			if s, ok := last[key{id, a.BatchID}]; ok {
				h.partition, h.offset, live[s] = s.partition, s.offset, true
			} else if p := int(h.partition); p < len(t.from) && t.from[p] >= 0 && (!classic[id] || len(t.unread) == 0) {
				h.offset = t.from[p] - 1 // it is before that, or was never written
			}
			out[id] = append(out[id], h)
		}
	}
	for _, s := range t.sends {
		if s.unread && classic[s.worker] && !live[s] {
			out[s.worker] = append(out[s.worker], holding{
				Assignment: ledger.Assignment{Worker: s.worker, BatchID: s.batchID}, partition: s.partition, offset: s.offset, gone: true,
			})
		}
	}
	return out
}
