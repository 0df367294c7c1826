package actors

import (
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// onBlocked notes whether a partition of the worker can be written.
func (s *supervisor) onBlocked(ctx actor.Context, m *blocked) {
	if m.reason == "" {
		delete(s.unwritten, m.partition)
	} else {
		if s.unwritten == nil {
			s.unwritten = map[int32]string{}
		}
		s.unwritten[m.partition] = m.reason
	}
	s.instruct(ctx, setWorker{})
}

// onNote takes the worker's own reason why it cannot work, empty when it can.
func (s *supervisor) onNote(ctx actor.Context, note string) {
	if note != s.unfit {
		s.unfit = note
		s.instruct(ctx, setWorker{})
	}
}

// drainsItself is the note of a worker that sent draining.
const drainsItself = "ends by itself: it finishes what it has and takes nothing more"

// triedWithin is how long after its pause a worker is given a chunk to try itself, when
// there is one.
const triedWithin = 3 * time.Second

// pause notes why the dispatcher gives the worker no chunks for a while; m is nil, or without
// a reason, when it does.
func (s *supervisor) pause(ctx actor.Context, m *paused) {
	if m != nil && m.reason == "" {
		m = nil
	}
	s.paused, s.rested = m, false
	s.pauseEnds.stop()
	if m != nil {
		s.pauseEnds.set(ctx, time.Until(m.until)+triedWithin)
	}
}

// onPauseEnds ends the problem of a paused worker that got no chunk to try itself: there
// is no work left.
func (s *supervisor) onPauseEnds(ctx actor.Context) {
	if len(s.load.Held) > 0 {
		s.pauseEnds.set(ctx, triedWithin)
		return
	}
	s.pauseEnds.stop()
	s.rested = true
}

// takes reports whether chunks may be sent to the worker, and why not. kind is set
// when that is a problem for a person.
func (s *supervisor) takes() (ok bool, why string, kind messages.ProblemKind) {
	switch {
	case s.drain != nil:
		return false, s.drain.Why(), ""
	case s.alive.State() == messages.WorkerDraining:
		return false, drainsItself, ""
	case s.alive.State() != messages.WorkerAnnounced:
		return false, "", ""
	}
	if len(s.known.Partitions) == 0 {
		return false, noPartition, messages.ProblemNoPartition
	}
	first := s.known.Partitions[0]
	if int(first) >= s.partitions {
		return false, fmt.Sprintf("announced partition %d, but the topic has %d", first, s.partitions), messages.ProblemNoPartition
	}
	if reason, is := s.unwritten[first]; is {
		return false, fmt.Sprintf("its partition %d cannot be written: %s", first, reason), messages.ProblemUndeliverable
	}
	if s.unfit != "" {
		return false, "reports that it cannot work: " + s.unfit, messages.ProblemUnfitWorker
	}
	if s.known.Kind == messages.Native {
		return true, "", ""
	}
	if s.view == nil {
		return false, "", ""
	}
	ok, why = s.view.Admits(s.known.Partitions)
	return ok, why, ""
}

// reportStatus sends the fleet what the worker is now, when that changed.
func (s *supervisor) reportStatus(ctx actor.Context) {
	st := s.present(time.Now())
	if s.reported != nil && st.equal(s.reported) {
		return
	}
	st.from = ctx.Self()
	s.reported = &st
	ctx.Send(ctx.Parent(), s.reported)
}

// present returns the worker's state with its note.
func (s *supervisor) present(now time.Time) workerStatus {
	st := workerStatus{WorkerStatus: messages.WorkerStatus{
		ID: s.known.ID, Kind: s.known.Kind, State: s.alive.State(), Partitions: s.known.Partitions, Capacity: max(1, s.known.Capacity),
		Held: s.load.Held, Working: s.load.Working, Silent: s.load.Silent, Done: s.done, Drain: s.drain,
	}, proven: s.load.proven}
	if s.drain != nil && st.State == messages.WorkerAnnounced {
		st.State = messages.WorkerDraining
	}
	takes, why, kind := s.takes()
	switch {
	case !takes:
		st.Note, st.trouble = why, kind
	case s.paused != nil && !s.rested: // its offers stand: it is tried with one chunk
		st.State, st.Note, st.trouble = messages.WorkerAnnounced, s.paused.reason, messages.ProblemUnfitWorker
	case s.load.free:
		st.State = messages.WorkerFree
	default:
		st.State = messages.WorkerBusy
	}
	if takes && s.rested && len(st.Held) == 0 {
		st.Note = "its pause is over and it waits for work"
	}
	if _, runs := s.former.Runs(now); runs && st.trouble == "" {
		st.Note, st.trouble = "another process runs under this worker id, only the one that started last gets chunks: give each its own WORKER_ID", messages.ProblemDuplicateID
	}
	st.Why = s.why(&st, takes, now)
	return st
}

// equal compares what is shown of a worker, but for times.
func (st *workerStatus) equal(o *workerStatus) bool {
	same := st.Kind == o.Kind && st.State == o.State && st.Note == o.Note && st.Why == o.Why && st.Drain == o.Drain && st.trouble == o.trouble && st.proven == o.proven
	load := st.Capacity == o.Capacity && st.Working == o.Working && st.Silent == o.Silent && st.Done == o.Done
	return same && load && slices.Equal(st.Held, o.Held) && slices.Equal(st.Partitions, o.Partitions)
}
