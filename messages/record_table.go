package messages

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// Table is the name of a table of keyed records in a store.
type Table string

// The tables of a store, one for each list of a Snapshot. The comments name key and
// record.
const (
	TableFiles   Table = "files"   // FileID.Key, File.EncodeRecord
	TableChunks  Table = "chunks"  // ChunkID.Key, OpenChunk.EncodeRecord
	TableWorkers Table = "workers" // worker id, Worker.EncodeRecord
	TableOffsets Table = "offsets" // Position.Key, offset in decimal
	TableValues  Table = "values"  // name, value
)

// Tables lists all tables.
func Tables() []Table {
	return []Table{TableFiles, TableChunks, TableWorkers, TableOffsets, TableValues}
}

// TableWrite holds the writes of a batch to one table. The puts come before the drops.
type TableWrite struct {
	Table   Table
	Keys    []string // keys to put
	Records [][]byte // record of each key to put
	Drops   []string // keys to delete
}

func (w *TableWrite) put(key string, record []byte) {
	w.Keys, w.Records = append(w.Keys, key), append(w.Records, record)
}

// TableWrites returns the encoded writes of the batch for each table that it changes.
// The journal is not a table.
func (b Batch) TableWrites() []TableWrite {
	files, chunks := TableWrite{Table: TableFiles}, TableWrite{Table: TableChunks}
	workers, offsets := TableWrite{Table: TableWorkers}, TableWrite{Table: TableOffsets}
	values := TableWrite{Table: TableValues}
	for _, f := range b.Files {
		files.put(f.ID.Key(), f.EncodeRecord())
	}
	for _, id := range b.DropFiles {
		files.Drops = append(files.Drops, id.Key())
	}
	for _, c := range b.Chunks {
		chunks.put(c.ID.Key(), c.EncodeRecord())
	}
	for _, id := range b.DropChunks {
		chunks.Drops = append(chunks.Drops, id.Key())
	}
	for _, w := range b.Workers {
		workers.put(string(w.ID), w.EncodeRecord())
	}
	for _, id := range b.DropWorkers {
		workers.Drops = append(workers.Drops, string(id))
	}
	for _, p := range b.Offsets {
		offsets.put(p.Key(), strconv.AppendInt(nil, p.Offset, 10))
	}
	for _, v := range b.Values {
		values.put(v.Name, []byte(v.Value))
	}
	return slices.DeleteFunc([]TableWrite{files, chunks, workers, offsets, values}, func(w TableWrite) bool {
		return len(w.Keys)+len(w.Drops) == 0
	})
}

// AddRecord decodes a stored record and adds it to the snapshot. Its error wraps
// ErrBadRecord and names table and key.
func (s *Snapshot) AddRecord(table Table, key string, record []byte) error {
	if err := s.addRecord(table, key, record); err != nil {
		return fmt.Errorf("table %s, key %.256q: %w", table, key, err)
	}
	return nil
}

func (s *Snapshot) addRecord(table Table, key string, record []byte) error {
	switch table {
	case TableFiles:
		id, err := ParseFileKey(key)
		if err != nil {
			return err
		}
		f, err := DecodeFile(id, record)
		if err == nil {
			s.Files = append(s.Files, &f)
		}
		return err
	case TableChunks:
		id, err := ParseChunkKey(key)
		if err != nil {
			return err
		}
		return addDecoded(&s.Chunks)(DecodeOpenChunk(id, record))
	case TableWorkers:
		return addDecoded(&s.Workers)(DecodeWorker(WorkerID(key), record))
	case TableOffsets:
		return addDecoded(&s.Offsets)(ParsePosition(key, string(record)))
	case TableValues:
		if s.Values == nil {
			s.Values = map[string]string{}
		}
		s.Values[key] = string(record)
		return nil
	}
	return fmt.Errorf("%w: unknown table", ErrBadRecord)
}

func addDecoded[T any](list *[]T) func(T, error) error {
	return func(v T, err error) error {
		if err == nil {
			*list = append(*list, v)
		}
		return err
	}
}

// SortRecords sorts the snapshot's lists: files by ID, chunks by their ids,
// workers by ID, offsets by topic and partition.
func (s *Snapshot) SortRecords() {
	slices.SortFunc(s.Files, func(a, b *File) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(s.Chunks, func(a, b OpenChunk) int { return a.ID.Compare(b.ID) })
	slices.SortFunc(s.Workers, func(a, b Worker) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(s.Offsets, func(a, b Position) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
}
