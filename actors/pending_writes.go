package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// pendingWrites are the writes that wait for the next commit. For each key the newest
// write wins.
type pendingWrites struct {
	files    map[messages.FileID]*messages.File // nil drops the file; the same holds for chunks and workers
	chunks   map[messages.ChunkID]*messages.OpenChunk
	workers  map[messages.WorkerID]*messages.Worker
	offsets  map[place]int64
	marks    map[place]int64 // offsets that do not cause a commit of their own
	values   map[string]string
	attempts []messages.Attempt
	after    []notice
}

// place is a partition of a topic.
type place struct {
	topic     string
	partition int32
}

// empty reports whether there is nothing that has to be committed.
func (w *pendingWrites) empty() bool {
	return len(w.files)+len(w.chunks)+len(w.workers)+len(w.offsets)+len(w.values)+len(w.attempts) == 0
}

func set[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[k] = v
}

// add adds the writes of a batch.
func (w *pendingWrites) add(b messages.Batch) {
	for _, f := range b.Files {
		set(&w.files, f.ID, f)
	}
	for _, id := range b.DropFiles {
		set(&w.files, id, nil)
	}
	// A chunk is dropped after it was put, never the other way round, because a done or
	// forgotten chunk does not come back. Puts of one chunk arrive in order.
	for i := range b.Chunks {
		set(&w.chunks, b.Chunks[i].ID, &b.Chunks[i])
	}
	for _, id := range b.DropChunks {
		set(&w.chunks, id, nil)
	}
	for i := range b.Workers {
		set(&w.workers, b.Workers[i].ID, &b.Workers[i])
	}
	for _, id := range b.DropWorkers {
		set(&w.workers, id, nil)
	}
	for _, o := range b.Offsets {
		at := place{o.Topic, o.Partition}
		set(&w.offsets, at, o.Offset)
		delete(w.marks, at)
	}
	for _, v := range b.Values {
		set(&w.values, v.Name, v.Value)
	}
	w.attempts = append(w.attempts, b.Journal...)
}

// addMarks adds offsets that do not cause a commit of their own.
func (w *pendingWrites) addMarks(list []messages.Position) {
	for _, o := range list {
		at := place{o.Topic, o.Partition}
		if _, ok := w.offsets[at]; ok {
			w.offsets[at] = o.Offset
		} else {
			set(&w.marks, at, o.Offset)
		}
	}
}

// batch returns the writes as a batch without number and id.
func (w *pendingWrites) batch() messages.Batch {
	var b messages.Batch
	for id, f := range w.files {
		if f == nil {
			b.DropFiles = append(b.DropFiles, id)
		} else {
			b.Files = append(b.Files, f)
		}
	}
	for id, c := range w.chunks {
		if c == nil {
			b.DropChunks = append(b.DropChunks, id)
		} else {
			b.Chunks = append(b.Chunks, *c)
		}
	}
	for id, worker := range w.workers {
		if worker == nil {
			b.DropWorkers = append(b.DropWorkers, id)
		} else {
			b.Workers = append(b.Workers, *worker)
		}
	}
	for _, offsets := range []map[place]int64{w.offsets, w.marks} {
		for at, offset := range offsets {
			b.Offsets = append(b.Offsets, messages.Position{Topic: at.topic, Partition: at.partition, Offset: offset})
		}
	}
	for name, value := range w.values {
		b.Values = append(b.Values, messages.Value{Name: name, Value: value})
	}
	b.Journal = w.attempts
	return b
}

// notify sends the notices of writes that need no commit.
func (w *pendingWrites) notify(ctx actor.Context) {
	after := w.after
	w.after = nil
	for _, n := range after {
		ctx.Send(n.to, n.msg)
	}
}
