package worker

import (
	"context"
	"fmt"
	"time"

	"kafka-master/messages"
)

// drain ends the worker in order: nothing more is begun, what is in work may
// end, its results are delivered, and only then the worker says bye. life is
// over early when Kafka refuses the worker.
func (w *session) drain(life context.Context) {
	dropped := w.desk.drain()
	run, _, _, _ := w.desk.contents()
	w.log.Info("worker stops", "running", len(run), "queued", dropped)
	w.sendStatus(messages.SignalDraining)
	w.heartbeatNow() // without the queue, so that the master hands it out again at once

	w.awaitJobs(life)
	ctx, cancel := context.WithTimeout(life, flushTimeout)
	defer cancel()
	delivered := w.signals.flush(ctx)
	w.sendStatus(messages.SignalBye)
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
