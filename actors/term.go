package actors

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// term leads one term: it loads the state, starts the actors that work, passes messages
// of the topics on to them, owns the batch size, and lets them finish at a stop. When one
// of its children fails it ends, and everything begins again from the store under a new
// term.
type term struct {
	termDeps
	ctx        context.Context
	cancel     context.CancelFunc
	retry      alarm
	pause      backoff
	snap       messages.Snapshot // loaded state, until the children have it
	ready      *topicsReady      // nil until the topics are ready
	deployment string            // random id of what the state store holds
	batch      int               // batch size that files are planned with
	committed  int               // batch size in the store, 0 until it is known
	written    int               // batch size that was sent to persistence last
	logLevel   string            // of all masters
	problems   problems
	ignored    uint64 // messages that ingress dropped
	pub        publisher
	ending     bool         // children end because this actor ends
	draining   *actor.PID   // who asked for the drain, nil before
	drains     []*actor.PID // children that still have to drain, in order

	unread       messages.PartitionErrors // partitions of the chunk topic that the term began without
	tailFailedAt time.Time                // first failure to read the tail, zero when there was none

	topics, intake, dispatcher, fleet, ingress, group *actor.PID
}

// termDeps is what the master gives to a term.
type termDeps struct {
	cfg         Config
	parts       Parts
	log         *slog.Logger
	term        messages.Term
	trusted     time.Time // end of the trust in the lease
	persistence *actor.PID
	egress      *actor.PID
	view        *actor.PID
}

type (
	// childProblem reports a problem that a child has found. It is over when the text is
	// empty.
	childProblem struct {
		key     string
		problem messages.Problem
	}

	// topicsReady reports that the topics exist and answer, and where the worker
	// topics begin and end.
	topicsReady struct {
		chunks messages.Topic
		ends   map[string]topicEnds
	}
	// topicEnds are the first retained and the end offset of each partition.
	topicEnds struct{ start, end []int64 }
	// topicsGrown reports that the chunk topic has another number of partitions than
	// before: more, or fewer when it was made again.
	topicsGrown struct {
		partitions int
		audit      *messages.AuditEntry // who asked for it, nil when it was done by other means
	}
	// ignoredSignals reports how many worker messages ingress has dropped.
	ignoredSignals struct{ total uint64 }

	loadedState struct {
		snap messages.Snapshot
		err  error
	}
)

func newTerm(deps termDeps) actor.Actor {
	return &term{
		termDeps: deps, pause: backoff{min: 100 * time.Millisecond, max: 2 * time.Second}, problems: problems{},
		pub: publisher{view: deps.view, source: sourceTerm, term: deps.term},
	}
}

// Receive implements actor.Actor.
func (t *term) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case *actor.Started:
		t.ctx, t.cancel = context.WithCancel(context.Background())
		t.load(ctx)
	case *actor.Stopping:
		t.ending = true
		t.cancel()
		t.retry.stop()
		t.pub.due.stop()
		return
	case *actor.Stopped:
		return
	}
	if t.ending {
		// The children end. One that was started now would not: this actor would wait for
		// it, and a part of the former term would continue, for ever.
		if _, ok := ctx.Message().(*ask); ok {
			ctx.Respond(unavailable("the master is stopping"))
		}
		return
	}
	t.receive(ctx)
}

// receive handles a message while the term does not end.
func (t *term) receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
	case *glance:
		t.pub.glance = m.number
		t.publish(ctx)
		return
	case *rang:
		t.onRang(ctx, m)
		return
	case *loadedState:
		if t.draining == nil {
			t.onLoaded(ctx, m)
		}
	case *topicsReady:
		ready := *m
		t.ready = &ready
		t.readTail(ctx)
	case *tailRead:
		if t.draining == nil {
			t.onTail(ctx, m)
		}
	case *busState:
		t.problems.setError("topics", messages.ProblemKafka, "kafka", m.err, time.Now())
	case *topicsGrown:
		t.onGrown(ctx, m)
	case *workerTopics:
		t.forward(ctx, t.ingress, m)
	case *logLevelCommitted:
		t.onLogLevelCommitted(ctx, m)
	case *batchSizeCommitted:
		t.onBatchSizeCommitted(ctx, m)
	case *trustTerm:
		t.trusted = m.until
		t.forward(ctx, t.intake, m)
	case *ignoredSignals:
		t.ignored = m.total
	case *childProblem:
		if m.problem.Text == "" {
			t.problems.clear(m.key)
		} else {
			t.problems.set(m.key, m.problem, time.Now())
		}
	case *ask:
		t.onAsk(ctx, m)
	case *drain:
		t.onDrain(ctx)
	case *actor.Terminated:
		t.onTerminated(ctx, m)
	default:
		unknown(ctx)
	}
	t.pub.soon(ctx)
}

func (t *term) onRang(ctx actor.Context, m *rang) {
	switch {
	case t.pub.due.rings(m):
		t.publish(ctx)
	case !t.retry.rings(m):
	case t.ready != nil:
		t.readTail(ctx)
	default:
		t.load(ctx)
	}
}

