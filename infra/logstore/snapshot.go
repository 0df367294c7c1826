package logstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/syndtr/goleveldb/leveldb/journal"

	"kafka-master/messages"
)

// A snapshot has the format of LevelDB's journal too: a record with the number of the
// layout and the head, records with some hundred entries each, and a last record with the
// number of entries.
const (
	layout          = 1
	entriesOfRecord = 256
)

// writeSnapshot writes the file under another name, syncs and renames it, so that
// it is there as a whole or not at all. It is own code, since renameio does not build
// for Windows and may write into TMPDIR, where sweep would not find what a crash left.
func writeSnapshot(path string, s *state) error {
	f, err := os.CreateTemp(filepath.Dir(path), unfinished+"*") // its mode is fileMode
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // unless it was renamed
	err = errors.Join(encodeSnapshot(f, s), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

func encodeSnapshot(out io.Writer, s *state) error {
	w := snapshotWriter{framed: journal.NewWriter(out)}
	w.record(appendHead(binary.AppendUvarint(nil, layout), s.head))
	var part messages.TableWrite
	s.each(func(table messages.Table, key string, record []byte) {
		if table != part.Table || len(part.Keys) == entriesOfRecord {
			w.entries(change{tables: []messages.TableWrite{part}})
			part = messages.TableWrite{Table: table, Keys: part.Keys[:0], Records: part.Records[:0]}
		}
		part.Keys, part.Records = append(part.Keys, key), append(part.Records, record)
	})
	w.entries(change{tables: []messages.TableWrite{part}})
	for part := range slices.Chunk(s.journal, entriesOfRecord) {
		w.entries(change{journal: part})
	}
	w.record(binary.AppendUvarint(nil, w.count))
	return errors.Join(w.err, w.framed.Close())
}

// snapshotWriter writes records until an error occurs.
type snapshotWriter struct {
	framed *journal.Writer
	count  uint64 // number of entries
	err    error
}

func (w *snapshotWriter) entries(c change) {
	if n := c.entries(); n > 0 {
		w.count += n
		w.record(appendChange(nil, c))
	}
}

func (w *snapshotWriter) record(b []byte) {
	if w.err != nil {
		return
	}
	out, err := w.framed.Next()
	if err == nil {
		_, err = out.Write(b)
	}
	w.err = err
}

// readSnapshot reads a file of writeSnapshot. An unexpected content is an error that wraps
// messages.ErrBadRecord.
func readSnapshot(path string) (*state, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := journal.NewReader(f, nil, true, true)
	first, err := nextRecord(in)
	if err != nil {
		return nil, err
	}
	if n := first.Number(); n != layout {
		return nil, fmt.Errorf("%w: layout %d, this program reads %d: use the program that wrote it, or another DATA_DIR", messages.ErrBadRecord, n, layout)
	}
	s := newState()
	s.head = readHead(first)
	if err := checkEnd(first, "head"); err != nil {
		return nil, err
	}
	for entries := uint64(0); ; {
		record, err := nextRecord(in)
		if err != nil {
			return nil, err
		}
		// The last record is a single number; a change consists of at least two.
		if end := *record; end.Number() == entries && end.Complete() {
			return s, nil
		}
		c := readChange(record)
		if err := checkEnd(record, "entries"); err != nil {
			return nil, err
		}
		entries += c.entries()
		s.apply(c, nil)
	}
}

func nextRecord(in *journal.Reader) (*messages.RecordReader, error) {
	record, err := readRecord(in)
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: its end is missing", messages.ErrBadRecord)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %v", messages.ErrBadRecord, err)
	}
	return &messages.RecordReader{Rest: record}, nil
}
