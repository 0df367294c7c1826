package actors

import (
	"fmt"

	"kafka-master/messages"
)

// whyNobody returns why no worker takes chunks; the zero value means that some do. Of several
// reasons it is the one of the most workers.
func (f *fleet) whyNobody() nobody {
	for _, states := range f.counts {
		if states[messages.WorkerFree]+states[messages.WorkerBusy] > 0 {
			return nobody{}
		}
	}
	if f.counts.Present() == 0 {
		return nobody{why: messages.Why{Reason: messages.WhyNoWorker, Text: "there is no worker"}}
	}
	type group struct {
		first *messages.WorkerStatus
		n     int
	}
	groups, most := map[messages.Reason]*group{}, messages.Reason("")
	for _, w := range f.members {
		st := w.status
		if w.leaving || st.State == messages.WorkerLost {
			continue
		}
		reason := idleReason(st)
		g := groups[reason]
		if g == nil {
			g = &group{first: st}
			groups[reason] = g
		}
		if g.n++; st.ID < g.first.ID {
			g.first = st
		}
		if best := groups[most]; best == nil || g.n > best.n || g.n == best.n && reason < most {
			most = reason
		}
	}
	g := groups[most]
	if g == nil { // Their supervisors have not said yet what they are.
		return nobody{why: messages.Why{Reason: messages.WhyNoWorker, Text: "no worker is ready yet"}}
	}
	return nobody{
		why:     messages.Why{Reason: most, Text: fmt.Sprintf("none of %s takes chunks, such as %s: %s", counted(f.counts.Present(), "worker"), g.first.ID, g.first.Note)},
		example: g.first.ID,
	}
}

// idleReason returns why a worker takes no chunks. One that ends its last ones drains.
func idleReason(st *messages.WorkerStatus) messages.Reason {
	if st.Why.Runs() {
		return messages.WhyDraining
	}
	return st.Why.Reason
}
