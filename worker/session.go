package worker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"kafka-master/messages"
)

const (
	protocol     = 2               // of native workers
	flushTimeout = 3 * time.Second // for the last messages of a worker that ends
)

// session is one run of one worker.
type session struct {
	cfg     Config
	handler Handler
	log     *slog.Logger
	self    messages.Signal // what all messages of this run have in common
	check   func() error    // looks at the results folder

	desk       *desk
	alone      bool // in its process
	inbox      inbox
	reads      sync.WaitGroup // of the goroutine that empties the inbox
	roomAgain  func()         // tells the reader
	signals    *sender        // progress and results
	connection *sender        // announcement, heartbeats, farewell
	voice      voice
	fitness    fitness

	reading    context.Context // until the worker begins to stop
	jobs       sync.WaitGroup
	jobsCtx    context.Context // of the handlers
	cancelJobs context.CancelCauseFunc
}

// newIncarnation tells this run of the worker from the ones before it.
func newIncarnation() messages.Incarnation {
	return messages.Incarnation{StartMS: time.Now().UnixMilli(), Random: randomHex(4)}
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// choose returns the worker's partition of a topic of n.
func (w *session) choose(n int) int32 {
	if p := w.cfg.Partition; p != nil {
		return int32(*p)
	}
	return PartitionOf(w.cfg.ID, n)
}

// live is the worker's life once it has a partition: it works until the reader
// ended, then drains. life is over early when Kafka refuses the process.
func (w *session) live(life context.Context, read <-chan struct{}) {
	w.jobsCtx, w.cancelJobs = context.WithCancelCause(life)
	defer w.cancelJobs(nil)
	w.selfTest()
	w.say(messages.SignalAnnounce)
	_, _, partition, next := w.desk.view()
	w.log.Info("worker started", "topic", w.cfg.ChunkTopic, "partition", partition, "offset", next,
		"incarnation", w.self.Incarnation.String(), "capacity", w.cfg.Capacity)
	w.openInbox()
	<-read
	w.reads.Wait()
	w.drain(life)
}

// begin runs the job and then the ones that wait for its slot.
func (w *session) begin(j *job) {
	w.jobs.Go(func() {
		for ; j != nil; j = w.work(j) {
		}
	})
}

// work runs one job and returns the one that follows it.
func (w *session) work(j *job) *job {
	c := j.chunk
	log := w.log.With("batch_id", c.BatchID, "attempt", c.Attempt)
	log.Debug("chunk begun", "items", len(c.Items))
	m := newMeter(len(c.Items), w.cfg.ProgressInterval, func(done int) { w.progress(j, done) })
	ctx, cancel := w.attempt()
	defer cancel()
	err := w.call(ctx, c, m.report)
	last := w.judge(ctx, c, m.stop(), err)
	w.tell(log, last)
	switch u := asUnfit(err); {
	case last.Outcome == messages.OutcomeOK:
		w.fitness.proved()
	case u != nil && last.Outcome == messages.OutcomeRetry:
		w.rest(u)
	}
	following, tell := w.desk.finish(j, last)
	if tell {
		w.signal(last, true)
	}
	return following
}

// attempt is the context of one handler.
func (w *session) attempt() (context.Context, context.CancelFunc) {
	if w.cfg.Timeout == 0 {
		return w.jobsCtx, func() {}
	}
	return context.WithTimeoutCause(w.jobsCtx, w.cfg.Timeout, fmt.Errorf("not done within the time-out of %s", w.cfg.Timeout))
}

// tell logs how a chunk ended, in the words that the master gets.
func (w *session) tell(log *slog.Logger, last messages.Signal) {
	switch {
	case last.Outcome == messages.OutcomeOK:
		log.Debug("chunk done", "items", last.Total)
	case w.jobsCtx.Err() != nil:
		log.Info("chunk given back", "err", last.Error)
	case last.Outcome == messages.OutcomeRetry:
		log.Warn("chunk given back", "err", last.Error)
	default:
		log.Warn("chunk failed", "err", last.Error)
	}
}

// errVanished is the outcome of a handler that ended its goroutine.
var errVanished = errors.New("the handler ended its goroutine without returning")

// call runs the handler in a goroutine of its own, so that whatever it does to
// its goroutine, the worker goes on.
func (w *session) call(ctx context.Context, c Chunk, report func(int)) error {
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
		err = w.handler(ctx, c, report)
	}()
	return <-result
}

// judge turns what the handler returned into the last word about its chunk. A
// handler that was told to stop has not done its chunk, whatever it returns: it
// may have ended early in good order.
func (w *session) judge(ctx context.Context, c Chunk, done int, err error) messages.Signal {
	switch cause := context.Cause(ctx); {
	case cause == nil || errors.Is(err, cause):
	case err == nil || err == ctx.Err():
		err = cause
	default:
		err = fmt.Errorf("%w: %w", cause, err)
	}
	switch {
	case w.jobsCtx.Err() != nil:
		return resultOf(c, done, messages.OutcomeRetry, "the worker stopped: "+err.Error())
	case ctx.Err() != nil:
		return resultOf(c, done, messages.OutcomeFailed, err.Error())
	case err == nil:
		return resultOf(c, len(c.Items), messages.OutcomeOK, "")
	case errors.Is(err, ErrRetry):
		return resultOf(c, done, messages.OutcomeRetry, err.Error())
	}
	return resultOf(c, done, messages.OutcomeFailed, err.Error())
}
