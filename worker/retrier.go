package worker

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// minPause and maxPause bound the pause before a failed Kafka call is repeated.
const (
	minPause = 50 * time.Millisecond
	maxPause = 400 * time.Millisecond
)

// failedText and recoveredText follow the name of a call in the log.
const (
	failedText    = " failed, retrying"
	recoveredText = " works again"
)

// retrier paces the repetitions of a failing call and logs each cause once instead
// of once per attempt. It must be used by one goroutine at a time.
type retrier struct {
	log     *slog.Logger
	what    string // names the call, as in "<what> failed"
	cause   string // cause of the current failure, "" while the call succeeds
	backOff *backoff.ExponentialBackOff
}

func newRetrier(log *slog.Logger, what string) *retrier {
	return &retrier{log: log, what: what, backOff: newBackOff()}
}

func newBackOff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = minPause, maxPause
	b.Reset()
	return b
}

// digits matches port numbers and counters, which differ between attempts and do
// not make a new cause.
var digits = regexp.MustCompile(`[0-9]+`)

// pauseAfter logs a new cause and pauses. It returns false when ctx ended.
func (r *retrier) pauseAfter(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	r.logCause(err)
	return sleep(ctx, r.backOff.NextBackOff())
}

// logCause logs an error whose cause has not been logged yet.
func (r *retrier) logCause(err error) {
	if cause := digits.ReplaceAllString(err.Error(), "#"); cause != r.cause {
		r.cause = cause
		r.log.Warn(r.what+failedText, "err", err)
	}
}

// succeeded logs the recovery after a failure and resets the pause.
func (r *retrier) succeeded() {
	if r.cause != "" {
		r.log.Info(r.what + recoveredText)
	}
	r.cause = ""
	r.backOff.Reset()
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

var errNoPartition = errors.New("the topic does not have the worker's partition (yet)")
