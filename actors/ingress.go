package actors

import (
	"context"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// ingress reads the worker topics from the stored offsets, without a consumer group. One
// fetch is in flight per leading broker. Its messages go to the fleet. The offsets of a
// fetch are stored once all of its messages are acknowledged.
type ingress struct {
	ingressDeps

	fleet *actor.PID

	ctx      context.Context
	cancel   context.CancelFunc
	at       map[place]*reading
	fetching map[int32]bool // leaders with a fetch in flight
	batches  map[uint64]*readBatch
	last     uint64 // number of the last batch
	paused   alarm
	quiet    bool  // nothing but the heartbeats of workers without chunks was read last, and no worker has any
	resting  alarm // ends the rest before the next fetch, which only a quiet time has
	pause    backoff
	asked    []question
	marks    marker          // offsets that may be stored
	unshown  map[place]int64 // offsets that lag tools do not know yet
	show     alarm
	draining *actor.PID          // who asked for the drain, nil before
	failing  map[int32]time.Time // leaders that cannot be read, with the first failure
	away     transitionLog
	ignored  uint64 // messages that were dropped
	skipped  int    // batches that could not be decoded
}

// ingressDeps is what the term gives to ingress.
type ingressDeps struct {
	bus         Consumer
	log         *slog.Logger
	term        messages.Term
	group       string               // consumer group under which lag tools find the read offsets
	ends        map[string]topicEnds // ends of the topics when the term began
	persistence *actor.PID
	owner       *actor.PID
}

// reading is the progress in one partition.
type reading struct {
	next  int64
	end   int64 // -1 until it is known
	fresh int64 // end of what was there when the term began
}

// readBatch are the messages of one fetch.
type readBatch struct {
	left   int             // messages that are not acknowledged
	upTo   map[place]int64 // offsets that are stored once none is left
	readAt time.Time
}

type (
	// acked acknowledges n messages of a batch.
	acked struct {
		batch uint64
		n     int
		quiet bool // these were all, they only show that workers live, and no worker has a chunk
	}
	// ackedBatches acknowledges messages of several batches.
	ackedBatches struct{ list []acked }
	// attend ends a quiet time: a worker has a chunk.
	attend struct{}
	// readFor starts the reading: the messages go to the fleet.
	readFor struct{ fleet *actor.PID }
	// workerTopics reports at every check how many partitions each worker
	// topic has.
	workerTopics struct{ partitions map[string]int }
	// askCaughtUp asks for caughtUp once everything was read that was there when the
	// question arrived. What a worker sent to one topic may be read before what it sent
	// earlier to the other, so whatever follows from silence is decided after this
	// answer. It goes by way of the fleet and the supervisor, behind the messages that
	// were read.
	askCaughtUp struct {
		supervisor    *actor.PID
		forFreeWorker bool // the supervisor passes the answer on to its free-worker
	}
	// drain asks an actor to finish its work. The answer is the same message.
	drain struct{}

	fetched struct {
		leader int32
		list   []messages.Fetched
		err    error
	}
	// offsetsShown reports the end of a commit for lag tools.
	offsetsShown struct{}
	// bounds reports the ends of a topic.
	bounds struct {
		topic      string
		start, end []int64
		err        error
	}
)

const (
	// fetchWait is how long a fetch waits for the first byte, and so bounds the time to
	// answer whether everything was read.
	fetchWait = 250 * time.Millisecond
	// quietRest is the pause before a fetch while no worker has a chunk and none says anything
	// but that it lives. The heartbeats of thousands of workers would otherwise cost a fetch
	// each. It delays what else is read then, such as an announcement.
	quietRest = 100 * time.Millisecond
	// showEvery is the pause between two commits of the read offsets for lag tools.
	showEvery = 5 * time.Second
	// ackTimeout is how long a message may go unacknowledged.
	ackTimeout = 30 * time.Second
	// excuseAfter is how long reads must fail to excuse the silence of workers.
	excuseAfter = time.Second
	// maxRewind is how many messages are read again when a partition ends before the
	// offset that was reached, because it lost records.
	maxRewind = 10_000
	// maxOpenBatches bounds the batches that are not acknowledged.
	maxOpenBatches = 16
)

// newIngress returns an ingress that reads from the given positions on.
func newIngress(deps ingressDeps, from []messages.Position) actor.Actor {
	i := &ingress{
		ingressDeps: deps, at: map[place]*reading{}, fetching: map[int32]bool{}, batches: map[uint64]*readBatch{},
		marks: newMarker(), unshown: map[place]int64{}, failing: map[int32]time.Time{},
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
		i.resting.stop()
		i.marks.due.stop()
		i.show.stop()
	case *fetched:
		i.onFetched(ctx, m)
	case *bounds:
		i.clamp(m)
		i.adoptPartitions(ctx, m)
	case *workerTopics:
		i.comparePartitions(ctx, m)
	case *acked:
		i.onAcked(ctx, m)
	case *ackedBatches:
		for _, one := range m.list {
			i.onAcked(ctx, &one)
		}
	case *attend:
		i.endQuiet(ctx)
	case *askCaughtUp:
		i.onAsk(m)
		i.endQuiet(ctx)
	case *drain:
		i.draining = ctx.Sender()
		i.cancel()
		i.answerDrain(ctx)
	case *rang:
		switch {
		case i.paused.rings(m), i.resting.rings(m):
			i.fetch(ctx)
		case i.marks.due.rings(m):
			i.marks.send(ctx, i.persistence, i.term)
		case i.show.rings(m):
			i.showOffsets(ctx)
		}
	case *offsetsShown:
		i.show.set(ctx, showEvery)
		i.endOnLostMessage(ctx)
	default:
		unknown(ctx)
	}
}

// endOnLostMessage ends this actor when a message is not acknowledged for too long: it was
// lost, and reading would soon stop for good. The next term reads it again from the stored
// offsets.
func (i *ingress) endOnLostMessage(ctx actor.Context) {
	low := i.last - uint64(len(i.batches)) + 1
	b := i.batches[low]
	if b == nil || i.draining != nil || time.Since(b.readAt) < ackTimeout {
		return
	}
	i.log.Error("worker messages were not acknowledged in time, reading them again", "batch", low, "missing", b.left)
	ctx.Stop(ctx.Self())
}

// showOffsets commits the read offsets for lag tools. Only the stored offsets count, so a
// commit that fails is left to the next one.
func (i *ingress) showOffsets(ctx actor.Context) {
	var at []messages.Position
	for p, offset := range i.unshown {
		at = append(at, messages.Position{Topic: p.topic, Partition: p.partition, Offset: offset})
	}
	i.unshown = map[place]int64{}
	bus, parent, group, log := i.bus, i.ctx, i.group, i.log
	run(ctx, func() any {
		if len(at) > 0 && group != "" {
			c, cancel := context.WithTimeout(parent, showEvery)
			defer cancel()
			if err := bus.CommitOffsets(c, group, at); err != nil {
				log.Debug("the read offsets cannot be committed for lag tools", "group", group, "err", err)
			}
		}
		return &offsetsShown{}
	})
}

// fetch starts a fetch from every leader that has none in flight.
func (i *ingress) fetch(ctx actor.Context) {
	if i.draining != nil || i.paused.timer != nil || i.resting.timer != nil || len(i.batches) >= maxOpenBatches {
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

// byLeader returns the positions to read next, by the leader of their partitions.
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
	i.trackFailure(ctx, m.leader, err)
	i.reportKafka(ctx, err)
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
	i.answerCaughtUp(ctx, m.leader)
	if i.quiet && len(m.list) > 0 && len(i.asked) == 0 {
		i.resting.set(ctx, quietRest)
	}
	i.fetch(ctx)
}

// endQuiet reads on at once, and without a rest until the next batch shows that all is quiet.
func (i *ingress) endQuiet(ctx actor.Context) {
	i.quiet = false
	if i.resting.timer != nil {
		i.resting.stop()
		i.fetch(ctx)
	}
}

// trackFailure remembers since when a leader cannot be read, and excuses the silence of
// the workers when it can be read again.
func (i *ingress) trackFailure(ctx actor.Context, leader int32, err error) {
	since, failing := i.failing[leader]
	switch {
	case err != nil && !failing:
		i.failing[leader] = time.Now()
	case err == nil && failing:
		delete(i.failing, leader)
		if time.Since(since) >= excuseAfter {
			ctx.Send(i.fleet, &readsResumed{})
		}
	}
}

func (i *ingress) onAcked(ctx actor.Context, m *acked) {
	if m.quiet {
		i.quiet = true
	} else {
		i.endQuiet(ctx)
	}
	if b := i.batches[m.batch]; b != nil {
		if b.left -= m.n; b.left <= 0 {
			i.storeOffsets(ctx)
			i.fetch(ctx)
		}
	}
	i.answerDrain(ctx)
}

// storeOffsets stores the offsets of the batches before the first one that is not
// acknowledged.
func (i *ingress) storeOffsets(ctx actor.Context) {
	low := i.last - uint64(len(i.batches)) + 1
	for n := low; n <= i.last; n++ {
		b := i.batches[n]
		if b.left > 0 {
			break
		}
		delete(i.batches, n)
		for at, offset := range b.upTo {
			i.unshown[at], i.marks.at[at] = offset, offset
		}
	}
	i.marks.soon(ctx, i.persistence, i.term)
}

// reportKafka reports to the owner when a broker cannot be read, and when all can be read
// again. A broker that no longer leads a partition does not count.
func (i *ingress) reportKafka(ctx actor.Context, err error) {
	if err == nil && len(i.failing) > 0 {
		leaders := i.byLeader()
		for l := range i.failing {
			if _, leads := leaders[l]; !leads {
				delete(i.failing, l)
			}
		}
		if len(i.failing) > 0 {
			return
		}
	}
	if i.away.record(i.log, err) {
		ctx.Send(i.owner, &busState{err: err})
	}
}
