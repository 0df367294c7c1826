package actors

import (
	"log/slog"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// crowd starts actors of which there are thousands. They share their properties, and their
// mailboxes cost little while they are empty. The properties produce the actor that is just
// started: nothing restarts, so they are asked once for each.
type crowd struct {
	props *actor.Props
	mu    sync.Mutex
	next  actor.Actor
}

func newCrowd(sys *actor.ActorSystem, log *slog.Logger) *crowd {
	c := &crowd{}
	c.props = childProps(sys, log, func() actor.Actor { return c.next }).Configure(actor.WithMailbox(actor.UnboundedLockfree()))
	return c
}

// spawn starts an actor as a child. The library produces it before SpawnNamed returns.
func (c *crowd) spawn(ctx actor.Context, name string, a actor.Actor) *actor.PID {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = a
	return mustSpawn(ctx, c.props, name)
}
