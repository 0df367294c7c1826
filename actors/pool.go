package actors

import (
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/extensions"
)

// pool runs the mailboxes of a system, and the work beside its actors, in goroutines that
// it keeps. The stack of a new goroutine is small, and would have to grow by copying for
// each message. The pool is a dispatcher of the actor library, and an extension of the
// system, so that every actor finds it.
type pool struct {
	work     chan func() // received by idle goroutines
	quit     <-chan struct{}
	idle     atomic.Int32
	counters *Counters
}

// maxIdle is how many idle goroutines are kept: more than run at once on most machines, and
// few enough to cost nothing.
const maxIdle = 64

// poolID is the key of the pool in a system. The library counts these ids for the whole
// process.
var poolID = extensions.NextExtensionID()

// newPool returns a pool whose goroutines end once quit is closed and their work is done.
func newPool(quit <-chan struct{}, counters *Counters) *pool {
	return &pool{work: make(chan func()), quit: quit, counters: counters}
}

// ExtensionID implements extensions.Extension.
func (*pool) ExtensionID() extensions.ExtensionID { return poolID }

// Throughput implements actor.Dispatcher. It is how many messages of a mailbox are handled
// before another mailbox gets its turn; 300 is the default of the library.
func (*pool) Throughput() int { return 300 }

// Schedule implements actor.Dispatcher.
func (p *pool) Schedule(f func()) {
	select {
	case p.work <- f:
	default:
		p.counters.goroutineStarted()
		go p.keep(f)
	}
}

// keep runs f, and then more work as long as there is room for an idle goroutine.
func (p *pool) keep(f func()) {
	for {
		f()
		if p.idle.Add(1) > maxIdle {
			p.idle.Add(-1)
			return
		}
		select {
		case f = <-p.work:
			p.idle.Add(-1)
		case <-p.quit:
			return
		}
	}
}

// dispatcherOf returns the pool of the system, or the dispatcher of the library when the
// system has none.
func dispatcherOf(sys *actor.ActorSystem) actor.Dispatcher {
	if p, ok := sys.Extensions.Get(poolID).(*pool); ok {
		return p
	}
	return actor.NewDefaultDispatcher((*pool)(nil).Throughput())
}
