package actors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// topicList lets many questions for the topics share one call to Kafka. Its zero value is
// ready for use.
type topicList struct {
	at      time.Time // time of list, zero when it is not valid
	list    []messages.Topic
	waiting []*actor.PID
	calls   uint64 // calls that were begun or invalidated
	flying  bool   // a call is in flight
}

// topicsListed is the result of a call.
type topicsListed struct {
	call uint64
	list []messages.Topic
	err  error
}

// onList answers from the last call when it is young enough, otherwise after the next one.
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

// list calls Kafka, unless a call is in flight.
func (t *topics) list(ctx actor.Context) {
	l := &t.shared
	if l.flying {
		return
	}
	l.flying = true
	l.calls++
	number, bus := l.calls, t.bus
	call(ctx, t.ctx, adminTimeout-200*time.Millisecond, func(c context.Context) any {
		list, err := bus.List(c)
		return &topicsListed{call: number, list: list, err: err}
	})
}

// invalidateList invalidates the list, and the call in flight, after a change of the topics.
func (t *topics) invalidateList() { t.shared.at, t.shared.calls = time.Time{}, t.shared.calls+1 }

func (t *topics) onListed(ctx actor.Context, m *topicsListed) {
	l := &t.shared
	l.flying = false
	if m.err == nil && m.call != l.calls && len(l.waiting) > 0 {
		t.list(ctx) // the topics changed meanwhile
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

// topicsError returns the answer for an error of Kafka.
func topicsError(err error) error {
	if errors.Is(err, messages.ErrShrink) || errors.Is(err, messages.ErrRefused) {
		return err
	}
	return fmt.Errorf("%w: %w", messages.ErrUnavailable, err)
}
