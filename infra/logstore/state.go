package logstore

import (
	"bytes"
	"fmt"

	"kafka-master/messages"
)

// state is the content of the store: records by table and key, and the journal, oldest
// attempt first. A record is never changed in place.
type state struct {
	head    head
	tables  map[messages.Table]map[string][]byte
	journal [][]byte
}

func newState() *state {
	s := &state{tables: map[messages.Table]map[string][]byte{}}
	for _, name := range messages.Tables() {
		s.tables[name] = map[string][]byte{}
	}
	return s
}

// apply applies a change. It copies the records, since they share memory with everything
// that was read or encoded together with them.
func (s *state) apply(c change) {
	for _, w := range c.tables {
		for i, key := range w.Keys {
			s.tables[w.Table][key] = bytes.Clone(w.Records[i])
		}
		for _, key := range w.Drops {
			delete(s.tables[w.Table], key)
		}
	}
	for _, record := range c.journal {
		s.journal = append(s.journal, bytes.Clone(record))
	}
	s.journal = s.journal[max(0, len(s.journal)-messages.JournalCap):]
}

// snapshot decodes every record of the tables.
func (s *state) snapshot() (messages.Snapshot, error) {
	snap := messages.Snapshot{Number: s.head.number, Values: map[string]string{}}
	for _, name := range messages.Tables() {
		for key, record := range s.tables[name] {
			if err := snap.AddRecord(name, key, record); err != nil {
				return messages.Snapshot{}, fmt.Errorf("load: %w", err)
			}
		}
	}
	snap.SortRecords()
	return snap, nil
}

// size returns the approximate size of a snapshot in bytes.
func (s *state) size() (n int64) {
	for _, table := range s.tables {
		for key, record := range table {
			n += int64(len(key) + len(record) + 4)
		}
	}
	for _, record := range s.journal {
		n += int64(len(record) + 2)
	}
	return n
}

// attempts returns the newest attempts of the file, newest first, at most limit.
func (s *state) attempts(file messages.FileID, limit int) ([]messages.Attempt, error) {
	var list []messages.Attempt
	for i := len(s.journal) - 1; i >= 0 && len(list) < limit; i-- {
		a, err := messages.DecodeAttempt(s.journal[i])
		if err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		if a.Chunk.File == file {
			list = append(list, a)
		}
	}
	return list, nil
}
