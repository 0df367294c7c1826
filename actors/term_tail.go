package actors

import (
	"context"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

const (
	// tailTimeout bounds one try to read the end of the chunk topic.
	tailTimeout = 20 * time.Second
	// tailPatience is how long a partition that has a leader may fail before the term
	// begins without it.
	tailPatience = 3 * time.Second
	// unreadEvery is the pause between two tries to read a partition that the term began
	// without.
	unreadEvery = 10 * time.Second
)

// tailRead reports the tail of the chunk topic.
type tailRead struct {
	tail tail
	err  error
}

// readTail reads what former leaders sent last; once the term has begun, only in the
// partitions that it began without.
func (t *term) readTail(ctx actor.Context) {
	r := tailReader{cfg: t.cfg, in: t.parts.Consumer, groups: t.parts.Groups, snap: t.snap, only: t.unread}
	r.tolerant = !t.tailFailedAt.IsZero() && time.Since(t.tailFailedAt) >= tailPatience
	call(ctx, t.ctx, tailTimeout, func(c context.Context) any {
		tail, err := r.read(c)
		return &tailRead{tail: tail, err: err}
	})
}

func (t *term) onTail(ctx actor.Context, m *tailRead) {
	if t.dispatcher != nil {
		t.onUnread(ctx, m)
		return
	}
	t.problems.setError("topics", messages.ProblemKafka, "kafka", m.err, time.Now())
	if m.err != nil {
		if t.tailFailedAt.IsZero() {
			t.tailFailedAt = time.Now()
		}
		t.log.Warn("the end of the chunk topic cannot be read, trying again", "err", m.err)
		t.retry.set(ctx, t.pause.next())
		return
	}
	t.withhold(ctx, m.tail.unread)
	t.open(ctx, t.ready, m.tail)
}

// withhold lets the term begin without partitions of the chunk topic that cannot be
// read. What former leaders sent there is unknown: where the chunks are that the workers
// of these partitions hold, and which attempt numbers a store that lost commits has
// forgotten. Therefore nothing is written to them in this term, and the ledger leaves
// attempt numbers free.
func (t *term) withhold(ctx actor.Context, unread messages.PartitionErrors) {
	if len(unread) == 0 {
		return
	}
	t.unread = unread
	t.log.Warn("the term begins without partitions of the chunk topic, their workers get no chunks", "topic", t.cfg.ChunkTopic, "err", unread)
	t.problems.setError("tail", messages.ProblemKafka, "kafka",
		fmt.Errorf("partitions of %s cannot be read, their workers get no chunks: %w", t.cfg.ChunkTopic, unread), time.Now())
	ctx.Send(t.egress, &withhold{term: t.term, topic: t.cfg.ChunkTopic, partitions: unread})
	t.retry.set(ctx, unreadEvery)
}

// onUnread asks for another term, which knows the whole tail, when a partition that this
// one began without can be read.
func (t *term) onUnread(ctx actor.Context, m *tailRead) {
	if len(t.unread) == 0 {
		return
	}
	for p := range t.unread {
		if m.err == nil && m.tail.unread[p] == nil {
			ctx.Send(ctx.Parent(), &renewTerm{term: t.term})
			return
		}
	}
	t.retry.set(ctx, unreadEvery)
}
