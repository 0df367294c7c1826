package logstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync/atomic"

	"github.com/syndtr/goleveldb/leveldb/journal"

	"kafka-master/messages"
)

// log is the file that commits are appended to, in the framing of LevelDB's
// journal, which has a checksum for each record. Before the first record stands how
// many of them are known to be on disk: so a damage can be told from what a loss of
// power tore off.
type log struct {
	file   *os.File
	framed *journal.Writer
	last   uint64 // number of the last record, from 1
	size   int64
	synced atomic.Uint64 // number of the last record that is on disk
	broken atomic.Bool   // an append or a sync failed: what the file holds is not known
}

// errBroken is the answer of a log of which a write or a sync failed: a later sync
// that succeeds says nothing about what was lost then.
var errBroken = errors.New("a former write to the log failed")

// The header of a log: a name, the number of the last record that is on disk, and a
// checksum of both.
const (
	logMagic   = "kmlog1\r\n"
	headerSize = len(logMagic) + 8 + 4
)

func logHeader(synced uint64) []byte {
	b := binary.BigEndian.AppendUint64([]byte(logMagic), synced)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// readHeader returns the number in a log's header.
func readHeader(r io.Reader) (synced uint64, err error) {
	b := make([]byte, headerSize)
	if _, err := io.ReadFull(r, b); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, err
	}
	synced = binary.BigEndian.Uint64(b[len(logMagic):])
	if !bytes.Equal(b, logHeader(synced)) {
		return 0, fmt.Errorf("%w: its header is damaged", messages.ErrBadRecord)
	}
	return synced, nil
}

// createLog makes an empty log, which is on disk.
func createLog(path string) (*log, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
	if err != nil {
		return nil, err
	}
	if _, err = f.Write(logHeader(0)); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &log{file: f, framed: journal.NewWriter(f)}, nil
}

// append writes one record. After an error the log is broken.
func (l *log) append(payload []byte) error {
	frame := binary.AppendUvarint(nil, l.last+1)
	w, err := l.framed.Next()
	if err == nil {
		_, err = w.Write(append(frame, payload...))
	}
	if err == nil {
		err = l.framed.Flush()
	}
	if err != nil {
		l.broken.Store(true)
		return err
	}
	l.last++
	l.size += int64(len(payload))
	return nil
}

// sync puts everything up to the given place on disk; nothing is done when it is
// there. After an error the log is broken, since nobody knows what the system threw
// away. It may run beside append.
func (l *log) sync(upTo uint64) error {
	if l.broken.Load() {
		return errBroken
	}
	if l.synced.Load() >= upTo {
		return nil
	}
	err := l.file.Sync()
	if err == nil {
		// The header gets on disk with the next sync at the latest.
		_, err = l.file.WriteAt(logHeader(upTo), 0)
	}
	if err != nil {
		l.broken.Store(true)
		return err
	}
	l.synced.Store(upTo)
	return nil
}

// close puts the log on disk, and in its header that all of it is.
func (l *log) close() error {
	err := l.sync(l.last)
	if err == nil {
		err = l.file.Sync()
	}
	return errors.Join(err, l.file.Close())
}

// dropper notes that a reader steps over bytes that are no record.
type dropper struct{ dropped *bool }

// Drop implements journal.Dropper.
func (d dropper) Drop(error) { *d.dropped = true }

// replay hands over the records of a log in their order. torn says that its end is
// no whole record: a crash cut it off. A log that does not exist is empty. A damage
// that no crash leaves is an error that wraps messages.ErrBadRecord.
func replay(path string, apply func(payload []byte) error) (torn bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	synced, err := readHeader(f)
	if err != nil {
		return false, err
	}
	r := journal.NewReader(f, dropper{&torn}, false, true)
	next := uint64(1)
	for {
		record, err := readRecord(r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // which is a record of which a part is missing
			return torn, err
		}
		in := reader{rest: record}
		if torn = torn || err != nil || in.number() != next; torn {
			continue // Nothing behind a hole counts.
		}
		if err := apply(in.rest); err != nil {
			return false, fmt.Errorf("record %d: %w", next, err)
		}
		next++
	}
	if next <= synced {
		return torn, fmt.Errorf("%w: record %d of %d is damaged", messages.ErrBadRecord, next, synced)
	}
	return torn, nil
}

func readRecord(r *journal.Reader) ([]byte, error) {
	frame, err := r.Next()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(frame)
}
