package messages

import "time"

// WorkerKind tells how a worker speaks.
type WorkerKind uint8

// The kinds of workers.
const (
	// Classic workers are members of one consumer group and know nothing but
	// new, done and progress.
	Classic WorkerKind = iota
	// Native workers read their partition without a group, send heartbeats and
	// say what they hold.
	Native
)

var workerKinds = [...]string{"classic", "native"}

// String returns the kind's name as the API shows it.
func (k WorkerKind) String() string { return name(workerKinds[:], int(k)) }

// WorkerState is where a worker stands.
type WorkerState uint8

// The states of a worker.
const (
	WorkerAnnounced WorkerState = iota // known, but not dispatchable yet
	WorkerFree                         // a slot is free
	WorkerBusy                         // every slot is taken
	WorkerSuspect                      // silent for longer than it should be
	WorkerLost                         // given up; its chunks were taken back
	WorkerDraining                     // finishes what it has and takes nothing more
	WorkerGone                         // said bye
)

var workerStates = [...]string{"announced", "free", "busy", "suspect", "lost", "draining", "gone"}

// String returns the state's name as the API shows it.
func (s WorkerState) String() string { return name(workerStates[:], int(s)) }

// Worker is the stored record of a worker. It is written when the worker
// announces itself and when it is lost or comes back, never for a heartbeat.
type Worker struct {
	ID          WorkerID
	Kind        WorkerKind
	Partitions  []int32 // as announced last; a native worker has one
	Capacity    int     // chunks it works on at once; 1 for a classic one
	Incarnation Incarnation
	Lost        bool
	Seen        time.Time // when the record was written
}

// Incarnation is one run of a native worker's process. Incarnations are ordered
// by their start; the zero value is older than all others.
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

// IsZero reports whether the worker said no incarnation.
func (i Incarnation) IsZero() bool { return i == Incarnation{} }
