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
	firstTry = time.Second
	lastTry  = time.Minute
	// selfTestLimit is how long a worker waits for its first look at the results
	// folder; a dead file server does not answer at all.
	selfTestLimit = 10 * time.Second
)

// unfitError says that it is the worker that cannot work, not the chunk.
type unfitError struct {
	cause error
	try   func(context.Context) error
}

// Unfit is what a Handler returns when it cannot work for a reason that is not
// the chunk's: what it needs is missing, a disk is full. The chunk and those that
// wait in the worker's queue are given back, as with ErrRetry, which the error
// wraps; the worker takes nothing more and tells the master why, and tries again
// with pauses of 1 s to 1 min until try returns nil.
func Unfit(cause error, try func(context.Context) error) error {
	return &unfitError{cause: cause, try: try}
}

// Error implements error.
func (e *unfitError) Error() string { return e.cause.Error() }

// Unwrap implements the interface of package errors.
func (e *unfitError) Unwrap() []error { return []error{e.cause, ErrRetry} }

// fitness is whether the worker can work, and how long it waits for the next try.
type fitness struct {
	mu    sync.Mutex
	note  string // why it cannot, "" when it can
	pause time.Duration
}

// lose notes that the worker cannot work, and reports whether that is news.
func (f *fitness) lose(cause error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.note
	f.note = messages.CutText(cause.Error(), messages.MaxNote)
	return was == ""
}

// regain notes that the worker can work.
func (f *fitness) regain() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.note = ""
}

// proved notes that a chunk was done.
func (f *fitness) proved() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pause = 0
}

// next is the pause before the next try.
func (f *fitness) next() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pause = min(max(2*f.pause, firstTry), lastTry)
	return f.pause
}

func (f *fitness) reason() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.note
}

// rest takes the worker out of work until its trouble is over.
func (w *session) rest(u *unfitError) {
	if !w.fitness.lose(u.cause) {
		return
	}
	back := w.desk.refuse(w.fitness.reason())
	w.log.Warn("this worker cannot work, it takes no chunks until it can", "err", u.cause, "given_back", len(back))
	for _, last := range back {
		w.signal(last, true)
	}
	w.beatNow()
	w.jobs.Go(func() { w.recover(u) })
}

// recover tries again and again whether the worker can work.
func (w *session) recover(u *unfitError) {
	for sleep(w.reading, w.fitness.next()) {
		err := u.try(w.reading)
		if w.reading.Err() != nil {
			return
		}
		if err == nil {
			w.desk.reopen()
			w.fitness.regain()
			w.log.Info("this worker can work again")
			w.beatNow()
			return
		}
		before := w.fitness.reason()
		if w.fitness.lose(err); w.fitness.reason() != before {
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
	w.jobs.Go(func() { done <- w.check() })
	limit := time.NewTimer(selfTestLimit)
	defer limit.Stop()
	select {
	case err := <-done:
		if err != nil {
			w.rest(&unfitError{cause: err, try: try})
		}
	case <-limit.C:
		w.rest(&unfitError{cause: fmt.Errorf("the results folder %s does not answer for %s", results.Dir, selfTestLimit), try: try})
	case <-w.reading.Done():
	}
}

// asUnfit returns the unfitError in err, nil when there is none.
func asUnfit(err error) *unfitError {
	var u *unfitError
	errors.As(err, &u)
	return u
}
