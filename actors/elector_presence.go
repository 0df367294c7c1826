package actors

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// say produces the master's heartbeat, and notes its id in the store; what cannot
// be said is skipped.
func (e *elector) say(ctx actor.Context) {
	now := time.Now()
	if e.saying || now.Sub(e.shown) < renewEvery {
		return
	}
	e.saying, e.shown = true, now
	role := "standby"
	if e.leads {
		role = "leader"
	}
	value := messages.MasterHeartbeat{
		MasterID: e.cfg.MasterID, Role: role, Term: e.current.Number, API: e.cfg.API, TS: now.UTC().Format(time.RFC3339Nano),
		Deployment: e.deployment,
	}.Encode()
	record := messages.Record{Topic: e.cfg.HeartbeatTopic, Key: []byte(e.cfg.MasterID), Value: value}
	parent, bus, lease, master, process := e.ctx, e.bus, e.lease, e.cfg.MasterID, e.process
	run(ctx, func() any {
		c, cancel := context.WithTimeout(parent, 2*time.Second)
		defer cancel()
		if bus.Leader(record.Topic, 0) != messages.NoLeader {
			bus.Produce(c, []messages.Record{record})
		}
		out := &said{}
		out.mine, out.err = lease.Present(c, master, process, leaseTTL)
		return out
	})
}

// onSaid ends the master when another process keeps its id: people and tools
// could not tell the two apart. An answer holds for the time when it was asked for: a
// process that was suspended reads it late, and its predecessor's mark has expired.
func (e *elector) onSaid(ctx actor.Context, m *said) {
	e.saying = false
	switch {
	case m.err != nil:
	case m.mine:
		e.taken = time.Time{}
	case e.taken.IsZero():
		e.taken = e.shown
	case e.shown.Sub(e.taken) >= namesakeWait && e.resign == nil:
		ctx.Send(e.owner, &namesake{})
	}
}
