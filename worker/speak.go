package worker

import (
	"context"
	"fmt"
	"time"

	"kafka-master/messages"
)

// say queues a message about the worker itself.
func (w *session) say(kind messages.SignalKind) {
	s := w.self
	s.Kind = kind
	run, wait, partition, next := w.desk.view()
	s.Partitions = []int32{partition}
	if kind != messages.SignalAnnounce && kind != messages.SignalBye {
		s.Running, s.Queued, s.Next = run, wait, next
	}
	s.Note = w.fitness.reason() // said by heartbeats only
	w.connection.put(message{key: kind.String(), value: s.Encode()})
}

// heartbeats says every interval, and when asked, that the worker lives and
// what it holds.
func (w *session) heartbeats(ctx context.Context) error {
	tick := time.NewTicker(w.cfg.HeartbeatInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-w.beat:
		case <-ctx.Done():
			return nil
		}
		w.say(messages.SignalHeartbeat)
	}
}

// beatNow asks for a heartbeat ahead of its time.
func (w *session) beatNow() {
	select {
	case w.beat <- struct{}{}:
	default:
	}
}

// signal queues a message about a chunk.
func (w *session) signal(s messages.Signal, final bool) {
	s.Protocol, s.Incarnation = w.self.Protocol, w.self.Incarnation
	w.signals.put(message{key: s.BatchID, value: s.Encode(), final: final})
}

// progress tells how far a chunk is.
func (w *session) progress(j *job, done int) {
	s := resultOf(j.chunk, done, messages.OutcomeNone, "")
	if w.desk.note(j, s) {
		w.signal(s, false)
	}
}

// drain ends the worker in order: nothing more is begun, what is in work may
// end, its results are delivered, and only then the worker says bye. life is
// over early when Kafka refuses the worker.
func (w *session) drain(life context.Context, stopBeats func()) {
	dropped := w.desk.drain()
	run, _, _, _ := w.desk.view()
	w.log.Info("worker stops", "running", len(run), "queued", dropped)
	w.say(messages.SignalDraining)
	w.beatNow() // without the queue, so that the master hands it out again at once

	w.awaitJobs(life)
	ctx, cancel := context.WithTimeout(life, flushTimeout)
	defer cancel()
	delivered := w.signals.flush(ctx)
	stopBeats() // none may come after the bye
	w.say(messages.SignalBye)
	if !w.connection.flush(ctx) || !delivered {
		w.log.Warn("worker stopped, its last messages were not delivered")
		return
	}
	w.log.Info("worker stopped")
}

// awaitJobs waits until all handlers ended, and ends their context when the
// drain takes too long.
func (w *session) awaitJobs(life context.Context) {
	ended := make(chan struct{})
	go func() {
		w.jobs.Wait()
		close(ended)
	}()
	limit := time.NewTimer(w.cfg.DrainTimeout)
	defer limit.Stop()
	select {
	case <-ended:
		return
	case <-limit.C:
		w.log.Warn("chunks in work are cancelled", "after", w.cfg.DrainTimeout)
	case <-life.Done():
	}
	w.cancelJobs(fmt.Errorf("not done within the drain time-out of %s", w.cfg.DrainTimeout))
	<-ended
}
