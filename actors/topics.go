package actors

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// topics creates, checks and grows topics. Its calls run off the mailbox; asks
// are answered from there.
type topics struct {
	topicsDeps

	ctx    context.Context
	cancel context.CancelFunc
	pause  backoff
	retry  alarm
	again  alarm // for the next look whether all topics are there still
	chunks int   // partitions of the chunk topic, 0 until they are known
	ready  bool  // the owner knows that every partition of the topics answers
	// trouble is what was logged last.
	trouble string
	faulty  map[string]bool // topics that are set up wrongly
	shared  topicList
}

// topicsDeps is what the term gives to topics.
type topicsDeps struct {
	cfg   Config
	bus   Topics
	in    Consumer
	log   *slog.Logger
	owner *actor.PID
}

type (
	// workerTopics tells the owner at every look how many partitions the worker
	// topics have, by name.
	workerTopics struct{ partitions map[string]int }

	ensured struct {
		ready    *topicsReady
		settings map[string]map[string]string
		err      error
	}
	lookedUp struct {
		list     []messages.Topic
		settings map[string]map[string]string
		err      error
	}
)

// lookEvery is how often the topics are looked at: somebody may have grown or
// deleted one by other means.
const lookEvery = 10 * time.Second

const (
	// adminTimeout bounds an admin call that a person waits for.
	adminTimeout = 3 * time.Second
	// ensureTimeout bounds one try to make the topics ready, and so how long the
	// reason stays unsaid.
	ensureTimeout = 5 * time.Second
)

func newTopics(deps topicsDeps) actor.Actor {
	return &topics{topicsDeps: deps, faulty: map[string]bool{}, pause: backoff{min: 200 * time.Millisecond, max: 5 * time.Second}}
}

// Receive implements actor.Actor.
func (t *topics) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		t.ctx, t.cancel = context.WithCancel(context.Background())
		t.ensure(ctx)
	case *actor.Stopping:
		t.cancel()
		t.retry.stop()
		t.again.stop()
	case *ensured:
		t.onEnsured(ctx, m)
	case *lookedUp:
		t.onLookedUp(ctx, m)
	case *topicsGrown:
		t.chunks = m.partitions
		t.stale()
		ctx.Send(t.owner, m)
	case *rang:
		switch {
		case t.retry.rings(m):
			t.ensure(ctx)
		case t.again.rings(m):
			t.lookUp(ctx)
		}
	case messages.QueryTopics:
		t.onList(ctx)
	case *topicsListed:
		t.onListed(ctx, m)
	case messages.GrowPartitions:
		t.grow(ctx, m.Partitions)
	default:
		unknown(ctx)
	}
}

func (t *topics) ensure(ctx actor.Context) {
	parent, bus, names := t.ctx, t.bus, t.names()
	run(ctx, func() any {
		c, cancel := context.WithTimeout(parent, ensureTimeout)
		defer cancel()
		out := &ensured{}
		if out.ready, out.err = t.check(c); out.err == nil {
			out.settings, _ = bus.Settings(c, names) // a broker that does not tell is fine
		}
		return out
	})
}

// check creates what is missing and looks up the ends of the worker topics. It
// runs off the mailbox and reads only fields that never change.
func (t *topics) check(ctx context.Context) (*topicsReady, error) {
	var specs []messages.TopicSpec
	for _, name := range t.names() {
		n := 1
		if name == t.cfg.ChunkTopic {
			n = t.cfg.Partitions
		}
		specs = append(specs, messages.TopicSpec{Name: name, Partitions: n, Replication: t.cfg.Replication, Config: t.cfg.TopicConfig})
	}
	have, err := t.bus.Ensure(ctx, specs)
	if err != nil {
		return nil, fmt.Errorf("check topics: %w", err)
	}
	ready := &topicsReady{chunks: have[0], ends: map[string]topicEnds{}}
	for _, name := range []string{t.cfg.SignalTopic, t.cfg.ConnectionTopic} {
		start, end, err := t.in.Offsets(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("look up the ends of %s: %w", name, err)
		}
		ready.ends[name] = topicEnds{start, end}
	}
	return ready, nil
}

func (t *topics) onEnsured(ctx actor.Context, m *ensured) {
	ctx.Send(t.owner, &busState{err: m.err})
	if m.err != nil {
		if text := m.err.Error(); text != t.trouble { // once for each cause
			t.trouble = text
			t.log.Warn("topics are not ready, trying again", "err", m.err)
		}
		t.retry.set(ctx, t.pause.next())
		return
	}
	t.trouble = ""
	t.pause.reset()
	t.again.set(ctx, lookEvery)
	t.examine(ctx, m.settings)
	if t.ready {
		t.grew(ctx, m.ready.chunks.Partitions)
		return
	}
	t.ready, t.chunks = true, m.ready.chunks.Partitions
	if m.ready.chunks.Partitions < t.cfg.Partitions {
		t.log.Warn("topic has fewer partitions than KAFKA_PARTITIONS asks for; it is kept as it is, grow it by updatePartitions",
			"topic", m.ready.chunks.Name, "partitions", m.ready.chunks.Partitions, "asked", t.cfg.Partitions)
	}
	ctx.Send(t.owner, m.ready)
}