// publish sends the term's part of the overview to the view.
func (t *term) publish(ctx actor.Context) {
	t.pub.publish(ctx, t.problems.list(), &termState{ignored: t.ignored})
}

// onGrown passes on that the chunk topic has another number of partitions.
func (t *term) onGrown(ctx actor.Context, m *topicsGrown) {
	if t.ready != nil {
		was := t.ready.chunks.Partitions
		t.logPartitions(m.partitions, was)
		t.markAdded(ctx, was, m.partitions)
		t.ready.chunks.Partitions = m.partitions // for children that are not started yet
	}
	if m.audit != nil {
		ctx.Send(t.persistence, &write{term: t.term, audit: m.audit})
	}
	t.forward(ctx, t.group, m)
	t.forward(ctx, t.fleet, &partitionCount{n: m.partitions})
}

func (t *term) logPartitions(n, was int) {
	if n < was {
		t.log.Warn("the chunk topic was made again with fewer partitions: workers that read one of the others get chunks when they announce another partition",
			"topic", t.cfg.ChunkTopic, "partitions", n, "was", was)
		return
	}
	t.log.Info("partitions grown", "partitions", n)
}

// markAdded stores that partitions which were added to the chunk topic are empty, before
// anything is sent to them; see tail.unmarked.
func (t *term) markAdded(ctx actor.Context, from, to int) {
	var marks []messages.Position
	for p := from; p < to; p++ {
		marks = append(marks, messages.Position{Topic: t.cfg.ChunkTopic, Partition: int32(p)})
	}
	if len(marks) > 0 {
		t.write(ctx, messages.Batch{Offsets: marks})
	}
}

func (t *term) forward(ctx actor.Context, to *actor.PID, msg any) {
	if to != nil {
		ctx.Send(to, msg)
	}
}

func (t *term) write(ctx actor.Context, b messages.Batch) {
	ctx.Send(t.persistence, &write{term: t.term, batch: b})
}

// onTerminated begins again, because no child ends by itself.
func (t *term) onTerminated(ctx actor.Context, m *actor.Terminated) {
	if t.draining == nil {
		t.log.Error("an actor failed, beginning again from the stored state", "actor", m.Who.Id)
		ctx.Stop(ctx.Self())
	}
}

func (t *term) onAsk(ctx actor.Context, m *ask) {
	switch q := m.query.(type) {
	case messages.QueryBatchSize:
		t.onQueryBatchSize(ctx)
	case messages.SetBatchSize:
		t.onSetBatchSize(ctx, q)
	case messages.QueryLogLevel:
		t.onQueryLogLevel(ctx)
	case messages.SetLogLevel:
		t.onSetLogLevel(ctx, q)
	case messages.QueryTopics, messages.QueryTopicDetails, messages.GrowPartitions:
		t.onceLoaded(ctx, t.topics, q)
	case messages.QueryAudit:
		t.onceLoaded(ctx, t.persistence, q)
	case messages.QueryBooks, messages.QueryChunks:
		t.passOn(ctx, t.dispatcher, q)
	case messages.QueryWorker, messages.DrainWorker, messages.ResumeWorker, messages.ForgetWorker, messages.RecallChunks:
		t.passOn(ctx, t.fleet, q)
	case messages.RetryLetters, messages.Rescan, messages.QueryWaiting, messages.SetWaiting:
		t.passOn(ctx, t.intake, q)
	case messages.DiscardLetters, messages.CancelFile, messages.AcknowledgeFile, messages.SetDispatch, messages.SetFile:
		t.passOn(ctx, t.dispatcher, q)
	}
}

// onceLoaded lets another actor answer a question that needs the state, but no Kafka.
func (t *term) onceLoaded(ctx actor.Context, to *actor.PID, q messages.Query) {
	if t.topics == nil {
		ctx.Respond(unavailable("the master is starting: Kafka or the state store is not ready yet"))
		return
	}
	ctx.RequestWithCustomSender(to, q, ctx.Sender())
}

// passOn lets a child answer a request.
func (t *term) passOn(ctx actor.Context, to *actor.PID, request any) {
	if to == nil || t.draining != nil {
		ctx.Respond(unavailable("the master is starting or stopping"))
		return
	}
	ctx.RequestWithCustomSender(to, request, ctx.Sender())
}

func unavailable(why string) error { return fmt.Errorf("%w: %s", messages.ErrUnavailable, why) }

// onDrain lets the children finish, one after the other: intake, so that nothing new
// comes in, then ingress, then the dispatcher. The master sends the first drain, and each
// child that has drained answers with another.
func (t *term) onDrain(ctx actor.Context) {
	if t.draining == nil {
		t.draining = ctx.Sender()
		if t.group != nil {
			ctx.Stop(t.group)
		}
		t.drains = []*actor.PID{t.intake, t.ingress, t.dispatcher}
	}
	if len(t.drains) == 0 || t.drains[0] == nil {
		ctx.Request(t.draining, &drain{}) // the master tells former terms apart
		return
	}
	next := t.drains[0]
	t.drains = t.drains[1:]
	ctx.Request(next, &drain{})
}
