package messages

import (
	"fmt"
	"slices"
)

// The JSON records have names of their own, so that renaming a field or reordering
// states in Go does not change what is stored.

type fileRecord struct {
	Path        string      `json:"path"`
	Size        int64       `json:"size"`
	ModTime     recordTime  `json:"mtime"`
	Generation  int         `json:"generation"`
	Fingerprint uint64      `json:"fingerprint"`
	Base        string      `json:"base"`
	State       string      `json:"state"`
	Reason      string      `json:"reason,omitempty"`
	Offset      int64       `json:"offset"`
	Index       int         `json:"index"`
	Line        int64       `json:"line"`
	Chain       uint64      `json:"chain"`
	Items       int64       `json:"items"`
	DoneChunks  int64       `json:"done_chunks"`
	DoneItems   int64       `json:"done_items"`
	FailedItems int64       `json:"failed_items,omitempty"`
	DeadChunks  int64       `json:"dead_chunks"`
	DeadItems   int64       `json:"dead_items"`
	Halvings    int64       `json:"halvings,omitempty"`
	Duplicates  int64       `json:"duplicates,omitempty"`
	Repeats     int64       `json:"repeats,omitempty"`
	DeadBytes   int64       `json:"dead_bytes,omitempty"`
	Digest      *uint64     `json:"digest,omitempty"` // nil unless it and the next two cover every done chunk
	Recorded    int64       `json:"recorded_chunks,omitempty"`
	OutputLines int64       `json:"output_lines,omitempty"`
	Started     recordTime  `json:"started"`
	Ended       recordTime  `json:"ended"`
	Left        recordTime  `json:"left"`
	Merged      *recordTime `json:"merged,omitempty"` // absent in records of earlier versions, too

	DiscardedChunks int64 `json:"discarded_chunks,omitempty"`
	DiscardedItems  int64 `json:"discarded_items,omitempty"`
	DiscardedFailed int64 `json:"discarded_failed,omitempty"`

	CancelledChunks int64 `json:"cancelled_chunks,omitempty"`
	CancelledItems  int64 `json:"cancelled_items,omitempty"`
	CancelledBytes  int64 `json:"cancelled_bytes,omitempty"`

	UnrecordedRetries int64 `json:"unrecorded_retries,omitempty"`

	Acknowledged bool `json:"acknowledged,omitempty"`

	Steering *steeringRecord `json:"steering,omitempty"` // nil, as in records of earlier versions, when nobody steers the file
}

// EncodeRecord returns the record of the file without its ID, which is the key.
func (f File) EncodeRecord() []byte {
	r := fileRecord{
		Path: f.Info.Path, Size: f.Info.Size, ModTime: newRecordTime(f.Info.ModTime),
		Generation: f.Generation, Fingerprint: f.Fingerprint, Base: f.Base,
		State: f.State.String(), Reason: f.Reason,
		Offset: f.Cursor.Offset, Index: f.Cursor.Index, Line: f.Cursor.Line, Chain: f.Cursor.Chain,
		Items: f.Items, DoneChunks: f.DoneChunks, DoneItems: f.DoneItems, FailedItems: f.FailedItems,
		DeadChunks: f.DeadChunks, DeadItems: f.DeadItems, Halvings: f.Halvings, Duplicates: f.Duplicates, Repeats: f.Repeats,
		DeadBytes:       f.DeadBytes,
		DiscardedChunks: f.DiscardedChunks, DiscardedItems: f.DiscardedItems, DiscardedFailed: f.DiscardedFailed, UnrecordedRetries: f.UnrecordedRetries,
		CancelledChunks: f.CancelledChunks, CancelledItems: f.CancelledItems, CancelledBytes: f.CancelledBytes,
		Started: newRecordTime(f.Started), Ended: newRecordTime(f.Ended), Left: newRecordTime(f.Left), Merged: timeOrNone(f.Merged),
		Acknowledged: f.Acknowledged, Steering: newSteeringRecord(f.Steering),
	}
	if f.Digested {
		r.Digest, r.Recorded, r.OutputLines = &f.Digest, f.RecordedChunks, f.OutputLines
	}
	return marshalRecord(r)
}

