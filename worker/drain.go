package worker

import (
	"context"
	"fmt"
	"time"

	"kafka-master/messages"
)

// undeliveredText is logged when Kafka did not take the last messages of a worker.
const undeliveredText = "worker stopped before its last messages were delivered"

// drain stops the worker in order: no more chunks start, running chunks may finish,
// their results are delivered, and only then the worker says bye. life ends early
// when Kafka refuses the worker.
func (w *session) drain(life context.Context) {
	dropped := w.desk.drain()
	run, _, _, _ := w.desk.contents()
	w.log.Info("worker is stopping", "running", len(run), "queued", dropped)
	w.sendStatus(messages.SignalDraining)
	w.heartbeatNow() // lists no queued chunks, so the master hands them out again at once

	w.awaitAttempts(life)
	ctx, cancel := context.WithTimeout(life, flushTimeout)
	defer cancel()
	delivered := w.signals.flush(ctx)
	w.sendStatus(messages.SignalBye)
	if !w.connection.flush(ctx) || !delivered {
		w.log.Warn(undeliveredText)
		return
	}
	w.log.Info("worker stopped")
}

// awaitAttempts waits until all handlers have returned. It cancels their context when
// this takes longer than the drain time-out.
func (w *session) awaitAttempts(life context.Context) {
	ended := make(chan struct{})
	go func() {
		w.running.Wait()
		close(ended)
	}()
	limit := time.NewTimer(w.cfg.DrainTimeout)
	defer limit.Stop()
	select {
	case <-ended:
		return
	case <-limit.C:
		w.log.Warn("cancelling the running chunks", "after", w.cfg.DrainTimeout)
	case <-life.Done():
	}
	w.cancelAttempts(fmt.Errorf("not done within the drain time-out of %s", w.cfg.DrainTimeout))
	<-ended
}
