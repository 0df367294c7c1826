package actors

import (
	"maps"
	"slices"

	"kafka-master/messages"
)

// mirror is a copy of what the store holds after the last acknowledged commit. It allows
// the state to be restored into a store that lost everything.
type mirror struct {
	term    messages.Term
	number  uint64
	files   map[messages.FileID]*messages.File
	chunks  map[messages.ChunkID]messages.OpenChunk
	workers map[messages.WorkerID]messages.Worker
	offsets map[place]int64
	values  map[string]string
}

func newMirror(term messages.Term, s messages.Snapshot) *mirror {
	m := &mirror{
		term: term, files: map[messages.FileID]*messages.File{}, chunks: map[messages.ChunkID]messages.OpenChunk{},
		workers: map[messages.WorkerID]messages.Worker{}, offsets: map[place]int64{}, values: map[string]string{},
	}
	m.apply(s.Batch())
	return m
}

// apply applies a committed batch.
func (m *mirror) apply(b messages.Batch) {
	m.number = b.Number
	for _, f := range b.Files {
		m.files[f.ID] = f
	}
	for _, id := range b.DropFiles {
		delete(m.files, id)
	}
	for _, c := range b.Chunks {
		m.chunks[c.ID] = c
	}
	for _, id := range b.DropChunks {
		delete(m.chunks, id)
	}
	for _, w := range b.Workers {
		m.workers[w.ID] = w
	}
	for _, id := range b.DropWorkers {
		delete(m.workers, id)
	}
	for _, o := range b.Offsets {
		m.offsets[place{o.Topic, o.Partition}] = o.Offset
	}
	for _, v := range b.Values {
		m.values[v.Name] = v.Value
	}
}

// snapshot returns a copy of the state.
func (m *mirror) snapshot() messages.Snapshot {
	s := messages.Snapshot{
		Number: m.number, Files: slices.Collect(maps.Values(m.files)), Chunks: slices.Collect(maps.Values(m.chunks)),
		Workers: slices.Collect(maps.Values(m.workers)), Values: maps.Clone(m.values),
	}
	for at, offset := range m.offsets {
		s.Offsets = append(s.Offsets, messages.Position{Topic: at.topic, Partition: at.partition, Offset: offset})
	}
	return s
}
