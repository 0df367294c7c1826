package actors

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"
)

// rearming arms its alarm for a time that has passed after each message, as actors do
// that compute when the next thing is due.
type rearming struct {
	alarm    alarm
	messages int
	rung     bool
}

func (r *rearming) Receive(ctx actor.Context) {
	r.messages++
	if m, ok := ctx.Message().(*rang); ok && r.alarm.rings(m) {
		r.rung = true
	}
	if !r.rung && r.messages < 100 {
		r.alarm.set(ctx, -time.Second)
		time.Sleep(time.Millisecond) // the alarm fires while the message is handled
	}
}

func TestAnAlarmRingsThoughItIsArmedAgainAfterEachMessage(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		r := &rearming{}
		pid, _ := s.spawn("rearming", func() actor.Actor { return r })
		s.tell(pid, "one message more than alarms")
		time.Sleep(time.Minute)
		synctest.Wait()
		require.True(t, r.rung)
		require.Less(t, r.messages, 10)
	})
}

// puttingOff puts its alarm off when it has fired already.
type puttingOff struct {
	alarm alarm
	rung  []time.Duration
	began time.Time
}

func (p *puttingOff) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		p.began = time.Now()
		p.alarm.set(ctx, 0)
		time.Sleep(time.Millisecond)
		p.alarm.set(ctx, time.Minute)
	case *rang:
		if p.alarm.rings(m) {
			p.rung = append(p.rung, time.Since(p.began).Round(time.Second))
		}
	}
}

func TestAnAlarmThatWasPutOffRingsOnce(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		p := &puttingOff{}
		s.spawn("putting-off", func() actor.Actor { return p })
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, []time.Duration{time.Minute}, p.rung)
	})
}

// looking puts its alarm off each millisecond, for a time that only moves later.
type looking struct {
	alarm alarm
	tick  alarm
	due   time.Time
	rung  []time.Duration
	began time.Time
	armed int // timers that were started for the alarm
}

func (l *looking) Receive(ctx actor.Context) {
	now := time.Now()
	switch m := ctx.Message().(type) {
	case *actor.Started:
		l.began, l.due = now, now.Add(time.Second)
		l.tick.set(ctx, time.Millisecond)
	case *rang:
		if l.alarm.rings(m) && !now.Before(l.due) {
			l.rung = append(l.rung, now.Sub(l.began))
			return
		}
		if l.tick.rings(m) && now.Sub(l.began) < time.Second {
			l.due = now.Add(time.Second)
			l.tick.set(ctx, time.Millisecond)
		}
	default:
		return
	}
	before := l.alarm.gen
	l.alarm.by(ctx, l.due)
	if l.alarm.gen != before {
		l.armed++
	}
}

// A time that moves later with each message costs a timer only when the former time comes.
func TestAnAlarmIsNotSetAgainForALaterTime(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		l := &looking{}
		s.spawn("looking", func() actor.Actor { return l })
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []time.Duration{1999 * time.Millisecond}, l.rung)
		require.LessOrEqual(t, l.armed, 3)
	})
}

// again arms its alarm twice for one time, which has passed.
type again struct{ timers uint64 }

func (a *again) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(*actor.Started); ok {
		var x alarm
		at := time.Now().Add(-time.Second)
		x.by(ctx, at)
		before := x.gen
		x.by(ctx, at)
		a.timers = x.gen - before
	}
}

func TestAnAlarmIsNotSetAgainForTheSameTime(t *testing.T) {
	t.Parallel()
	onStage(t, func(s *stage) {
		a := &again{}
		s.spawn("again", func() actor.Actor { return a })
		synctest.Wait()
		require.Zero(t, a.timers)
	})
}