func (t *topics) lookUp(ctx actor.Context) {
	parent, bus, names := t.ctx, t.bus, t.names()
	run(ctx, func() any {
		out := &lookedUp{}
		out.err = within(parent, adminTimeout, func(c context.Context) (err error) {
			out.list, err = bus.List(c)
			return err
		})
		if out.err == nil {
			_ = within(parent, adminTimeout, func(c context.Context) (err error) {
				out.settings, err = bus.Settings(c, names)
				return err // a broker that does not tell is fine
			})
		}
		return out
	})
}

// names are the topics that a master needs.
func (t *topics) names() []string {
	return []string{t.cfg.ChunkTopic, t.cfg.SignalTopic, t.cfg.ConnectionTopic, t.cfg.HeartbeatTopic}
}

// examine tells the owner of topics that are set up in a way that loses work.
func (t *topics) examine(ctx actor.Context, settings map[string]map[string]string) {
	for _, name := range t.names()[:3] { // heartbeats of masters may be compacted
		if s, known := settings[name]; known {
			fault := messages.TopicFault(name, s)
			if fault != "" && !t.faulty[name] {
				t.log.Warn("a topic loses messages", "topic", name, "detail", fault)
			}
			t.faulty[name] = fault != ""
			ctx.Send(t.owner, &childProblem{key: "topic " + name, problem: messages.Problem{Kind: messages.ProblemTopic, Part: "kafka", Text: fault}})
		}
	}
}

// onLookedUp makes topics anew that are gone, and tells of partitions that were
// added. Whether Kafka answers at all is said by those who read and write.
func (t *topics) onLookedUp(ctx actor.Context, m *lookedUp) {
	t.again.set(ctx, lookEvery)
	if m.err != nil {
		return
	}
	t.examine(ctx, m.settings)
	have := map[string]int{}
	for _, x := range m.list {
		have[x.Name] = x.Partitions
	}
	for _, name := range t.names() {
		if have[name] == 0 {
			t.log.Warn("a topic is gone and is made anew; what it held is lost, chunks on their way are handed out again", "topic", name)
			t.again.stop()
			t.ensure(ctx)
			return
		}
	}
	t.grew(ctx, have[t.cfg.ChunkTopic])
	ctx.Send(t.owner, &workerTopics{partitions: map[string]int{
		t.cfg.SignalTopic: have[t.cfg.SignalTopic], t.cfg.ConnectionTopic: have[t.cfg.ConnectionTopic],
	}})
}

// grew tells the owner of a chunk topic that has other partitions than before.
func (t *topics) grew(ctx actor.Context, n int) {
	if n != t.chunks {
		t.chunks = n
		ctx.Send(t.owner, &topicsGrown{partitions: n})
	}
}

// grow raises the partition count of the chunk topic and answers with all topics.
func (t *topics) grow(ctx actor.Context, n int) {
	root, self := ctx.ActorSystem().Root, ctx.Self()
	t.answer(ctx, func(c context.Context) error {
		list, err := t.bus.List(c)
		if err != nil {
			return err
		}
		for _, x := range list {
			if x.Name != t.cfg.ChunkTopic {
				continue
			}
			if n < x.Partitions {
				return fmt.Errorf("%w: %s has %d, asked for %d", messages.ErrShrink, x.Name, x.Partitions, n)
			}
			if n == x.Partitions {
				return nil
			}
			if err := t.bus.Grow(c, x.Name, n); err != nil {
				return err
			}
			root.Send(self, &topicsGrown{partitions: n})
			return nil
		}
		return fmt.Errorf("%w: topic %s is missing", messages.ErrUnavailable, t.cfg.ChunkTopic)
	})
}

// answer runs work off the mailbox and sends the asker the list of topics.
func (t *topics) answer(ctx actor.Context, work func(context.Context) error) {
	sender, root, parent := ctx.Sender(), ctx.ActorSystem().Root, t.ctx
	if sender == nil {
		return
	}
	beside(ctx, func() {
		c, cancel := context.WithTimeout(parent, adminTimeout-200*time.Millisecond)
		defer cancel()
		err := work(c)
		var list []messages.Topic
		if err == nil {
			list, err = t.bus.List(c)
		}
		if err == nil {
			root.Send(sender, list)
			return
		}
		root.Send(sender, topicsError(err))
	})
}
