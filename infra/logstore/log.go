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

// log is the file to which commits are appended. Its records have the format of LevelDB's
// journal, which includes a checksum. A header states how many records are known to be on
// disk, which distinguishes damage from records that a loss of power cut off.
type log struct {
	file   *os.File
	framed *journal.Writer
	last   uint64 // number of the last record, from 1
	size   int64
	synced atomic.Uint64 // number of the last record that is on disk
	syncs  atomic.Uint64 // number of syncs since the log was created
	broken atomic.Bool   // an append or a sync failed, so the content of the file is not known
}

// errBroken is the error of a log after a failed write or sync. A later sync that
// succeeds does not prove that earlier records are on disk.
var errBroken = errors.New("an earlier write to the log failed")

// The header of a log consists of a name, the number of the last record that is on disk,
// and a checksum of both.
const (
	logMagic   = "kmlog1\r\n"
	headerSize = len(logMagic) + 8 + 4
)

func logHeader(synced uint64) []byte {
	b := binary.BigEndian.AppendUint64([]byte(logMagic), synced)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// readHeader returns the number in the header of a log.
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

// createLog creates an empty log and syncs it.
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

// append writes a record. After an error the log is broken.
func (l *log) append(payload []byte) error {
	w, err := l.framed.Next()
	if err == nil {
		_, err = w.Write(binary.AppendUvarint(nil, l.last+1))
	}
	if err == nil {
		_, err = w.Write(payload)
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

// sync ensures that the records up to the given number are on disk. After an error the
// log is broken, since the system may have dropped any of them. It may run concurrently
// with append.
func (l *log) sync(upTo uint64) error {
	if l.broken.Load() {
		return errBroken
	}
	if l.synced.Load() >= upTo {
		return nil
	}
	l.syncs.Add(1)
	err := l.file.Sync()
	if err == nil {
		// The next sync writes the header to the disk at the latest.
		_, err = l.file.WriteAt(logHeader(upTo), 0)
	}
	if err != nil {
		l.broken.Store(true)
		return err
	}
	l.synced.Store(upTo)
	return nil
}

// close syncs the log and then its header.
func (l *log) close() error {
	err := l.sync(l.last)
	if err == nil {
		err = l.file.Sync()
	}
	return errors.Join(err, l.file.Close())
}

// dropper records that a reader skipped bytes that are not a record.
type dropper struct{ dropped *bool }

// Drop implements journal.Dropper.
func (d dropper) Drop(error) { *d.dropped = true }

// replay passes the records of a log to apply, in order. torn reports that the log ends
// with an incomplete record, which a crash has left. A log that does not exist is empty.
// Damage that a crash cannot cause is an error that wraps messages.ErrBadRecord.
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
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // that error means an incomplete record
			return torn, err
		}
		in := messages.RecordReader{Rest: record}
		if torn = torn || err != nil || in.Number() != next; torn {
			continue // records after a gap do not count
		}
		if err := apply(in.Rest); err != nil {
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
