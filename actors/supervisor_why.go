package actors

import (
	"time"

	"kafka-master/messages"
)

// why returns why the worker runs nothing. takes reports whether chunks may be sent to it.
func (s *supervisor) why(st *workerStatus, takes bool, now time.Time) messages.Why {
	for _, h := range st.Held {
		if !h.Began.IsZero() {
			return messages.Why{}
		}
	}
	switch st.State {
	case messages.WorkerDraining:
		return messages.Why{Reason: messages.WhyDraining, Text: st.Note}
	case messages.WorkerSuspect, messages.WorkerLost, messages.WorkerGone:
		return messages.Why{Reason: messages.WhySilent, Text: "nothing was heard of it since " + now.Add(-s.alive.Silence(now)).UTC().Format(time.RFC3339)}
	}
	switch st.trouble {
	case messages.ProblemNoPartition:
		return messages.Why{Reason: messages.WhyNoPartition, Text: st.Note}
	case messages.ProblemUndeliverable:
		return messages.Why{Reason: messages.WhyNoLeader, Text: st.Note}
	case messages.ProblemUnfitWorker:
		return messages.Why{Reason: messages.WhyUnfit, Text: st.Note}
	}
	switch {
	case !takes && st.Note == "":
		return messages.Why{Reason: messages.WhyGroup, Text: "the state of its group is not known yet"}
	case !takes:
		return messages.Why{Reason: messages.WhyGroup, Text: st.Note}
	case len(st.Held) > 0:
		return messages.Why{Reason: messages.WhyBehind, Text: "it has not begun what it was sent"}
	}
	return messages.Why{Reason: messages.WhyNoWork, Text: "nothing is ready for it"}
}
