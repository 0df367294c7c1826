package ledger

import (
	"slices"

	"kafka-master/messages"
)

// hold records that a worker has the chunk, and whether it waits behind others there. An
// attempt that ends without a start counts against a chunk only if it could have begun, so
// that no chunk dies because the one before it kills its workers.
func (l *Ledger) hold(e *entry) {
	m := l.held[e.Worker]
	if m == nil {
		m = map[messages.ChunkID]*entry{}
		l.held[e.Worker] = m
		l.recalls.busy(e.Worker, e.since)
	}
	m[e.ID] = e
	if e.Ahead {
		l.ahead[e.Worker] = append(l.ahead[e.Worker], e)
	}
}

// unhold records that its worker does not have the chunk any more. What waits behind it
// moves up.
func (l *Ledger) unhold(e *entry) {
	w := e.Worker
	delete(l.held[w], e.ID)
	if e.Ahead {
		l.ahead[w] = slices.DeleteFunc(l.ahead[w], func(x *entry) bool { return x == e })
		e.Ahead = false
	} else {
		l.moveUp(w, 1+len(l.held[w])-len(l.ahead[w]))
	}
	if len(l.held[w]) == 0 {
		delete(l.held, w)
		delete(l.ahead, w)
	}
}

// moveUp lets chunks that wait behind others move up, until as many as the worker has
// slots wait behind none.
func (l *Ledger) moveUp(w messages.WorkerID, slots int) {
	for n := len(l.held[w]) - len(l.ahead[w]); n < slots && len(l.ahead[w]) > 0; n++ {
		l.ahead[w][0].Ahead = false
		l.ahead[w] = l.ahead[w][1:]
	}
}
