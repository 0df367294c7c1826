package actors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/asynkron/protoactor-go/actor"
)

// simDriver runs everything of a simulated world, one step at a time: a message
// of one actor, a call of one actor to the outside, or a step of an agent (a
// worker, or whoever breaks things). Everything else is blocked meanwhile, and the
// seed alone picks the next step. So a seed repeats exactly.
type simDriver struct {
	seed   uint64
	rng    *rand.Rand
	agents []*simAgent
	calls  []*simCall
	over   bool // no further step is wanted

	mu    sync.Mutex
	boxes int        // made so far
	busy  []*simBox  // that hold messages
	fresh []*simCall // made since the last look
	notes []simNote  // to be run before the next step
	asked int        // questions so far
	wake  chan struct{}
	steps int
}

// simProcess is what dies, or stands still, as a whole.
type simProcess struct {
	name    string
	dead    bool
	ordered bool      // it was asked to stop
	frozen  time.Time // it stands still until then
}

// errSimDead is what a process hears after its death. Nobody acts on it: it only
// lets its goroutines end.
var errSimDead = errors.New("the process is dead")

// simAgent is somebody who acts by the clock, or when poked.
type simAgent struct {
	process *simProcess
	at      time.Time                     // of the next step, zero when there is none
	step    func(now time.Time) time.Time // returns when it wants to act again
}

// simCall is a call of an actor to the outside that is under way.
type simCall struct {
	process *simProcess
	key     string // what calls of one process are ordered by
	ctx     context.Context
	at      time.Time       // it ends then, or later
	ready   func() bool     // may be nil
	until   time.Time       // it ends then although it is not ready
	do      func(err error) // gets a cause not to take effect
	done    chan struct{}
	settles time.Duration // the longest delay
}

// simBox is a mailbox that never runs anything itself.
type simBox struct {
	d         *simDriver
	process   *simProcess
	id        int
	invoker   actor.MessageInvoker
	sys, user []any
	ordered   int // so many of user are in order
	suspended bool
	busy      bool // it is in the driver's list
}

func newSimDriver(seed uint64) *simDriver {
	return &simDriver{seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), wake: make(chan struct{}, 1)}
}

// option gives an actor and all below it mailboxes of the driver.
func (d *simDriver) option(p *simProcess) actor.PropsOption {
	return func(props *actor.Props) {
		props.Configure(
			actor.WithMailbox(func() actor.Mailbox { return d.box(p) }),
			actor.WithSpawnMiddleware(func(next actor.SpawnFunc) actor.SpawnFunc {
				return func(sys *actor.ActorSystem, id string, child *actor.Props, parent actor.SpawnerContext) (*actor.PID, error) {
					own := *child // properties may be those of several actors
					return next(sys, id, own.Configure(d.option(p)), parent)
				}
			}))
	}
}

func (d *simDriver) box(p *simProcess) *simBox {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.boxes++
	return &simBox{d: d, process: p, id: d.boxes}
}

func (b *simBox) post(queue *[]any, msg any) {
	b.d.mu.Lock()
	if !b.busy {
		b.busy = true
		b.d.busy = append(b.d.busy, b)
	}
	*queue = append(*queue, msg)
	b.d.mu.Unlock()
	b.d.poke()
}

// PostUserMessage implements actor.Mailbox.
func (b *simBox) PostUserMessage(msg any) { b.post(&b.user, msg) }

// PostSystemMessage implements actor.Mailbox.
func (b *simBox) PostSystemMessage(msg any) { b.post(&b.sys, msg) }

// RegisterHandlers implements actor.Mailbox.
func (b *simBox) RegisterHandlers(i actor.MessageInvoker, _ actor.Dispatcher) { b.invoker = i }

// Start implements actor.Mailbox.
func (b *simBox) Start() {}

// UserMessageCount implements actor.Mailbox.
func (b *simBox) UserMessageCount() int { return len(b.user) }

func (d *simDriver) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// simNote is what is to be done with the answer to a question.
type simNote struct {
	question int // 0 for none
	do       func()
}

// note lets the driver run f before its next step. Several questions may be answered, or time
// out, at one instant: then their number tells the order.
func (d *simDriver) note(question int, f func()) {
	d.mu.Lock()
	d.notes = append(d.notes, simNote{question, f})
	d.mu.Unlock()
	d.poke()
}

// call blocks its caller until the driver has run it.
func (d *simDriver) call(c *simCall) {
	c.done = make(chan struct{})
	d.mu.Lock()
	d.fresh = append(d.fresh, c)
	d.mu.Unlock()
	d.poke()
	<-c.done
}

// run takes steps until stop is set and nothing is left to do.
func (d *simDriver) run() {
	busy := 0
	for {
		// Each step has an instant of its own, so that no two timers that were set
		// by different steps end at once.
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		d.order()
		d.admit()
		if d.over {
			return
		}
		if d.step(time.Now()) {
			if busy++; busy > maxBusy {
				panic(fmt.Sprintf("seed %d: %d steps without rest, actors keep each other busy forever", d.seed, busy))
			}
			continue
		}
		busy = 0
		d.rest()
	}
}

// maxBusy is how many steps there may be without rest: the busiest worlds take some
// thousands.
const maxBusy = 1_000_000

// admit takes in what was called since the last look.
func (d *simDriver) admit() {
	fresh := d.listen()
	slices.SortStableFunc(fresh, func(a, b *simCall) int {
		return cmp.Or(cmp.Compare(a.process.name, b.process.name), cmp.Compare(a.key, b.key))
	})
	for _, c := range fresh {
		c.at = time.Now().Add(d.delay(c.settles))
	}
	d.calls = append(d.calls, fresh...)
}