// DecodeFile is the inverse of File.EncodeRecord; times are in UTC. Its error wraps
// ErrBadRecord.
func DecodeFile(id FileID, record []byte) (File, error) {
	var r fileRecord
	if err := unmarshalRecord("file", id.Key(), record, &r); err != nil {
		return File{}, err
	}
	state := slices.Index(fileStates[:], r.State)
	if state < 0 {
		return File{}, fmt.Errorf("%w: file %s: unknown state %.32q", ErrBadRecord, id.Key(), r.State)
	}
	f := File{
		ID:         id,
		Info:       FileInfo{Path: r.Path, Size: r.Size, ModTime: r.ModTime.time()},
		Generation: r.Generation, Fingerprint: r.Fingerprint, Base: r.Base,
		State: FileState(state), Reason: r.Reason,
		Cursor: Cursor{Offset: r.Offset, Index: r.Index, Line: r.Line, Chain: r.Chain},
		Items:  r.Items, DoneChunks: r.DoneChunks, DoneItems: r.DoneItems, FailedItems: r.FailedItems,
		DeadChunks: r.DeadChunks, DeadItems: r.DeadItems, Halvings: r.Halvings, Duplicates: r.Duplicates, Repeats: r.Repeats,
		DeadBytes:       r.DeadBytes,
		DiscardedChunks: r.DiscardedChunks, DiscardedItems: r.DiscardedItems, DiscardedFailed: r.DiscardedFailed, UnrecordedRetries: r.UnrecordedRetries,
		CancelledChunks: r.CancelledChunks, CancelledItems: r.CancelledItems, CancelledBytes: r.CancelledBytes,
		Started: r.Started.time(), Ended: r.Ended.time(), Left: r.Left.time(), Merged: r.Merged.orZero(),
		Acknowledged: r.Acknowledged, Steering: r.Steering.orZero(),
	}
	if r.Digest != nil {
		f.Digest, f.Digested, f.RecordedChunks, f.OutputLines = *r.Digest, true, r.Recorded, r.OutputLines
	}
	return f, nil
}

type workerRecord struct {
	Kind       string     `json:"kind"`
	Partitions []int32    `json:"partitions,omitempty"`
	Capacity   int        `json:"capacity"`
	StartMS    int64      `json:"start_ms,omitempty"`
	Random     string     `json:"random,omitempty"`
	Recalls    bool       `json:"recall,omitempty"`
	Lost       bool       `json:"lost,omitempty"`
	Seen       recordTime `json:"seen"`
}

// EncodeRecord returns the record of the worker without its ID, which is the key.
func (w Worker) EncodeRecord() []byte {
	return marshalRecord(workerRecord{
		Kind: w.Kind.String(), Partitions: w.Partitions, Capacity: w.Capacity,
		StartMS: w.Incarnation.StartMS, Random: w.Incarnation.Random,
		Recalls: w.Recalls, Lost: w.Lost, Seen: newRecordTime(w.Seen),
	})
}

// DecodeWorker is the inverse of Worker.EncodeRecord; an empty list of partitions
// becomes nil, and times are in UTC. Its error wraps ErrBadRecord.
func DecodeWorker(id WorkerID, record []byte) (Worker, error) {
	var r workerRecord
	if err := unmarshalRecord("worker", string(id), record, &r); err != nil {
		return Worker{}, err
	}
	kind := slices.Index(workerKinds[:], r.Kind)
	if kind < 0 {
		return Worker{}, fmt.Errorf("%w: worker %.128q: unknown kind %.32q", ErrBadRecord, id, r.Kind)
	}
	w := Worker{
		ID: id, Kind: WorkerKind(kind), Capacity: r.Capacity,
		Incarnation: Incarnation{StartMS: r.StartMS, Random: r.Random},
		Recalls:     r.Recalls, Lost: r.Lost, Seen: r.Seen.time(),
	}
	if len(r.Partitions) > 0 {
		w.Partitions = r.Partitions
	}
	return w, nil
}

type attemptRecord struct {
	File    FileID     `json:"file"`
	Index   int        `json:"index"`
	Half    int        `json:"half,omitempty"`
	Retry   int        `json:"retry,omitempty"`
	Number  int        `json:"attempt"`
	Worker  WorkerID   `json:"worker"`
	Sent    recordTime `json:"sent"`
	Ended   recordTime `json:"ended"`
	Outcome string     `json:"outcome"`
	Hash    uint64     `json:"hash,omitempty"`
}

// EncodeRecord returns the stored form of the journal entry.
func (a Attempt) EncodeRecord() []byte {
	return marshalRecord(attemptRecord{
		File: a.Chunk.File, Index: a.Chunk.Index, Half: a.Chunk.Half, Retry: a.Chunk.Retry, Number: a.Number, Worker: a.Worker,
		Sent: newRecordTime(a.Sent), Ended: newRecordTime(a.Ended), Outcome: a.Outcome, Hash: a.Hash,
	})
}

// DecodeAttempt is the inverse of Attempt.EncodeRecord; times are in UTC. Its error
// wraps ErrBadRecord.
func DecodeAttempt(record []byte) (Attempt, error) {
	var r attemptRecord
	if err := unmarshalRecord("attempt", "", record, &r); err != nil {
		return Attempt{}, err
	}
	return Attempt{
		Chunk: ChunkID{File: r.File, Index: r.Index, Half: r.Half, Retry: r.Retry}, Number: r.Number, Worker: r.Worker,
		Sent: r.Sent.time(), Ended: r.Ended.time(), Outcome: r.Outcome, Hash: r.Hash,
	}, nil
}
