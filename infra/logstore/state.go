package logstore

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"kafka-master/messages"
)

// state is the content of the store: records by table and key, and the journal, oldest
// attempt first. A record is never changed in place.
type state struct {
	head head
	// files are the records of files, which are shared with everything else that remembers
	// them: there may be very many. The table has only those that cannot be decoded.
	files   map[messages.FileID]*messages.File
	tables  map[messages.Table]map[string][]byte
	journal [][]byte
}

func newState() *state {
	s := &state{files: map[messages.FileID]*messages.File{}, tables: map[messages.Table]map[string][]byte{}}
	for _, name := range messages.Tables() {
		s.tables[name] = map[string][]byte{}
	}
	return s
}

// apply applies a change. It copies the records, since they share memory with everything
// that was read or encoded together with them. files are those that the change puts, or nil
// to decode them.
func (s *state) apply(c change, files []*messages.File) {
	for _, w := range c.tables {
		if w.Table == messages.TableFiles {
			s.applyFiles(w, files)
			continue
		}
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

// applyFiles applies a change of files.
func (s *state) applyFiles(w messages.TableWrite, files []*messages.File) {
	for i, key := range w.Keys {
		if files == nil {
			s.putFile(key, w.Records[i])
		} else {
			s.files[files[i].ID] = files[i]
		}
	}
	for _, key := range w.Drops {
		delete(s.tables[messages.TableFiles], key)
		if id, err := messages.ParseFileKey(key); err == nil {
			delete(s.files, id)
		}
	}
}

// putFile puts an encoded file. One that cannot be decoded stays as it is, and Load reports it.
func (s *state) putFile(key string, record []byte) {
	undecoded := s.tables[messages.TableFiles]
	id, err := messages.ParseFileKey(key)
	if err == nil {
		var f messages.File
		if f, err = messages.DecodeFile(id, record); err == nil {
			s.files[id] = &f
			delete(undecoded, key)
			return
		}
		delete(s.files, id)
	}
	undecoded[key] = bytes.Clone(record)
}

// each passes every record to do, one table after the other.
func (s *state) each(do func(table messages.Table, key string, record []byte)) {
	for _, name := range messages.Tables() {
		for key, record := range s.tables[name] {
			do(name, key, record)
		}
		if name == messages.TableFiles {
			for id, f := range s.files {
				do(name, id.Key(), f.EncodeRecord())
			}
		}
	}
}

// snapshot decodes every record of the tables.
func (s *state) snapshot() (messages.Snapshot, error) {
	snap := messages.Snapshot{Number: s.head.number, Files: slices.Collect(maps.Values(s.files)), Values: map[string]string{}}
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

// fileSize is the approximate size of a file's record.
const fileSize = 500

// size returns the approximate size of a snapshot in bytes.
func (s *state) size() (n int64) {
	n = int64(len(s.files)) * fileSize
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
