package messages

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ErrBadRecord is the error of stored bytes that are not the expected record: a later
// version of the program wrote them, or they were cut or overwritten.
var ErrBadRecord = errors.New("stored record cannot be read")

// chunkRecordVersion is the first byte of an OpenChunk record. These records are
// binary, since there may be hundreds of thousands of them. Records of earlier versions can
// still be read: version 1 lacks Handouts and Ahead, version 2 lacks Unbegun, version 3 lacks
// what appendForPeople appends.
const chunkRecordVersion = 4

// Key returns the chunk's key in a store: "<file>/<index>", followed by ".s<half>" and
// ".r<retry>" as far as the chunk has them.
func (c ChunkID) Key() string {
	s := c.File.Key() + "/" + strconv.Itoa(c.Index)
	if c.Half != 0 {
		s += ".s" + strconv.Itoa(c.Half)
	}
	if c.Retry != 0 {
		s += ".r" + strconv.Itoa(c.Retry)
	}
	return s
}

// ParseChunkKey is the inverse of ChunkID.Key. Its error wraps ErrBadRecord.
func ParseChunkKey(key string) (ChunkID, error) {
	left, right, _ := strings.Cut(key, "/")
	file, err := ParseFileKey(left)
	if err != nil {
		return ChunkID{}, fmt.Errorf("%w: chunk key %.64q", ErrBadRecord, key)
	}
	c := ChunkID{File: file}
	right, c.Retry = cutNumber(right, ".r", 0)
	right, c.Half = cutNumber(right, ".s", 0)
	if c.Index, err = strconv.Atoi(right); err != nil || c.Half == 1 || c.Key() != key {
		return ChunkID{}, fmt.Errorf("%w: chunk key %.64q", ErrBadRecord, key)
	}
	return c, nil
}

// Key returns the file's key in a store: its number in decimal.
func (f FileID) Key() string { return strconv.FormatUint(uint64(f), 10) }

// ParseFileKey is the inverse of FileID.Key. Its error wraps ErrBadRecord.
func ParseFileKey(key string) (FileID, error) {
	n, err := strconv.ParseUint(key, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: file key %.64q", ErrBadRecord, key)
	}
	return FileID(n), nil
}

// Key returns the partition's key in a store: "<topic>/<partition>", without the
// offset.
func (p Position) Key() string {
	return p.Topic + "/" + strconv.Itoa(int(p.Partition))
}

// ParsePosition returns the Position with that key and that decimal offset. Its error
// wraps ErrBadRecord.
func ParsePosition(key, offset string) (Position, error) {
	at := strings.LastIndexByte(key, '/')
	if at < 0 {
		return Position{}, fmt.Errorf("%w: offset key %.64q", ErrBadRecord, key)
	}
	partition, err := strconv.ParseInt(key[at+1:], 10, 32)
	if err != nil {
		return Position{}, fmt.Errorf("%w: offset key %.64q", ErrBadRecord, key)
	}
	n, err := strconv.ParseInt(offset, 10, 64)
	if err != nil {
		return Position{}, fmt.Errorf("%w: offset %.64q", ErrBadRecord, offset)
	}
	return Position{Topic: key[:at], Partition: int32(partition), Offset: n}, nil
}

// EncodeRecord returns the record of the chunk without its ID, which is the key. A
// record consists of a version, numbers as uvarints, and strings after their lengths.
// It has about 70 bytes if the worker id is a UUID.
func (c OpenChunk) EncodeRecord() []byte {
	b := make([]byte, 0, 48+len(c.Worker)+len(c.Reason))
	b = append(b, chunkRecordVersion, byte(c.State))
	b = binary.BigEndian.AppendUint64(b, c.Hash)
	for _, n := range [...]int64{c.Offset, c.Length, c.FirstLine, c.Lines, int64(c.Items),
		int64(c.Attempt), int64(c.Failures), int64(c.Workers), int64(c.Handouts), int64(c.Unbegun)} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	b = append(b, flagByte(c.Ahead))
	b = AppendText(b, c.Worker)
	b = AppendText(b, c.Reason)
	return c.appendForPeople(b)
}

// appendForPeople appends what people need to know of a chunk that fails or is dead.
func (c OpenChunk) appendForPeople(b []byte) []byte {
	b = append(AppendText(b, c.FirstItem), flagByte(c.Discarded))
	var ended int64
	if !c.EndedAt.IsZero() {
		ended = c.EndedAt.UnixMilli()
	}
	b = binary.AppendUvarint(b, uint64(ended))
	b = binary.AppendUvarint(b, uint64(len(c.FailedBy)))
	for _, w := range c.FailedBy {
		b = AppendText(b, w)
	}
	if c.hasFailed() {
		b = c.appendFailed(b)
	}
	return b
}

