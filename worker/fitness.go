package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"kafka-master/messages"
)

const (
	// minRecheck and maxRecheck bound the pause before an unfit worker checks again
	// whether it can work. The pause grows until a chunk is done: a worker whose check
	// succeeds while every chunk fails must not flap.
	minRecheck = time.Second
	maxRecheck = time.Minute
	// selfTestLimit is how long a worker waits for its first check of the results
	// folder. A file server that is down may never answer.
	selfTestLimit = 10 * time.Second
)

// unfitText is logged when a worker can no longer work.
const unfitText = "this worker cannot work and accepts no chunks until it can"

// unfitError means that the worker cannot process any chunk.
type unfitError struct {
	cause error
	check func(context.Context) error
}

// Unfit is the error of a Handler that cannot work for a reason that is not the
// chunk's, such as a missing program or a full disk. The chunk and the queued chunks
// are given back, as with ErrRetry, which the error wraps. The worker then accepts no
// chunks, reports the cause to the master, and calls check after pauses of 1 s to
// 1 min until it returns nil.
func Unfit(cause error, check func(context.Context) error) error {
	return &unfitError{cause: cause, check: check}
}

// Error implements error.
func (e *unfitError) Error() string { return e.cause.Error() }

// Unwrap implements the interface of package errors.
func (e *unfitError) Unwrap() []error { return []error{e.cause, ErrRetry} }

// fitness records whether the worker can work, and the pause before the next check.
type fitness struct {
	mu    sync.Mutex
	cause string // reason why the worker cannot work, "" while it can
	pause time.Duration
}

// setUnfit records that the worker cannot work. It reports whether the worker could
// work before.
func (f *fitness) setUnfit(cause error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.cause
	f.cause = messages.CutText(cause.Error(), messages.MaxNote)
	return was == ""
}

// setFit records that the worker can work.
func (f *fitness) setFit() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cause = ""
}

// resetPause makes the next pause the shortest one.
func (f *fitness) resetPause() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pause = 0
}

// nextPause returns the pause before the next check.
func (f *fitness) nextPause() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pause = min(max(2*f.pause, minRecheck), maxRecheck)
	return f.pause
}

func (f *fitness) reason() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cause
}

// suspend stops accepting chunks until the worker can work again.
func (w *session) suspend(u *unfitError) {
	if !w.fitness.setUnfit(u.cause) {
		return
	}
	returned := w.desk.refuse(w.fitness.reason())
	w.log.Warn(unfitText, "err", u.cause, "given_back", len(returned))
	for _, final := range returned {
		w.sendSignal(final, true)
	}
	w.heartbeatNow()
	w.running.Go(func() { w.awaitRecovery(u) })
}

// awaitRecovery checks after each pause whether the worker can work again.
func (w *session) awaitRecovery(u *unfitError) {
	for sleep(w.reading, w.fitness.nextPause()) {
		err := u.check(w.reading)
		if w.reading.Err() != nil {
			return
		}
		if err == nil {
			w.desk.reopen()
			w.fitness.setFit()
			w.log.Info("this worker can work again")
			w.heartbeatNow()
			return
		}
		before := w.fitness.reason()
		if w.fitness.setUnfit(err); w.fitness.reason() != before {
			w.log.Warn("this worker still cannot work", "err", err)
			w.desk.refuse(w.fitness.reason())
		}
	}
}

// selfTest checks the results folder before the first chunk arrives.
func (w *session) selfTest() {
	results := w.cfg.Results
	if results.Dir == "" {
		return
	}
	check := func(context.Context) error { return results.Check() }
	done := make(chan error, 1)
	w.running.Go(func() { done <- w.checkResults() })
	limit := time.NewTimer(selfTestLimit)
	defer limit.Stop()
	select {
	case err := <-done:
		if err != nil {
			w.suspend(&unfitError{cause: err, check: check})
		}
	case <-limit.C:
		w.suspend(&unfitError{cause: fmt.Errorf("the results folder %s has not answered for %s", results.Dir, selfTestLimit), check: check})
	case <-w.reading.Done():
	}
}

// asUnfit returns the unfitError that err wraps, or nil.
func asUnfit(err error) *unfitError {
	var u *unfitError
	errors.As(err, &u)
	return u
}
