package actors

import (
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/extensions"
)

// Counters counts what the actors of a system do, for a measurement. It is an extension of
// the system, so that every actor finds it. The methods of a nil Counters do nothing.
type Counters struct {
	timers     atomic.Int64
	goroutines atomic.Int64
	messages   sync.Map // by reflect.Type of an actor: *sync.Map of *atomic.Int64 by reflect.Type of a message
}

// Counts is the state of Counters.
type Counts struct {
	Messages   map[string]int64 // handled messages, by the types of the message and the actor
	Timers     int64            // alarms for which a timer was started
	Goroutines int64            // goroutines that were started for actors and the work beside them
}

// countersID is the key of the Counters in a system. The library counts these ids for the
// whole process.
var countersID = extensions.NextExtensionID()

// ExtensionID implements extensions.Extension.
func (*Counters) ExtensionID() extensions.ExtensionID { return countersID }

// Read returns what was counted until now.
func (c *Counters) Read() Counts {
	out := Counts{Messages: map[string]int64{}, Timers: c.timers.Load(), Goroutines: c.goroutines.Load()}
	c.messages.Range(func(to, counts any) bool {
		counts.(*sync.Map).Range(func(message, n any) bool {
			out.Messages[message.(reflect.Type).String()+" to "+to.(reflect.Type).String()] = n.(*atomic.Int64).Load()
			return true
		})
		return true
	})
	return out
}

// countersOf returns the Counters of the system, nil when nothing is counted.
func countersOf(sys *actor.ActorSystem) *Counters {
	c, _ := sys.Extensions.Get(countersID).(*Counters)
	return c
}

func (c *Counters) timerStarted() {
	if c != nil {
		c.timers.Add(1)
	}
}

func (c *Counters) goroutineStarted() {
	if c != nil {
		c.goroutines.Add(1)
	}
}

// counted returns the option that counts the messages of one actor; it changes nothing
// without Counters.
func (c *Counters) counted() actor.PropsOption {
	if c == nil {
		return func(*actor.Props) {}
	}
	return actor.WithReceiverMiddleware(func(next actor.ReceiverFunc) actor.ReceiverFunc {
		return func(ctx actor.ReceiverContext, env *actor.MessageEnvelope) {
			c.count(reflect.TypeOf(ctx.Actor()), reflect.TypeOf(env.Message))
			next(ctx, env)
		}
	})
}

// count counts a message. It keeps nothing for a single actor, so that the memory of a system
// that is counted stays what it is.
func (c *Counters) count(to, message reflect.Type) {
	counts, ok := c.messages.Load(to)
	if !ok {
		counts, _ = c.messages.LoadOrStore(to, &sync.Map{})
	}
	n, ok := counts.(*sync.Map).Load(message)
	if !ok {
		n, _ = counts.(*sync.Map).LoadOrStore(message, &atomic.Int64{})
	}
	n.(*atomic.Int64).Add(1)
}