// listen runs the notes and returns the calls since the last look.
func (d *simDriver) listen() []*simCall {
	for {
		d.mu.Lock()
		fresh, notes := d.fresh, d.notes
		if d.notes = nil; len(notes) == 0 {
			d.fresh = nil
			d.mu.Unlock()
			return fresh
		}
		d.mu.Unlock()
		slices.SortStableFunc(notes, func(a, b simNote) int { return cmp.Compare(a.question, b.question) })
		for _, n := range notes {
			n.do()
		}
		synctest.Wait() // what they began has come to rest, too
	}
}

// delay is mostly short.
func (d *simDriver) delay(longest time.Duration) time.Duration {
	if longest == 0 {
		longest = 4 * time.Millisecond
		if d.rng.IntN(20) == 0 {
			longest = 300 * time.Millisecond
		}
	}
	return time.Duration(d.rng.Int64N(int64(longest)))
}

// step takes one step, if any can be taken now.
func (d *simDriver) step(now time.Time) bool {
	d.mu.Lock()
	var boxes []*simBox
	d.busy = slices.DeleteFunc(d.busy, func(b *simBox) bool {
		b.busy = len(b.sys)+len(b.user) > 0
		return !b.busy
	})
	slices.SortFunc(d.busy, func(a, b *simBox) int { return cmp.Compare(a.id, b.id) })
	for _, b := range d.busy {
		if !now.Before(b.process.frozen) && (len(b.sys) > 0 || len(b.user) > 0 && !b.suspended) {
			boxes = append(boxes, b)
		}
	}
	d.mu.Unlock()
	var calls []int
	for i, c := range d.calls {
		if c.due(now) {
			calls = append(calls, i)
		}
	}
	var agents []*simAgent
	for _, a := range d.agents {
		if !a.at.IsZero() && !now.Before(a.at) && !now.Before(a.process.frozen) {
			agents = append(agents, a)
		}
	}
	n := len(boxes) + len(calls) + len(agents)
	if n == 0 {
		return false
	}
	d.steps++
	pick := d.rng.IntN(n)
	switch {
	case pick < len(boxes):
		boxes[pick].take()
	case pick < len(boxes)+len(calls):
		i := calls[pick-len(boxes)]
		c := d.calls[i]
		d.calls = slices.Delete(d.calls, i, i+1)
		c.do(c.cause())
		close(c.done)
	default:
		a := agents[pick-len(boxes)-len(calls)]
		a.at = time.Time{}
		if next := a.step(now); !next.IsZero() && (a.at.IsZero() || next.Before(a.at)) {
			a.at = next
		}
	}
	return true
}

func (c *simCall) cause() error {
	if c.process.dead {
		return errSimDead
	}
	return c.ctx.Err()
}

func (c *simCall) due(now time.Time) bool {
	if c.cause() != nil {
		return true
	}
	if now.Before(c.at) {
		return false
	}
	return c.ready == nil || c.ready() || !c.until.IsZero() && !now.Before(c.until)
}

// take lets the actor have its next message, as the library's mailbox does.
func (b *simBox) take() {
	b.d.mu.Lock()
	var msg any
	system := len(b.sys) > 0
	if system {
		msg, b.sys = b.sys[0], b.sys[1:]
	} else {
		msg, b.user = b.user[0], b.user[1:]
		b.ordered = max(0, b.ordered-1)
	}
	b.d.mu.Unlock()
	defer func() {
		if r := recover(); r != nil {
			b.invoker.EscalateFailure(r, msg)
		}
	}()
	switch msg.(type) {
	case *actor.SuspendMailbox:
		b.suspended = true
	case *actor.ResumeMailbox:
		b.suspended = false
	}
	if system {
		b.invoker.InvokeSystemMessage(msg)
	} else {
		b.invoker.InvokeUserMessage(msg)
	}
}

// rest lets time pass until something can happen.
func (d *simDriver) rest() {
	now := time.Now()
	next := now.Add(time.Hour)
	for _, c := range d.calls {
		for _, at := range []time.Time{c.at, c.until} {
			if at.After(now) && at.Before(next) {
				next = at
			}
		}
		if at, ok := c.ctx.Deadline(); ok && at.After(now) && at.Before(next) {
			next = at
		}
	}
	for _, a := range d.agents {
		at := a.at
		if !at.IsZero() && at.Before(a.process.frozen) {
			at = a.process.frozen
		}
		if at.After(now) && at.Before(next) {
			next = at
		}
	}
	d.mu.Lock()
	for _, b := range d.busy {
		if at := b.process.frozen; at.After(now) && at.Before(next) {
			next = at
		}
	}
	d.mu.Unlock()
	timer := time.NewTimer(max(1, next.Sub(now))) // see alarm.set
	select {
	case <-d.wake:
	case <-timer.C:
	}
	timer.Stop()
}

// order puts what timers sent at one instant into an order of its own: theirs is
// that of Go's scheduler. Alarms of one actor are fields of one structure.
func (d *simDriver) order() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range d.busy {
		late := b.user[min(b.ordered, len(b.user)):]
		if b.ordered = len(b.user); len(late) < 2 {
			continue
		}
		var at []int
		var rings []any
		for i, msg := range late {
			if _, ok := actor.UnwrapEnvelopeMessage(msg).(*rang); ok {
				at, rings = append(at, i), append(rings, msg)
			}
		}
		slices.SortStableFunc(rings, func(a, b any) int {
			x, y := actor.UnwrapEnvelopeMessage(a).(*rang), actor.UnwrapEnvelopeMessage(b).(*rang)
			return cmp.Or(cmp.Compare(x.gen, y.gen), cmp.Compare(uintptr(unsafe.Pointer(x.alarm)), uintptr(unsafe.Pointer(y.alarm))))
		})
		for n, i := range at {
			late[i] = rings[n]
		}
	}
}
