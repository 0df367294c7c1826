package actors

import (
	"context"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// ingress reads the worker topics, without a consumer group, from the stored
// offsets. Per leading broker one fetch is in flight; its messages go to the
// fleet. A batch counts as read once every one of its messages was acknowledged,
// and only then its offsets are stored.
type ingress struct {
	ingressDeps

	fleet *actor.PID

	ctx      context.Context
	cancel   context.CancelFunc
	at       map[place]*reading
	fetching map[int32]bool // by leader
	batches  map[uint64]*readBatch
	last     uint64 // number of the last batch
	paused   alarm
	pause    backoff
	asked    []question
	shown    map[place]int64 // offsets that lag tools do not know yet
	show     alarm
	draining *actor.PID
	blind    map[int32]time.Time // by leader: since when nothing can be read there
	away     transitionLog
	ignored  uint64
	unread   int // batches that could not be read
}

// ingressDeps is what the term gives to ingress.
type ingressDeps struct {
	bus   Consumer
	log   *slog.Logger
	term  messages.Term
	group string // under which read offsets are shown to lag tools
	// ends are those of the topics when the term began.
	ends        map[string]topicEnds
	persistence *actor.PID
	owner       *actor.PID
}

// reading is how far one partition was read.
type reading struct {
	next  int64
	end   int64 // -1 until known
	fresh int64 // what lies before was there when the term began
}

// readBatch is the messages of one fetch.
type readBatch struct {
	left int
	upTo map[place]int64
	at   time.Time // when it was read
}

// question is somebody who wants to know when everything was read that is in
// the topics now.
type question struct {
	askCaughtUp
	pending map[int32]bool // leaders whose next whole fetch is missing
}

type (
	// acked acknowledges n messages of a batch.
	acked struct {
		batch uint64
		n     int
	}
	// readFor starts the reading: the messages go to the fleet.
	readFor struct{ fleet *actor.PID }
	// askCaughtUp asks for caughtUp once everything was read that was there when the
	// question arrived. What a worker sent to one topic may be read before what it sent
	// earlier to the other, so whatever follows from silence is decided after this
	// answer. It goes by way of the fleet and the supervisor, behind the messages that
	// were read.
	askCaughtUp struct {
		supervisor    *actor.PID
		forFreeWorker bool // the supervisor passes the answer on to its free-worker
	}
	// drain asks an actor to end its work; the answer is the same message.
	drain struct{}

	fetched struct {
		leader int32
		list   []messages.Fetched
		err    error
	}
	showDone struct{}
	bounds   struct {
		topic      string
		start, end []int64
		err        error
	}
)

const (
	// fetchWait is how long a fetch waits for the first byte. It bounds how long
	// a question whether everything was read takes to answer.
	fetchWait = 250 * time.Millisecond
	// showEvery is how often read offsets are committed for lag tools.
	showEvery = 5 * time.Second
	// ackTimeout is how long a message may be on its way through the actors.
	ackTimeout = 30 * time.Second
	// blindFor is how long reading must fail to excuse silence.
	blindFor = time.Second
	// maxRewind is how many messages are read again when a partition ends before
	// what was read: after a loss of all records that is all there is.
	maxRewind = 10_000
	// maxOpenBatches bounds the messages on their way through the actors.
	maxOpenBatches = 16
)

// newIngress reads from the given positions on.
func newIngress(deps ingressDeps, from []messages.Position) actor.Actor {
	i := &ingress{
		ingressDeps: deps, at: map[place]*reading{}, fetching: map[int32]bool{}, batches: map[uint64]*readBatch{},
		shown: map[place]int64{}, blind: map[int32]time.Time{},
		away:  transitionLog{failed: "worker messages cannot be read", recovered: "worker messages can be read again"},
		pause: backoff{min: 50 * time.Millisecond, max: kafkaPause},
	}
	for _, p := range from {
		r := &reading{next: p.Offset, end: -1}
		if ends := i.ends[p.Topic].end; int(p.Partition) < len(ends) {
			r.fresh = ends[p.Partition]
		}
		i.at[place{p.Topic, p.Partition}] = r
	}
	return i
}

// Receive implements actor.Actor.
func (i *ingress) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		i.ctx, i.cancel = context.WithCancel(context.Background())
		i.show.set(ctx, showEvery)
	case *readFor:
		i.fleet = m.fleet
		i.fetch(ctx)
	case *actor.Stopping:
		i.cancel()
		i.paused.stop()
		i.show.stop()
	case *fetched:
		i.onFetched(ctx, m)
	case *bounds:
		i.clamp(m)
		i.adopt(ctx, m)
	case *workerTopics:
		i.compare(ctx, m)
	case *acked:
		i.onAcked(ctx, m)
	case *askCaughtUp:
		i.onAsk(m)
	case *drain:
		i.draining = ctx.Sender()
		i.cancel()
		i.answerDrain(ctx)
	case *rang:
		switch {
		case i.paused.rings(m):
			i.fetch(ctx)
		case i.show.rings(m):
			i.commit(ctx)
		}
	case *showDone:
		i.show.set(ctx, showEvery)
		i.guard(ctx)
	default:
		unknown(ctx)
	}
}

// guard ends this actor when a message is not acknowledged for too long: somebody
// lost it, and reading would stop for good. Everything then begins again from the
// stored offsets.
func (i *ingress) guard(ctx actor.Context) {
	low := i.last - uint64(len(i.batches)) + 1
	b := i.batches[low]
	if b == nil || i.draining != nil || time.Since(b.at) < ackTimeout {
		return
	}
	i.log.Error("worker messages were lost on their way, reading them again", "batch", low, "missing", b.left)
	ctx.Stop(ctx.Self())
}

