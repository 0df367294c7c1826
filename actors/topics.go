package actors

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// topics creates, checks and grows topics. Its calls run beside the actor, and questions
// are answered from there.
type topics struct {
	topicsDeps

	ctx     context.Context
	cancel  context.CancelFunc
	pause   backoff
	retry   alarm
	check   alarm           // next check whether all topics still exist
	chunks  int             // partitions of the chunk topic, 0 until they are known
	ready   bool            // the owner knows that the topics exist
	logged  string          // text of the error that was logged last
	faulty  map[string]bool // topics whose settings lose messages
	shared  topicList
	details topicDetails
}

// topicsDeps is what the term gives to topics.
type topicsDeps struct {
	cfg    Config
	bus    Topics
	in     Consumer
	groups Groups
	log    *slog.Logger
	owner  *actor.PID
}

type (

	// ensured is the result of ensure.
	ensured struct {
		ready    *topicsReady
		settings map[string]map[string]string
		err      error
	}
	// checked is the result of a check.
	checked struct {
		list     []messages.Topic
		settings map[string]map[string]string
		err      error
	}
)

// checkEvery is the pause between two checks of the topics, which may be grown or deleted
// by other means.
const checkEvery = 10 * time.Second

const (
	// adminTimeout bounds an admin call that a person waits for.
	adminTimeout = 3 * time.Second
	// ensureTimeout bounds one try to make the topics ready. Its error is reported then.
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
		t.check.stop()
	case *ensured:
		t.onEnsured(ctx, m)
	case *checked:
		t.onChecked(ctx, m)
	case *topicsGrown:
		t.chunks = m.partitions
		t.invalidateList()
		ctx.Send(t.owner, m)
	case *rang:
		switch {
		case t.retry.rings(m):
			t.ensure(ctx)
		case t.check.rings(m):
			t.checkExisting(ctx)
		}
	case messages.QueryTopicDetails:
		t.onDetails(ctx)
	case *detailsRead:
		t.onDetailsRead(ctx, m)
	case messages.QueryTopics:
		t.onList(ctx)
	case *topicsListed:
		t.onListed(ctx, m)
	case messages.GrowPartitions:
		t.grow(ctx, m)
	default:
		unknown(ctx)
	}
}

// ensure creates the topics that are missing.
func (t *topics) ensure(ctx actor.Context) {
	bus, names := t.bus, t.names()
	call(ctx, t.ctx, ensureTimeout, func(c context.Context) any {
		out := &ensured{}
		if out.ready, out.err = t.makeReady(c); out.err == nil {
			out.settings, _ = bus.Settings(c, names) // they may be hidden from this user
		}
		return out
	})
}

// makeReady creates the topics that are missing and reads the ends of the worker topics.
// It runs beside the actor and uses only fields that never change.
func (t *topics) makeReady(ctx context.Context) (*topicsReady, error) {
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
		return nil, fmt.Errorf("create missing topics: %w", err)
	}
	ready := &topicsReady{chunks: have[0], ends: map[string]topicEnds{}}
	for _, name := range []string{t.cfg.SignalTopic, t.cfg.ConnectionTopic} {
		start, end, err := t.in.Offsets(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("read the ends of %s: %w", name, err)
		}
		ready.ends[name] = topicEnds{start, end}
	}
	return ready, nil
}

func (t *topics) onEnsured(ctx actor.Context, m *ensured) {
	ctx.Send(t.owner, &busState{err: m.err})
	if m.err != nil {
		if text := m.err.Error(); text != t.logged { // once for each cause
			t.logged = text
			t.log.Warn("topics are not ready, trying again", "err", m.err)
		}
		t.retry.set(ctx, t.pause.next())
		return
	}
	t.logged = ""
	t.pause.reset()
	t.check.set(ctx, checkEvery)
	t.checkSettings(ctx, m.settings)
	if t.ready {
		t.reportPartitions(ctx, m.ready.chunks.Partitions)
		return
	}
	t.ready, t.chunks = true, m.ready.chunks.Partitions
	if m.ready.chunks.Partitions < t.cfg.Partitions {
		t.log.Warn("the topic has fewer partitions than KAFKA_PARTITIONS and is left as it is: grow it by updatePartitions",
			"topic", m.ready.chunks.Name, "partitions", m.ready.chunks.Partitions, "asked", t.cfg.Partitions)
	}
	ctx.Send(t.owner, m.ready)
}

// checkExisting asks for all topics and their settings.
func (t *topics) checkExisting(ctx actor.Context) {
	bus, names := t.bus, t.names()
	call(ctx, t.ctx, 2*adminTimeout, func(c context.Context) any {
		out := &checked{}
		if out.list, out.err = bus.List(c); out.err == nil {
			out.settings, _ = bus.Settings(c, names) // they may be hidden from this user
		}
		return out
	})
}

// names returns the topics that a master needs.
func (t *topics) names() []string {
	return []string{t.cfg.ChunkTopic, t.cfg.SignalTopic, t.cfg.ConnectionTopic, t.cfg.HeartbeatTopic}
}

// checkSettings reports the topics whose settings lose messages.
func (t *topics) checkSettings(ctx actor.Context, settings map[string]map[string]string) {
	for _, name := range t.names()[:3] { // the last one, the masters' heartbeats, may be compacted
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

// onChecked creates topics again that are gone, and reports partitions that were added.
// Whether Kafka can be reached at all is reported by the actors that read and write.
func (t *topics) onChecked(ctx actor.Context, m *checked) {
	t.check.set(ctx, checkEvery)
	if m.err != nil {
		return
	}
	t.checkSettings(ctx, m.settings)
	have := map[string]int{}
	for _, x := range m.list {
		have[x.Name] = x.Partitions
	}
	for _, name := range t.names() {
		if have[name] == 0 {
			t.log.Warn("a topic is gone and is created again; what it held is lost, chunks in flight are handed out again", "topic", name)
			t.check.stop()
			t.ensure(ctx)
			return
		}
	}
	t.reportPartitions(ctx, have[t.cfg.ChunkTopic])
	ctx.Send(t.owner, &workerTopics{partitions: map[string]int{
		t.cfg.SignalTopic: have[t.cfg.SignalTopic], t.cfg.ConnectionTopic: have[t.cfg.ConnectionTopic],
	}})
}

// reportPartitions reports another number of partitions of the chunk topic.
func (t *topics) reportPartitions(ctx actor.Context, n int) {
	if n != t.chunks {
		t.chunks = n
		ctx.Send(t.owner, &topicsGrown{partitions: n})
	}
}

// grow raises the partition count of the chunk topic and answers with all topics.
func (t *topics) grow(ctx actor.Context, m messages.GrowPartitions) {
	n, root, self := m.Partitions, ctx.ActorSystem().Root, ctx.Self()
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
			root.Send(self, &topicsGrown{partitions: n, audit: &messages.AuditEntry{
				At: time.Now(), By: m.By, Action: messages.ActionPartitions, Target: x.Name, Old: strconv.Itoa(x.Partitions), New: strconv.Itoa(n),
			}})
			return nil
		}
		return fmt.Errorf("%w: topic %s is missing", messages.ErrUnavailable, t.cfg.ChunkTopic)
	})
}

// answer does work beside the actor and then sends the list of topics to the asker.
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