// hasFailed reports whether the record says which items failed.
func (c *OpenChunk) hasFailed() bool { return c.State == ChunkDoneWithFailed || c.IsRetry() }

// appendFailed appends which items failed: how many, and for each range the distance from
// the one before it and its length.
func (c OpenChunk) appendFailed(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(c.FailedItems))
	b = binary.AppendUvarint(b, uint64(len(c.FailedRanges)))
	next := int64(0)
	for _, r := range c.FailedRanges {
		b = binary.AppendUvarint(b, uint64(int64(r.First)-next))
		b = binary.AppendUvarint(b, uint64(r.Len()))
		next = int64(r.Last) + 1
	}
	return b
}

// readFailed is the inverse of appendFailed.
func (c *OpenChunk) readFailed(r *RecordReader) {
	c.FailedItems = r.int64()
	n := r.int()
	if r.Bad = r.Bad || n < 0 || n > MaxItemRanges; r.Bad {
		return
	}
	next := int64(0)
	for range n {
		first := next + r.int64()
		next = first + r.int64()
		if r.Bad = r.Bad || first < 0 || next <= first || next > math.MaxInt32; r.Bad {
			return
		}
		c.FailedRanges = append(c.FailedRanges, ItemRange{int32(first), int32(next - 1)})
	}
}

// readForPeople is the inverse of appendForPeople.
func (c *OpenChunk) readForPeople(r *RecordReader) {
	c.FirstItem, c.Discarded = r.Text(), r.flag()
	if ended := r.int64(); ended != 0 {
		c.EndedAt = time.UnixMilli(ended).UTC()
	}
	n := r.int()
	if r.Bad = r.Bad || n < 0 || n > MaxFailedBy; r.Bad {
		return
	}
	for range n {
		c.FailedBy = append(c.FailedBy, WorkerID(r.Text()))
	}
	if c.hasFailed() {
		c.readFailed(r)
	}
}

func flagByte(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// DecodeOpenChunk is the inverse of OpenChunk.EncodeRecord; id comes from the key. Its
// error wraps ErrBadRecord.
func DecodeOpenChunk(id ChunkID, record []byte) (OpenChunk, error) {
	const fixed = 2 + 8
	if len(record) < fixed || record[0] < 1 || record[0] > chunkRecordVersion || int(record[1]) >= len(chunkStates) {
		return OpenChunk{}, fmt.Errorf("%w: chunk %s: unknown version or state", ErrBadRecord, id.Key())
	}
	c := OpenChunk{State: ChunkState(record[1])}
	c.ID, c.Hash = id, binary.BigEndian.Uint64(record[2:])
	r := RecordReader{Rest: record[fixed:]}
	c.Offset, c.Length, c.FirstLine, c.Lines = r.int64(), r.int64(), r.int64(), r.int64()
	c.Items, c.Attempt, c.Failures, c.Workers = r.int(), r.int(), r.int(), r.int()
	if record[0] >= 2 {
		c.Handouts = r.int()
	}
	if record[0] >= 3 {
		c.Unbegun = r.int()
	}
	if record[0] >= 2 {
		c.Ahead = r.flag()
	}
	c.Worker, c.Reason = WorkerID(r.Text()), r.Text()
	if record[0] >= 4 {
		c.readForPeople(&r)
	}
	if !r.Complete() {
		return OpenChunk{}, fmt.Errorf("%w: chunk %s: wrong length", ErrBadRecord, id.Key())
	}
	return c, nil
}

// recordTime is a time in a JSON record: seconds and nanoseconds since 1970. Unlike
// RFC 3339 it can represent every time that a file system may report, and the zero
// time.
type recordTime [2]int64

func newRecordTime(t time.Time) recordTime {
	return recordTime{t.Unix(), int64(t.Nanosecond())}
}

func (r recordTime) time() time.Time { return time.Unix(r[0], r[1]).UTC() }

// timeOrNone returns nil for the zero time, so that a record need not have it.
func timeOrNone(t time.Time) *recordTime {
	if t.IsZero() {
		return nil
	}
	r := newRecordTime(t)
	return &r
}

func (r *recordTime) orZero() time.Time {
	if r == nil {
		return time.Time{}
	}
	return r.time()
}

func marshalRecord(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil { // impossible with strings, numbers and lists of them
		panic(err)
	}
	return b
}

func unmarshalRecord(what, key string, record []byte, v any) error {
	if err := json.Unmarshal(record, v); err != nil {
		return fmt.Errorf("%w: %s %.128q: %v", ErrBadRecord, what, key, err)
	}
	return nil
}
