package messages

import (
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func drawTime(t *rapid.T, label string) time.Time {
	if rapid.Bool().Draw(t, label+" zero") {
		return time.Time{}
	}
	sec := rapid.Int64Range(-20_000_000_000, 300_000_000_000).Draw(t, label)
	return time.Unix(sec, rapid.Int64Range(0, 999_999_999).Draw(t, label+" ns")).UTC()
}

func drawChunkID(t *rapid.T) ChunkID {
	half := rapid.OneOf(rapid.Just(0), rapid.IntRange(2, math.MaxInt))
	return ChunkID{
		File: FileID(rapid.Uint64().Draw(t, "file")), Index: rapid.Int().Draw(t, "index"),
		Half: half.Draw(t, "half"), Retry: rapid.IntRange(0, math.MaxInt).Draw(t, "retry"),
	}
}

func drawChunk(t *rapid.T) OpenChunk {
	wide := rapid.Int64()
	count := rapid.Int()
	c := OpenChunk{
		Chunk: Chunk{
			ID:     drawChunkID(t),
			Offset: wide.Draw(t, "offset"), Length: wide.Draw(t, "length"),
			FirstLine: wide.Draw(t, "first line"), Lines: wide.Draw(t, "lines"),
			Items: count.Draw(t, "items"), Hash: rapid.Uint64().Draw(t, "hash"),
		},
		State:    ChunkState(rapid.IntRange(0, len(chunkStates)-1).Draw(t, "state")),
		Attempt:  count.Draw(t, "attempt"),
		Failures: count.Draw(t, "failures"),
		Handouts: count.Draw(t, "handouts"),
		Unbegun:  count.Draw(t, "unbegun"),
		Ahead:    rapid.Bool().Draw(t, "ahead"),
		Worker:   WorkerID(rapid.String().Draw(t, "worker")),
		Workers:  count.Draw(t, "workers"),
		Reason:   rapid.String().Draw(t, "reason"),
	}
	drawForPeople(t, &c)
	return c
}

func drawFile(t *rapid.T) File {
	n := rapid.Int64()
	f := File{
		ID: FileID(rapid.Uint64().Draw(t, "id")),
		Info: FileInfo{
			Path: rapid.String().Draw(t, "path"), Size: n.Draw(t, "size"), ModTime: drawTime(t, "mtime"),
		},
		Generation: rapid.Int().Draw(t, "generation"), Fingerprint: rapid.Uint64().Draw(t, "fingerprint"),
		Base:   rapid.String().Draw(t, "base"),
		State:  FileState(rapid.IntRange(0, len(fileStates)-1).Draw(t, "state")),
		Reason: rapid.String().Draw(t, "reason"),
		Cursor: Cursor{
			Offset: n.Draw(t, "offset"), Index: rapid.Int().Draw(t, "index"),
			Line: n.Draw(t, "line"), Chain: rapid.Uint64().Draw(t, "chain"),
		},
		Items: n.Draw(t, "items"), DoneChunks: n.Draw(t, "done chunks"), DoneItems: n.Draw(t, "done items"),
		FailedItems: n.Draw(t, "failed items"),
		DeadChunks:  n.Draw(t, "dead chunks"), DeadItems: n.Draw(t, "dead items"),
		Halvings: n.Draw(t, "halvings"), Duplicates: n.Draw(t, "duplicates"), Repeats: n.Draw(t, "repeats"), DeadBytes: n.Draw(t, "dead bytes"),
		DiscardedChunks: n.Draw(t, "discarded chunks"), DiscardedItems: n.Draw(t, "discarded items"),
		DiscardedFailed: n.Draw(t, "discarded failed items"), UnrecordedRetries: n.Draw(t, "unrecorded retries"),
		CancelledChunks: n.Draw(t, "cancelled chunks"), CancelledItems: n.Draw(t, "cancelled items"), CancelledBytes: n.Draw(t, "cancelled bytes"),
		Started: drawTime(t, "started"), Ended: drawTime(t, "ended"), Left: drawTime(t, "left"), Merged: drawTime(t, "merged"),
		Acknowledged: rapid.Bool().Draw(t, "acknowledged"),
	}
	if f.Digested = rapid.Bool().Draw(t, "digested"); f.Digested {
		f.Digest, f.RecordedChunks, f.OutputLines = rapid.Uint64().Draw(t, "digest"), n.Draw(t, "recorded"), n.Draw(t, "output lines")
	}
	return f
}

func drawWorker(t *rapid.T) Worker {
	w := Worker{
		ID:       WorkerID(rapid.String().Draw(t, "id")),
		Kind:     WorkerKind(rapid.IntRange(0, len(workerKinds)-1).Draw(t, "kind")),
		Capacity: rapid.Int().Draw(t, "capacity"),
		Incarnation: Incarnation{
			StartMS: rapid.Int64().Draw(t, "start"), Random: rapid.String().Draw(t, "random"),
		},
		Recalls: rapid.Bool().Draw(t, "recalls"), Lost: rapid.Bool().Draw(t, "lost"), Seen: drawTime(t, "seen"),
	}
	if parts := rapid.SliceOf(rapid.Int32()).Draw(t, "partitions"); len(parts) > 0 {
		w.Partitions = parts
	}
	return w
}

func drawAttempt(t *rapid.T) Attempt {
	return Attempt{
		Chunk:   drawChunkID(t),
		Number:  rapid.Int().Draw(t, "number"),
		Worker:  WorkerID(rapid.String().Draw(t, "worker")),
		Sent:    drawTime(t, "sent"),
		Ended:   drawTime(t, "ended"),
		Outcome: rapid.String().Draw(t, "outcome"), Hash: rapid.Uint64().Draw(t, "hash"),
	}
}

// requireSame fails the test unless a decoded record equals the original. Every field
// is drawn at random, so a field that a codec forgets is found.
func requireSame[T any](t *rapid.T, want, got T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("decoded another value:\nwant %+v\ngot  %+v", want, got)
	}
}

