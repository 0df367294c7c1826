package infratest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"kafka-master/messages"
)

// exerciseRandom compares the store with a MemoryStore after every step of
// random leaders, batches, repeats and refusals. One store lasts for all runs,
// since making one may be slow; each run goes on from where the last one ended.
func exerciseRandom(t *testing.T, s Store) {
	p := &pair{store: s, model: NewMemoryStore(), term: lead(t, s, "0")}
	require.Equal(t, p.term, lead(t, p.model, "0"))
	steps := []func(*pair, *rapid.T){(*pair).commit, (*pair).commit, (*pair).repeat, (*pair).refused, (*pair).takeOver}
	rapid.Check(t, func(t *rapid.T) {
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			steps[rapid.IntRange(0, len(steps)-1).Draw(t, "step")](p, t)
			p.compare(t)
		}
	})
}

// pair is a store and its model, with what their writer knows.
type pair struct {
	store Store
	model *MemoryStore
	term  messages.Term
	last  messages.Batch
}

func (p *pair) commit(t *rapid.T) {
	b := drawBatch(t)
	b.Number, b.ID = p.last.Number+1, fmt.Sprint(rapid.Uint64().Draw(t, "id"))
	commit(t, p.store, p.term, b)
	commit(t, p.model, p.term, b)
	p.last = b
}

func (p *pair) repeat(t *rapid.T) {
	if p.last.Number > 0 {
		commit(t, p.store, p.term, p.last)
	}
}

func (p *pair) refused(t *rapid.T) {
	b := drawBatch(t)
	number := p.last.Number
	b.ID, b.Number = "refused", rapid.SampledFrom([]uint64{number + 2, number, number - 1}).Draw(t, "number")
	requireFenced(t, p.store.Commit(context.Background(), p.term, b), "wrong number")
}

func (p *pair) takeOver(t *rapid.T) {
	old, holder := p.term, fmt.Sprint(p.term.Number)
	p.term = succeed(t, p.store, old, holder)
	require.Equal(t, p.term, succeed(t, p.model, old, holder))
	late := values(p.last.Number+1, "late", "n", "x")
	requireFenced(t, p.store.Commit(context.Background(), old, late), "old term")
}

func (p *pair) compare(t *rapid.T) {
	require.Equal(t, load(t, p.model, p.term), load(t, p.store, p.term))
	want, err := p.model.Journal(context.Background(), 1, 5)
	require.NoError(t, err)
	got, err := p.store.Journal(context.Background(), 1, 5)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// drawBatch draws a small batch over few keys, so that puts and drops meet. No
// key is both put and dropped and none is put twice, as in a real batch.
func drawBatch(t *rapid.T) messages.Batch {
	var b messages.Batch
	n := rapid.IntRange(0, 1_000_000)
	for id := range messages.FileID(3) {
		switch rapid.IntRange(0, 3).Draw(t, "file") {
		case 0:
			f := exampleFile(id)
			f.Items, f.State = int64(n.Draw(t, "items")), messages.FileRunning
			b.Files = append(b.Files, f)
		case 1:
			b.DropFiles = append(b.DropFiles, id)
		}
	}
	for index := range 6 {
		switch rapid.IntRange(0, 3).Draw(t, "chunk") {
		case 0:
			c := exampleChunk(1, index)
			c.Attempt, c.Reason = n.Draw(t, "attempt"), rapid.String().Draw(t, "reason")
			b.Chunks = append(b.Chunks, c)
		case 1:
			b.DropChunks = append(b.DropChunks, messages.ChunkID{File: 1, Index: index})
		}
	}
	for _, id := range []messages.WorkerID{"a", "ß/1"} {
		switch rapid.IntRange(0, 3).Draw(t, "worker") {
		case 0:
			w := exampleWorker(id)
			w.Capacity = n.Draw(t, "capacity")
			b.Workers = append(b.Workers, w)
		case 1:
			b.DropWorkers = append(b.DropWorkers, id)
		}
	}
	drawRest(t, &b)
	return b
}

func drawRest(t *rapid.T, b *messages.Batch) {
	n := rapid.IntRange(0, 1_000_000)
	for partition := range rapid.Int32Range(0, 3).Draw(t, "offsets") {
		b.Offsets = append(b.Offsets, messages.Position{Topic: "t", Partition: partition, Offset: int64(n.Draw(t, "offset"))})
	}
	if rapid.Bool().Draw(t, "value") {
		b.Values = []messages.Value{{Name: "v", Value: rapid.String().Draw(t, "text")}}
	}
	for range rapid.IntRange(0, 3).Draw(t, "journal") {
		b.Journal = append(b.Journal, attempt(messages.FileID(rapid.IntRange(1, 2).Draw(t, "of")), n.Draw(t, "entry")))
	}
}
