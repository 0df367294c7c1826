package worker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"kafka-master/messages"
)

const (
	protocol     = 2               // version of the protocol of native workers
	flushTimeout = 3 * time.Second // time to deliver the last messages of a stopped worker
)

// session is one run of one worker, from its announcement to its bye.
type session struct {
	cfg          Config
	handler      Handler
	log          *slog.Logger
	self         messages.Signal // fields that all messages of this run have in common
	checkResults func() error

	desk       *desk
	alone      bool // the only worker of its process
	inbox      inbox
	emptier    sync.WaitGroup // the goroutine that empties the inbox
	onRoom     func()         // called when a full inbox has room again
	signals    *sender        // progress and results
	connection *sender        // announcement, heartbeats and bye
	status     statusGate
	fitness    fitness

	reading        context.Context // ends when the worker begins to stop
	running        sync.WaitGroup  // attempts, and checks whether the worker can work
	attemptsCtx    context.Context // parent of the contexts of all handlers
	cancelAttempts context.CancelCauseFunc
}

// newIncarnation returns an id of this run of the worker.
func newIncarnation() messages.Incarnation {
	return messages.Incarnation{StartMS: time.Now().UnixMilli(), Random: rand.Text()[:8]}
}

// partitionIn returns the worker's partition of a topic with n partitions.
func (w *session) partitionIn(n int) int32 {
	if p := w.cfg.Partition; p != nil {
		return int32(*p)
	}
	return PartitionOf(w.cfg.ID, n)
}

// live runs a worker that has a partition: it processes chunks until read is closed,
// then drains. life ends early when Kafka refuses the process.
func (w *session) live(life context.Context, read <-chan struct{}) {
	w.attemptsCtx, w.cancelAttempts = context.WithCancelCause(life)
	defer w.cancelAttempts(nil)
	w.selfTest()
	w.sendStatus(messages.SignalAnnounce)
	_, _, partition, next := w.desk.contents()
	w.log.Info("worker started", "topic", w.cfg.ChunkTopic, "partition", partition, "offset", next,
		"incarnation", w.self.Incarnation.String(), "capacity", w.cfg.Capacity)
	w.openInbox()
	<-read
	w.emptier.Wait()
	w.drain(life)
}

// startAttempt runs an attempt and then the queued ones that follow it in the same
// slot.
func (w *session) startAttempt(a *attempt) {
	w.running.Go(func() {
		for ; a != nil; a = w.runAttempt(a) {
		}
	})
}

// runAttempt runs one attempt and returns the one that follows it.
func (w *session) runAttempt(a *attempt) *attempt {
	c := a.chunk
	c.report = &report{}
	log := w.log.With("batch_id", c.BatchID, "attempt", c.Attempt)
	log.Debug("chunk started", "items", len(c.Items))
	m := newMeter(len(c.Items), w.cfg.ProgressInterval, func(done int) { w.sendProgress(a, done) })
	timed, cancel := w.attemptContext()
	defer cancel()
	ctx, stop := context.WithCancelCause(timed)
	defer stop(nil)
	w.desk.letStop(a, stop)
	err := w.callHandler(ctx, c, m.update)
	c.report.close()
	final := w.outcomeOf(ctx, c, m.stop(), err)
	w.logOutcome(log, final)
	switch u := asUnfit(err); {
	case final.Outcome == messages.OutcomeOK:
		w.fitness.resetPause()
	case u != nil && final.Outcome == messages.OutcomeRetry:
		w.suspend(u)
	}
	following, send := w.desk.finish(a, final)
	if send {
		w.sendSignal(final, true)
	}
	return following
}

// attemptContext returns the context of one call of the handler.
func (w *session) attemptContext() (context.Context, context.CancelFunc) {
	if w.cfg.Timeout == 0 {
		return w.attemptsCtx, func() {}
	}
	return context.WithTimeoutCause(w.attemptsCtx, w.cfg.Timeout, fmt.Errorf("not done within the time-out of %s", w.cfg.Timeout))
}

// logOutcome logs the outcome of a chunk with the reason that the master gets.
func (w *session) logOutcome(log *slog.Logger, final messages.Signal) {
	switch {
	case final.Outcome == messages.OutcomeOK:
		log.Debug("chunk done", "items", final.Total, "failed", final.FailedItems)
	case w.attemptsCtx.Err() != nil:
		log.Info("chunk given back", "err", final.Error)
	case final.Outcome == messages.OutcomeRetry:
		log.Warn("chunk given back", "err", final.Error)
	default:
		log.Warn("chunk failed", "err", final.Error)
	}
}

// errRecalled is the cause with which the context of an attempt ends that a person recalled.
var errRecalled = errors.New(messages.TextStopped)

// errVanished is the error of a handler that ended its goroutine.
var errVanished = errors.New("the handler ended its goroutine without returning")

// callHandler runs the handler in a separate goroutine, so that the worker survives
// whatever the handler does to its goroutine.
func (w *session) callHandler(ctx context.Context, c Chunk, progress func(int)) error {
	result := make(chan error, 1)
	go func() {
		err := errVanished
		defer func() {
			if p := recover(); p != nil {
				w.log.Error("handler panicked", "batch_id", c.BatchID, "attempt", c.Attempt,
					"err", fmt.Sprint(p), "stack", string(debug.Stack()))
				err = fmt.Errorf("panic: %v", p)
			}
			result <- err
		}()
		err = w.handler(ctx, c, progress)
	}()
	return <-result
}

// outcomeOf turns the handler's error into the final message about its chunk. A
// handler whose context has ended has not done its chunk, whatever it returns: it may
// have stopped early without an error.
func (w *session) outcomeOf(ctx context.Context, c Chunk, done int, err error) messages.Signal {
	switch cause := context.Cause(ctx); {
	case cause == nil || errors.Is(err, cause):
	case err == nil || err == ctx.Err():
		err = cause
	default:
		err = fmt.Errorf("%w: %w", cause, err)
	}
	switch {
	case w.attemptsCtx.Err() != nil:
		return resultOf(c, done, messages.OutcomeRetry, "the worker stopped: "+err.Error())
	case errors.Is(context.Cause(ctx), errRecalled):
		return resultOf(c, done, messages.OutcomeRetry, messages.TextStopped)
	case ctx.Err() != nil:
		return resultOf(c, done, messages.OutcomeFailed, err.Error())
	case err == nil:
		return c.report.complete(resultOf(c, len(c.Items), messages.OutcomeOK, ""))
	case errors.Is(err, ErrRetry):
		return resultOf(c, done, messages.OutcomeRetry, err.Error())
	}
	return resultOf(c, done, messages.OutcomeFailed, err.Error())
}
