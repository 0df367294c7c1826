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
	s.instruct(ctx)
}

// onNote notes whether the worker says that it can work.
func (s *supervisor) onNote(ctx actor.Context, note string) {
	if note != s.unfit {
		s.unfit = note
		s.instruct(ctx)
	}
}

// takes reports whether chunks may be sent to the worker, and why not. kind is set
// when that is a problem for a person.
func (s *supervisor) takes() (ok bool, why string, kind messages.ProblemKind) {
	if s.alive.state != messages.WorkerAnnounced {
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
		return false, "says that it cannot work: " + s.unfit, messages.ProblemUnfitWorker
	}
	if s.known.Kind == messages.Native {
		return true, "", ""
	}
	ok, why = s.gate.admits(s.known.Partitions)
	return ok, why, ""
}

// reportStatus tells the fleet what the worker is now.
func (s *supervisor) reportStatus(ctx actor.Context) {
	st := messages.WorkerStatus{
		ID: s.known.ID, Kind: s.known.Kind, State: s.alive.state, Partitions: s.known.Partitions,
		Capacity: max(1, s.known.Capacity), Held: s.load.held, HeldSince: s.load.since, Working: s.load.working, Silent: s.load.silent, Done: s.done,
	}
	var trouble messages.ProblemKind
	if takes, why, kind := s.takes(); takes {
		st.State = messages.WorkerBusy
		if s.load.free {
			st.State = messages.WorkerFree
		}
		if s.paused.reason != "" { // its offers stand: it is tried with one chunk
			st.State, st.Note, trouble = messages.WorkerAnnounced, s.paused.reason, messages.ProblemUnfitWorker
		}
	} else {
		st.Note, trouble = why, kind
	}
	if trouble == "" && s.double.there(time.Now()) {
		st.Note, trouble = "another process runs under this worker id, only the one that started last gets chunks: give each its own WORKER_ID", messages.ProblemDuplicateID
	}
	if st.State != s.status.State || st.Note != s.status.Note || !slices.Equal(st.Held, s.status.Held) ||
		!slices.Equal(st.Partitions, s.status.Partitions) || st.Kind != s.status.Kind || st.Working != s.status.Working || st.Silent != s.status.Silent || st.Capacity != s.status.Capacity ||
		st.Done != s.status.Done || trouble != s.trouble {
		s.status, s.trouble = st, trouble
		ctx.Send(ctx.Parent(), &workerStatus{WorkerStatus: st, trouble: trouble, from: ctx.Self()})
	}
}
