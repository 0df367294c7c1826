package messages

import "time"

// WorkerKind is the version of the protocol that a worker speaks.
type WorkerKind uint8

// The kinds of workers.
const (
	// Classic workers are members of one consumer group and send the messages new,
	// done and progress only.
	Classic WorkerKind = iota
	// Native workers read their partition without a group and send heartbeats that
	// list the chunks they hold.
	Native
)

var workerKinds = [...]string{"classic", "native"}

// String returns the kind's name as the API shows it.
func (k WorkerKind) String() string { return name(workerKinds[:], int(k)) }

// WorkerState is the state of a worker.
type WorkerState uint8

// The states of a worker.
const (
	WorkerAnnounced WorkerState = iota // known, but not ready for chunks
	WorkerFree                         // has a free slot
	WorkerBusy                         // has no free slot
	WorkerSuspect                      // silent for longer than expected
	WorkerLost                         // given up; its chunks were taken back
	WorkerDraining                     // finishes its chunks and takes no more
	WorkerGone                         // has left with a bye
)

var workerStates = [...]string{"announced", "free", "busy", "suspect", "lost", "draining", "gone"}

// String returns the state's name as the API shows it.
func (s WorkerState) String() string { return name(workerStates[:], int(s)) }

// Worker is the stored record of a worker. It is written when the worker announces
// itself, is lost or comes back, but not for its heartbeats.
type Worker struct {
	ID          WorkerID
	Kind        WorkerKind
	Partitions  []int32 // last announced partitions; a native worker has one
	Capacity    int     // number of chunks that it runs at once; 1 for a classic worker
	Incarnation Incarnation
	Recalls     bool // it gives back queued chunks when a recall lists them
	Lost        bool
	Seen        time.Time // time when the record was written
}

// Incarnation identifies one process of a native worker. Incarnations are ordered by
// their start; the zero value is older than all others.
type Incarnation struct {
	StartMS int64
	Random  string
}

// Newer reports whether i started after j.
func (i Incarnation) Newer(j Incarnation) bool {
	if i.StartMS != j.StartMS {
		return i.StartMS > j.StartMS
	}
	return i.Random > j.Random
}

// IsZero reports whether the incarnation is not known.
func (i Incarnation) IsZero() bool { return i == Incarnation{} }
