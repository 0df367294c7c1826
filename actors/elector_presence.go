package actors

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// sendHeartbeat produces the master's heartbeat and stores the id of its process. One that
// cannot be sent is skipped.
func (e *elector) sendHeartbeat(ctx actor.Context) {
	now := time.Now()
	if e.beating || now.Sub(e.heartbeatAt) < renewEvery {
		return
	}
	e.beating, e.heartbeatAt = true, now
	role := "standby"
	if e.leads {
		role = "leader"
	}
	value := messages.MasterHeartbeat{
		MasterID: e.cfg.MasterID, Role: role, Term: e.current.Number, API: e.cfg.API, TS: now.UTC().Format(time.RFC3339Nano),
		Deployment: e.deployment,
	}.Encode()
	record := messages.Record{Topic: e.cfg.HeartbeatTopic, Key: []byte(e.cfg.MasterID), Value: value}
	bus, lease, master, process := e.bus, e.lease, e.cfg.MasterID, e.process
	call(ctx, e.ctx, 2*time.Second, func(c context.Context) any {
		if bus.Leader(record.Topic, 0) != messages.NoLeader {
			bus.Produce(c, []messages.Record{record})
		}
		out := &heartbeatSent{}
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