func TestRecordsComeBack(t *testing.T) {
	t.Run("chunk", rapid.MakeCheck(func(t *rapid.T) {
		c := drawChunk(t)
		id, err := ParseChunkKey(c.ID.Key())
		requireSame(t, c.ID, id, err)
		got, err := DecodeOpenChunk(id, c.EncodeRecord())
		requireSame(t, c, got, err)
	}))
	t.Run("file", rapid.MakeCheck(func(t *rapid.T) {
		f := drawFile(t)
		id, err := ParseFileKey(f.ID.Key())
		requireSame(t, f.ID, id, err)
		got, err := DecodeFile(id, f.EncodeRecord())
		requireSame(t, f, got, err)
	}))
	t.Run("worker", rapid.MakeCheck(func(t *rapid.T) {
		w := drawWorker(t)
		got, err := DecodeWorker(w.ID, w.EncodeRecord())
		requireSame(t, w, got, err)
	}))
	t.Run("attempt", rapid.MakeCheck(func(t *rapid.T) {
		a := drawAttempt(t)
		got, err := DecodeAttempt(a.EncodeRecord())
		requireSame(t, a, got, err)
	}))
	t.Run("position", rapid.MakeCheck(func(t *rapid.T) {
		p := Position{Topic: rapid.String().Draw(t, "topic"), Partition: rapid.Int32().Draw(t, "partition"), Offset: 7}
		got, err := ParsePosition(p.Key(), "7")
		requireSame(t, p, got, err)
	}))
}

func TestChunkRecordIsSmall(t *testing.T) {
	c := OpenChunk{
		Chunk: Chunk{
			ID: ChunkID{File: 1234, Index: 1_000_000}, Offset: 300 << 30, Length: 8000,
			FirstLine: 20_000_000_000, Lines: 500, Items: 500, Hash: 1 << 63,
		},
		State: ChunkAssigned, Attempt: 1, Worker: "0b8c1f8e-7a7b-4f0e-9f53-1f2b8c7d6e5a", FirstItem: "10.123.45.67",
	}
	if n := len(c.ID.Key()) + len(c.EncodeRecord()); n > 115 {
		t.Errorf("key and record take %d bytes, want at most 115", n)
	}
}

