package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// marker collects the positions that an actor reports to persistence: while work flows there
// are new ones after each request, and only the last ones count.
type marker struct {
	at   map[place]int64
	last time.Time // when it sent them last
	due  alarm
}

// markEvery is the least time between two marks of an actor.
const markEvery = 50 * time.Millisecond

func newMarker() marker { return marker{at: map[place]int64{}} }

// soon sends what was collected, at most every markEvery.
func (m *marker) soon(ctx actor.Context, persistence *actor.PID, term messages.Term) {
	if len(m.at) == 0 {
		return
	}
	if next := m.last.Add(markEvery); time.Now().Before(next) {
		m.due.by(ctx, next)
		return
	}
	m.send(ctx, persistence, term)
}

// send sends what was collected.
func (m *marker) send(ctx actor.Context, persistence *actor.PID, term messages.Term) {
	if len(m.at) == 0 {
		return
	}
	out := &mark{term: term}
	for at, offset := range m.at {
		out.at = append(out.at, messages.Position{Topic: at.topic, Partition: at.partition, Offset: offset})
	}
	clear(m.at)
	m.last = time.Now()
	ctx.Send(persistence, out)
}
