package actors

import (
	"fmt"
	"log/slog"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/extensions"
)

// unknownMessages logs the messages that reach an actor which does not know them: once
// for each kind of actor and type of message, since such a message comes again and again.
// It is an extension of the actor system, so that every actor finds it.
type unknownMessages struct {
	log    *slog.Logger
	logged sync.Map // by kind of actor and type of message
}

// unknownID is the key of the unknownMessages in a system. The library counts these ids for
// the whole process.
var unknownID = extensions.NextExtensionID()

// ExtensionID implements extensions.Extension.
func (*unknownMessages) ExtensionID() extensions.ExtensionID { return unknownID }

// unknown is the default of every Receive. Messages of the library are of no interest to
// most actors.
func unknown(ctx actor.Context) {
	switch ctx.Message().(type) {
	case actor.SystemMessage, actor.AutoReceiveMessage, *actor.DeadLetterResponse:
		return
	}
	u, ok := ctx.ActorSystem().Extensions.Get(unknownID).(*unknownMessages)
	if !ok {
		return
	}
	kind := fmt.Sprintf("%T to %T", ctx.Message(), ctx.Actor())
	if _, logged := u.logged.LoadOrStore(kind, true); !logged {
		u.log.Warn("an actor does not know a message, and ignores it", "actor", ctx.Self().Id, "message", fmt.Sprintf("%T", ctx.Message()))
	}
}
