package actors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// topicList lets all who ask for the topics share one call to Kafka. Its zero value
// is ready.
type topicList struct {
	at      time.Time // when list was had
	list    []messages.Topic
	waiting []*actor.PID
	calls   uint64 // that were begun, or made void
	flying  bool
}

// topicsListed is how a call ended.
type topicsListed struct {
	call uint64
	list []messages.Topic
	err  error
}

// onList answers from the last call when that is young enough, and else after the
// next one.
func (t *topics) onList(ctx actor.Context) {
	l := &t.shared
	switch sender := ctx.Sender(); {
	case sender == nil:
	case !l.at.IsZero() && time.Since(l.at) < viewEvery:
		ctx.Send(sender, l.list)
	case len(l.waiting) >= maxWaiting:
		ctx.Send(sender, unavailable("too many questions are open"))
	default:
		l.waiting = append(l.waiting, sender)
		t.list(ctx)
	}
}

func (t *topics) list(ctx actor.Context) {
	l := &t.shared
	if l.flying {
		return
	}
	l.flying = true
	l.calls++
	call, parent, bus := l.calls, t.ctx, t.bus
	run(ctx, func() any {
		out := &topicsListed{call: call}
		out.err = within(parent, adminTimeout-200*time.Millisecond, func(c context.Context) (err error) {
			out.list, err = bus.List(c)
			return err
		})
		return out
	})
}

// stale makes void what was asked for before the topics were changed.
func (t *topics) stale() { t.shared.at, t.shared.calls = time.Time{}, t.shared.calls+1 }

func (t *topics) onListed(ctx actor.Context, m *topicsListed) {
	l := &t.shared
	l.flying = false
	if m.err == nil && m.call != l.calls && len(l.waiting) > 0 {
		t.list(ctx) // changed meanwhile
		return
	}
	var answer any = m.list
	if m.err != nil {
		answer = topicsError(m.err)
	} else if m.call == l.calls {
		l.at, l.list = time.Now(), m.list
	}
	for _, pid := range l.waiting {
		ctx.Send(pid, answer)
	}
	l.waiting = nil
}

// topicsError is what whoever asks is told of an error of Kafka's.
func topicsError(err error) error {
	if errors.Is(err, messages.ErrShrink) || errors.Is(err, messages.ErrRefused) {
		return err
	}
	return fmt.Errorf("%w: %w", messages.ErrUnavailable, err)
}
