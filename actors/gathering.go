package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// gathering collects writes until the store can take the next batch. For each
// key the newest write wins.
type gathering struct {
	files    map[messages.FileID]*messages.File // nil: drop
	chunks   map[messages.ChunkID]*messages.OpenChunk
	workers  map[messages.WorkerID]*messages.Worker
	offsets  map[place]int64
	marks    map[place]int64 // offsets that are worth no commit of their own
	values   map[string]string
	attempts []messages.Attempt
	after    []notice
}

type place struct {
	topic     string
	partition int32
}

func (g *gathering) empty() bool {
	return len(g.files)+len(g.chunks)+len(g.workers)+len(g.offsets)+len(g.values)+len(g.attempts) == 0
}

func set[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[k] = v
}

func (g *gathering) add(b messages.Batch) {
	for i := range b.Files {
		set(&g.files, b.Files[i].ID, &b.Files[i])
	}
	for _, id := range b.DropFiles {
		set(&g.files, id, nil)
	}
	// A chunk is dropped after it was put, never the other way round: a done
	// or forgotten chunk does not come back. Puts of one chunk are in order.
	for i := range b.Chunks {
		set(&g.chunks, b.Chunks[i].ID, &b.Chunks[i])
	}
	for _, id := range b.DropChunks {
		set(&g.chunks, id, nil)
	}
	for i := range b.Workers {
		set(&g.workers, b.Workers[i].ID, &b.Workers[i])
	}
	for _, id := range b.DropWorkers {
		set(&g.workers, id, nil)
	}
	for _, o := range b.Offsets {
		set(&g.offsets, place{o.Topic, o.Partition}, o.Offset)
	}
	for _, v := range b.Values {
		set(&g.values, v.Name, v.Value)
	}
	g.attempts = append(g.attempts, b.Journal...)
}

func (g *gathering) mark(list []messages.Position) {
	for _, o := range list {
		set(&g.marks, place{o.Topic, o.Partition}, o.Offset)
	}
}

// batch returns what was gathered, without number and id.
func (g *gathering) batch() messages.Batch {
	var b messages.Batch
	for id, f := range g.files {
		if f == nil {
			b.DropFiles = append(b.DropFiles, id)
		} else {
			b.Files = append(b.Files, *f)
		}
	}
	for id, c := range g.chunks {
		if c == nil {
			b.DropChunks = append(b.DropChunks, id)
		} else {
			b.Chunks = append(b.Chunks, *c)
		}
	}
	for id, w := range g.workers {
		if w == nil {
			b.DropWorkers = append(b.DropWorkers, id)
		} else {
			b.Workers = append(b.Workers, *w)
		}
	}
	for _, offsets := range []map[place]int64{g.offsets, g.marks} {
		for at, offset := range offsets {
			b.Offsets = append(b.Offsets, messages.Position{Topic: at.topic, Partition: at.partition, Offset: offset})
		}
	}
	for name, value := range g.values {
		b.Values = append(b.Values, messages.Value{Name: name, Value: value})
	}
	b.Journal = g.attempts
	return b
}

// notify sends the notices of a gathering that has nothing to commit.
func (g *gathering) notify(ctx actor.Context) {
	after := g.after
	g.after = nil
	for _, n := range after {
		ctx.Send(n.to, n.msg)
	}
}
