package actors

import (
	"context"
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// errUnled is why a heartbeat is not even tried.
var errUnled = errors.New("no broker is known that leads the topic of the masters' heartbeats")

// sendHeartbeat produces the master's heartbeat and stores the id of its process. One that
// cannot be sent is skipped.
func (e *elector) sendHeartbeat(ctx actor.Context) {
	now := time.Now()
	if e.beating || now.Sub(e.heartbeatAt) < renewEvery {
		return
	}
	e.beating, e.heartbeatAt = true, now
	value := e.heartbeat(now).Encode()
	record := messages.Record{Topic: e.cfg.HeartbeatTopic, Key: []byte(e.cfg.MasterID), Value: value}
	bus, lease, master, process := e.bus, e.lease, e.cfg.MasterID, e.process
	call(ctx, e.ctx, 2*time.Second, func(c context.Context) any {
		out := &heartbeatSent{unsent: errUnled}
		if bus.Leader(record.Topic, 0) != messages.NoLeader {
			out.unsent = bus.Produce(c, []messages.Record{record})[0].Err
		}
		out.mine, out.err = lease.Present(c, master, process, leaseTTL)
		return out
	})
}

// onHeartbeatSent ends the master when another process keeps its id, because people and
// tools could not distinguish the two. An answer counts for the time of its question: a
// process that was suspended reads the answer late, when the id of its predecessor has
// expired.
func (e *elector) onHeartbeatSent(ctx actor.Context, m *heartbeatSent) {
	e.beating = false
	if m.unsent != nil && e.unsent == nil {
		e.unsentAt = e.heartbeatAt
	}
	e.unsent = m.unsent
	switch {
	case m.err != nil:
	case m.mine:
		e.namesakeAt = time.Time{}
	case e.namesakeAt.IsZero():
		e.namesakeAt = e.heartbeatAt
	case e.heartbeatAt.Sub(e.namesakeAt) >= namesakeWait && e.resign == nil:
		ctx.Send(e.owner, &namesake{})
	}
}
