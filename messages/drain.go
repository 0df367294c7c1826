package messages

import (
	"errors"
	"time"
)

var (
	// ErrNotFound is the error of a request about something that does not exist.
	ErrNotFound = errors.New("not found")
	// ErrConflict is the error of a request that what it is about does not allow in its
	// present state.
	ErrConflict = errors.New("not possible now")
)

// MaxDrained is how many workers may be drained by people at one time.
const MaxDrained = 1000

// Drain is a person's order that a worker gets no new chunks. It holds until the worker is
// resumed or forgotten, also for the next process of the worker and under the next leader.
type Drain struct {
	Kind  WorkerKind // of the worker when it was drained
	By    string     // who gave it, as in an AuditEntry
	Since time.Time
}

// Why returns the note of a worker that is drained.
func (d Drain) Why() string {
	return "drained by " + d.By + " since " + d.Since.UTC().Format(time.RFC3339) + ": it gets no new chunks until it is resumed"
}

// Drained are the workers that people have drained.
type Drained map[WorkerID]*Drain

type drainRecord struct {
	Kind  string     `json:"kind"`
	By    string     `json:"by"`
	Since recordTime `json:"since"`
}

// EncodeRecord returns the value ValueDrained.
func (d Drained) EncodeRecord() string {
	records := make(map[WorkerID]drainRecord, len(d))
	for id, x := range d {
		records[id] = drainRecord{Kind: x.Kind.String(), By: x.By, Since: newRecordTime(x.Since)}
	}
	return string(marshalRecord(records))
}

// DecodeDrained is the inverse of Drained.EncodeRecord; times are in UTC. It returns an
// empty list for an empty text.
func DecodeDrained(record string) (Drained, error) {
	out := Drained{}
	if record == "" {
		return out, nil
	}
	var records map[WorkerID]drainRecord
	if err := unmarshalRecord("value", ValueDrained, []byte(record), &records); err != nil {
		return out, err
	}
	for id, r := range records {
		x := &Drain{By: r.By, Since: r.Since.time()}
		if r.Kind == Native.String() {
			x.Kind = Native
		}
		out[id] = x
	}
	return out, nil
}

type (
	// DrainWorker has a worker get no new chunks until it is resumed. What it has queued is
	// recalled, and what it works on may end. The answer is WorkerChanged, once that is
	// committed, ErrNotFound, or ErrConflict when MaxDrained workers are drained.
	DrainWorker struct {
		ID WorkerID
		By string
	}
	// ResumeWorker ends a drain. The answer is that of DrainWorker.
	ResumeWorker struct {
		ID WorkerID
		By string
	}
	// ForgetWorker drops a worker that is lost or gone, and its drain. The answer is
	// WorkerChanged, once that is committed, ErrNotFound, or ErrConflict for one that lives.
	ForgetWorker struct {
		ID WorkerID
		By string
	}
)

func (DrainWorker) query()  {}
func (ResumeWorker) query() {}
func (ForgetWorker) query() {}

// WorkerStanding is the state of a worker and whether it is drained.
type WorkerStanding struct {
	State WorkerState
	Drain *Drain // nil unless a person drained it
}

// WorkerChanged is what a request has changed of a worker. Both are the same when nothing
// had to be changed.
type WorkerChanged struct{ Old, New WorkerStanding }