// TestOldChunkRecordsAreRead decodes records of earlier versions of the program.
func TestOldChunkRecordsAreRead(t *testing.T) {
	first := OpenChunk{
		Chunk: Chunk{ID: ChunkID{File: 1}, Offset: 1 << 40, Length: 7000, FirstLine: 501, Lines: 502, Items: 500, Hash: 42},
		State: ChunkReady, Attempt: 3, Failures: 2, Worker: "w1", Workers: 1, Reason: "lost",
	}
	second := first
	second.Handouts, second.Ahead = 4, true
	for text, want := range map[string]OpenChunk{
		"0100000000000000002a808080808020d836f503f603f403030201027731046c6f7374":               first,
		"0200000000000000002a808080808020d836f503f603f403030201" + "0401" + "027731046c6f7374": second,
	} {
		record, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeOpenChunk(ChunkID{File: 1}, record); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v and error %v, want %+v", got, err, want)
		}
	}
}

func TestCutRecordsAreRefused(t *testing.T) {
	c := OpenChunk{Chunk: Chunk{Offset: 1 << 40, Items: 500}, Worker: "w", Reason: "lost"}
	record := c.EncodeRecord()
	for n := range record {
		if _, err := DecodeOpenChunk(ChunkID{}, record[:n]); !errors.Is(err, ErrBadRecord) {
			t.Errorf("first %d of %d bytes: error %v, want ErrBadRecord", n, len(record), err)
		}
	}
	if _, err := DecodeOpenChunk(ChunkID{}, append(record, 0)); !errors.Is(err, ErrBadRecord) {
		t.Errorf("trailing byte: error %v, want ErrBadRecord", err)
	}
}

// FuzzDecodeRecords passes any bytes to all decoders. They never panic, and return a
// value that survives encoding and decoding, or ErrBadRecord.
func FuzzDecodeRecords(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(OpenChunk{Chunk: Chunk{Offset: 5, Items: 2}, Worker: "w"}.EncodeRecord())
	f.Add(File{Info: FileInfo{Path: "a.txt"}}.EncodeRecord())
	f.Add(Worker{Partitions: []int32{3, 7}}.EncodeRecord())
	f.Add(Attempt{Outcome: "done"}.EncodeRecord())
	f.Add([]byte("12/7"))
	f.Add([]byte("12/7.s5.r1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzOne(t, b, func(b []byte) (OpenChunk, error) { return DecodeOpenChunk(ChunkID{}, b) }, OpenChunk.EncodeRecord)
		fuzzOne(t, b, func(b []byte) (File, error) { return DecodeFile(1, b) }, File.EncodeRecord)
		fuzzOne(t, b, func(b []byte) (Worker, error) { return DecodeWorker("w", b) }, Worker.EncodeRecord)
		fuzzOne(t, b, DecodeAttempt, Attempt.EncodeRecord)
		fuzzOne(t, b, func(b []byte) (ChunkID, error) { return ParseChunkKey(string(b)) },
			func(id ChunkID) []byte { return []byte(id.Key()) })
		fuzzOne(t, b, func(b []byte) (Position, error) { return ParsePosition(string(b), "1") },
			func(p Position) []byte { return []byte(p.Key()) })
	})
}

func fuzzOne[T any](t *testing.T, b []byte, decode func([]byte) (T, error), encode func(T) []byte) {
	t.Helper()
	v, err := decode(b)
	if err != nil {
		if !errors.Is(err, ErrBadRecord) {
			t.Fatalf("%T: error %v does not wrap ErrBadRecord", v, err)
		}
		return
	}
	again, err := decode(encode(v))
	if err != nil || !reflect.DeepEqual(v, again) {
		t.Fatalf("%T: decoded %+v, then %+v, error %v", v, v, again, err)
	}
}
