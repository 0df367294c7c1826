package actors

import (
	"context"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/ledger"
	"kafka-master/actors/slots"
	"kafka-master/messages"
)

// askCaughtUp has ingress report when everything was read that is there now: a silence is
// judged only then.
func (s *supervisor) askCaughtUp(ctx actor.Context, reason string) {
	s.reason = reason
	s.askedAt = time.Now()
	ctx.Send(s.ingress, &askCaughtUp{supervisor: ctx.Self()})
}

// superseded reports whether a classic worker can be forgotten after a while: another one
// has its partitions, and it holds nothing.
func (s *supervisor) superseded() bool {
	return s.revoked && len(s.load.Held) == 0 && s.alive.State() == messages.WorkerAnnounced
}

// judge judges a silence after everything was read.
func (s *supervisor) judge(ctx actor.Context) {
	reason := s.reason
	s.reason, s.askedAt = "", time.Time{}
	if s.superseded() && s.alive.Silence(time.Now()) >= slots.ForgetAfter {
		s.leave(ctx)
		return
	}
	if s.known.Kind == messages.Classic && s.alive.State() != messages.WorkerLost {
		if len(s.load.Held) > 0 && s.alive.Silence(time.Now()) >= s.cfg.WorkerTimeout {
			s.lose(ctx, reason)
		}
		return
	}
	if !s.alive.Judge(time.Now()) {
		return
	}
	switch s.alive.State() {
	case messages.WorkerLost:
		s.lose(ctx, reason)
	case messages.WorkerGone:
		s.leave(ctx)
	default:
		s.instruct(ctx, setWorker{})
	}
}

// lose gives the worker up and reclaims what it holds.
func (s *supervisor) lose(ctx actor.Context, reason string) {
	s.pause(ctx, nil)
	s.alive.Become(messages.WorkerLost)
	level := slog.LevelInfo
	if !s.worked { // it may never have existed
		level = slog.LevelDebug
	}
	s.logger().Log(context.Background(), level, "worker is lost", "reason", reason, "silence_s", int(s.alive.Silence(time.Now()).Seconds()))
	s.store(ctx, true)
	s.reclaim(ctx, setWorker{}, ledger.EndLost, reason)
	if s.known.Kind == messages.Classic {
		ctx.Send(s.group, &evict{partitions: s.known.Partitions})
	}
}

// handOver gives the watch over the worker to the fleet when its next heartbeats will show
// nothing but that it lives: it has no chunks and listed none, and all that it shows is known.
func (s *supervisor) handOver(ctx actor.Context, x messages.Signal) {
	beat, plain := plainBeatOf(&x)
	known := plain && s.known.Kind == messages.Native && x.Incarnation == s.known.Incarnation && x.Recalls == s.known.Recalls
	if !known || len(s.load.Held) > 0 || s.alive.State() != messages.WorkerAnnounced || !s.askedAt.IsZero() {
		return
	}
	s.handed = true
	s.watch.stop()
	ctx.Send(ctx.Parent(), &handOver{worker: s.known.ID, from: ctx.Self(), heard: s.heard, beat: beat})
}

func (s *supervisor) rearm(ctx actor.Context) {
	if until, runs := s.former.Runs(time.Now()); runs && s.formerEnds.timer == nil {
		s.formerEnds.set(ctx, time.Until(until))
	}
	if at, ok := s.judgedAt(); ok && s.askedAt.IsZero() && !s.handed {
		s.watch.by(ctx, at)
	}
}

// judgedAt returns when the silence of the worker has to be judged.
func (s *supervisor) judgedAt() (at time.Time, ok bool) {
	if s.superseded() {
		now := time.Now()
		return now.Add(slots.ForgetAfter - s.alive.Silence(now)), true
	}
	return s.alive.Due()
}