// commit shows lag tools how far the worker topics were read. The stored offsets
// decide; one that cannot be shown is shown later.
func (i *ingress) commit(ctx actor.Context) {
	var at []messages.Position
	for p, offset := range i.shown {
		at = append(at, messages.Position{Topic: p.topic, Partition: p.partition, Offset: offset})
	}
	i.shown = map[place]int64{}
	bus, parent, group, log := i.bus, i.ctx, i.group, i.log
	run(ctx, func() any {
		if len(at) > 0 && group != "" {
			c, cancel := context.WithTimeout(parent, showEvery)
			defer cancel()
			if err := bus.CommitOffsets(c, group, at); err != nil {
				log.Debug("read offsets cannot be shown to lag tools", "group", group, "err", err)
			}
		}
		return &showDone{}
	})
}

// fetch starts a fetch at every leader that has none.
func (i *ingress) fetch(ctx actor.Context) {
	if i.draining != nil || i.paused.timer != nil || len(i.batches) >= maxOpenBatches {
		return
	}
	for leader, from := range i.byLeader() {
		if i.fetching[leader] {
			continue
		}
		i.fetching[leader] = true
		for n := range i.asked {
			if started, ok := i.asked[n].pending[leader]; ok && !started {
				i.asked[n].pending[leader] = true
			}
		}
		bus, parent := i.bus, i.ctx
		run(ctx, func() any {
			c, cancel := context.WithTimeout(parent, fetchWait+10*time.Second)
			defer cancel()
			list, err := bus.Fetch(c, from, fetchWait)
			return &fetched{leader: leader, list: list, err: err}
		})
	}
}

func (i *ingress) byLeader() map[int32][]messages.Position {
	groups := map[int32][]messages.Position{}
	for at, r := range i.at {
		leader := i.bus.Leader(at.topic, at.partition)
		groups[leader] = append(groups[leader], messages.Position{Topic: at.topic, Partition: at.partition, Offset: r.next})
	}
	return groups
}

func (i *ingress) onFetched(ctx actor.Context, m *fetched) {
	delete(i.fetching, m.leader)
	err := m.err
	if i.draining != nil {
		i.answerDrain(ctx)
		return
	}
	if err == nil {
		err = i.read(ctx, m.list)
	}
	i.look(ctx, m.leader, err)
	i.report(ctx, err)
	if err != nil {
		for n := range i.asked {
			if _, ok := i.asked[n].pending[m.leader]; ok {
				i.asked[n].pending[m.leader] = false
			}
		}
		i.paused.set(ctx, i.pause.next())
		return
	}
	i.pause.reset()
	i.answer(ctx, m.leader)
	i.fetch(ctx)
}

// look notes since when nothing can be read, and tells of the end of that.
func (i *ingress) look(ctx actor.Context, leader int32, err error) {
	since, blind := i.blind[leader]
	switch {
	case err != nil && !blind:
		i.blind[leader] = time.Now()
	case err == nil && blind:
		delete(i.blind, leader)
		if time.Since(since) >= blindFor {
			ctx.Send(i.fleet, &readsResumed{})
		}
	}
}

func (i *ingress) onAcked(ctx actor.Context, m *acked) {
	if b := i.batches[m.batch]; b != nil {
		if b.left -= m.n; b.left <= 0 {
			i.settle(ctx)
			i.fetch(ctx)
		}
	}
	i.answerDrain(ctx)
}

// settle stores the offsets of the batches that were acknowledged, up to the
// first that was not.
func (i *ingress) settle(ctx actor.Context) {
	low := i.last - uint64(len(i.batches)) + 1
	var out messages.Batch
	for n := low; n <= i.last; n++ {
		b := i.batches[n]
		if b.left > 0 {
			break
		}
		delete(i.batches, n)
		for at, offset := range b.upTo {
			i.shown[at] = offset
			out.Offsets = append(out.Offsets, messages.Position{Topic: at.topic, Partition: at.partition, Offset: offset})
		}
	}
	if !out.Empty() {
		ctx.Send(i.persistence, &write{term: i.term, batch: out})
	}
}

func (i *ingress) onAsk(m *askCaughtUp) {
	q := question{askCaughtUp: *m, pending: map[int32]bool{}}
	for leader := range i.byLeader() {
		q.pending[leader] = false
	}
	i.asked = append(i.asked, q)
}

// answer tells those who asked before the fetch of this leader began.
func (i *ingress) answer(ctx actor.Context, leader int32) {
	behind := false
	for _, r := range i.at {
		behind = behind || r.end > r.next
	}
	var open []question
	leaders := i.byLeader()
	for _, q := range i.asked {
		for l := range q.pending {
			if _, ok := leaders[l]; !ok {
				delete(q.pending, l) // its partitions moved to another broker
			}
		}
		if q.pending[leader] && !behind {
			delete(q.pending, leader)
		}
		if len(q.pending) > 0 {
			open = append(open, q)
			continue
		}
		ctx.Send(i.fleet, &caughtUp{supervisor: q.supervisor, forFreeWorker: q.forFreeWorker})
	}
	i.asked = open
}

func (i *ingress) answerDrain(ctx actor.Context) {
	if i.draining != nil && len(i.fetching) == 0 && len(i.batches) == 0 {
		ctx.Send(i.draining, &drain{})
		i.draining = nil
	}
}

// report tells the owner when a broker cannot be read, and when all can again. A
// broker that leads nothing any more is none of them.
func (i *ingress) report(ctx actor.Context, err error) {
	if err == nil && len(i.blind) > 0 {
		leaders := i.byLeader()
		for l := range i.blind {
			if _, leads := leaders[l]; !leads {
				delete(i.blind, l)
			}
		}
		if len(i.blind) > 0 {
			return
		}
	}
	if i.away.record(i.log, err) {
		ctx.Send(i.owner, &busState{err: err})
	}
}
