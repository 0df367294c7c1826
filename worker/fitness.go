package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"kafka-master/messages"
)

// The pauses between two tries of a worker that cannot work. They grow until a
// chunk was done: a try that succeeds where every chunk fails must not make a
// worker flap.
const (
	minRecheck = time.Second
	maxRecheck = time.Minute
	// selfTestLimit is how long a worker waits for its first look at the results
	// folder; a dead file server does not answer at all.
	selfTestLimit = 10 * time.Second
)

// unfitError says that it is the worker that cannot work, not the chunk.
type unfitError struct {
	cause error
	check func(context.Context) error
}

// Unfit is what a Handler returns when it cannot work for a reason that is not
// the chunk's: what it needs is missing, a disk is full. The chunk and those that
// wait in the worker's queue are given back, as with ErrRetry, which the error
// wraps; the worker takes nothing more and tells the master why, and tries again
// with pauses of 1 s to 1 min until try returns nil.
func Unfit(cause error, check func(context.Context) error) error {
	return &unfitError{cause: cause, check: check}
}

// Error implements error.
func (e *unfitError) Error() string { return e.cause.Error() }

// Unwrap implements the interface of package errors.
func (e *unfitError) Unwrap() []error { return []error{e.cause, ErrRetry} }

// fitness is whether the worker can work, and how long it waits for the next try.
type fitness struct {
	mu    sync.Mutex
	cause string // why it cannot, "" when it can
	pause time.Duration
}

// lose notes that the worker cannot work, and reports whether that is news.
func (f *fitness) setUnfit(cause error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.cause
	f.cause = messages.CutText(cause.Error(), messages.MaxNote)
	return was == ""
}

// regain notes that the worker can work.
func (f *fitness) setFit() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cause = ""
}

// proved notes that a chunk was done.
func (f *fitness) resetPause() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pause = 0
}

// next is the pause before the next try.
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

// rest takes the worker out of work until its trouble is over.
func (w *session) suspend(u *unfitError) {
	if !w.fitness.setUnfit(u.cause) {
		return
	}
	returned := w.desk.refuse(w.fitness.reason())
	w.log.Warn("this worker cannot work, it takes no chunks until it can", "err", u.cause, "given_back", len(returned))
	for _, final := range returned {
		w.sendSignal(final, true)
	}
	w.heartbeatNow()
	w.jobs.Go(func() { w.awaitRecovery(u) })
}

// recover tries again and again whether the worker can work.
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

// selfTest looks at the results folder before the first chunk comes.
func (w *session) selfTest() {
	results := w.cfg.Results
	if results.Dir == "" {
		return
	}
	try := func(context.Context) error { return results.Check() }
	done := make(chan error, 1)
	w.jobs.Go(func() { done <- w.checkResults() })
	limit := time.NewTimer(selfTestLimit)
	defer limit.Stop()
	select {
	case err := <-done:
		if err != nil {
			w.suspend(&unfitError{cause: err, check: try})
		}
	case <-limit.C:
		w.suspend(&unfitError{cause: fmt.Errorf("the results folder %s does not answer for %s", results.Dir, selfTestLimit), check: try})
	case <-w.reading.Done():
	}
}

// asUnfit returns the unfitError in err, nil when there is none.
func asUnfit(err error) *unfitError {
	var u *unfitError
	errors.As(err, &u)
	return u
}
