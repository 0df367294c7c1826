package actors

import (
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/extensions"
)

// pool runs the mailboxes of a system, and the work beside its actors, in goroutines
// that it keeps: a fresh goroutine has a small stack, which grows by copying again
// for each message. It is a dispatcher of the actor library, and an extension of the
// system, so that every actor finds it.
type pool struct {
	work chan func() // taken by a goroutine that is idle
	quit <-chan struct{}
	idle atomic.Int32
}

// maxIdle is how many goroutines are kept: more than run at once on most machines,
// few enough to cost nothing.
const maxIdle = 64

// poolID is where the pool of a system is found. The library counts these ids for
// the whole process.
var poolID = extensions.NextExtensionID()

// newPool makes a pool whose idle goroutines end when quit is closed, and the others
// when they have ended their work then.
func newPool(quit <-chan struct{}) *pool { return &pool{work: make(chan func()), quit: quit} }

// ExtensionID implements extensions.Extension.
func (*pool) ExtensionID() extensions.ExtensionID { return poolID }

// Throughput implements actor.Dispatcher: how many messages of a mailbox are taken
// before others get their turn. It is the library's own number.
func (*pool) Throughput() int { return 300 }

// Schedule implements actor.Dispatcher.
func (p *pool) Schedule(f func()) {
	select {
	case p.work <- f:
	default:
		go p.keep(f)
	}
}

// keep runs f, and then what comes while there is room for an idle goroutine.
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

// dispatcherOf is the pool of the system, or the library's dispatcher in one without.
func dispatcherOf(sys *actor.ActorSystem) actor.Dispatcher {
	if p, ok := sys.Extensions.Get(poolID).(*pool); ok {
		return p
	}
	return actor.NewDefaultDispatcher((*pool)(nil).Throughput())
}
