package worker

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// The pauses between two tries of a call that Kafka did not take.
const (
	minPause = 50 * time.Millisecond
	maxPause = 400 * time.Millisecond
)

// patience paces the repetitions of a failing call and logs its cause once, not
// once per try. It belongs to one goroutine.
type retrier struct {
	log     *slog.Logger
	what    string // "<what> failed" is what the log says
	cause   string // of the trouble that is going on, "" when all is well
	backOff *backoff.ExponentialBackOff
}

func newRetrier(log *slog.Logger, what string) *retrier {
	return &retrier{log: log, what: what, backOff: newBackOff()}
}

func newBackOff() *backoff.ExponentialBackOff {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = minPause, maxPause
	pause.Reset()
	return pause
}

// Ports and counters differ from try to try and do not make a new cause.
var digits = regexp.MustCompile(`[0-9]+`)

// failed logs a cause that is new and pauses. It returns false when ctx ended.
func (p *retrier) pauseAfter(ctx context.Context, err error) bool {
	return ctx.Err() == nil && sleep(ctx, p.delay(err))
}

// delay logs a cause that is new and returns how long to wait.
func (p *retrier) delay(err error) time.Duration {
	p.logCause(err)
	return p.backOff.NextBackOff()
}

// note logs a cause that is new.
func (p *retrier) logCause(err error) {
	if cause := digits.ReplaceAllString(err.Error(), "#"); cause != p.cause {
		p.cause = cause
		p.log.Warn(p.what+" failed, will be repeated", "err", err)
	}
}

// worked ends the trouble.
func (p *retrier) succeeded() {
	if p.cause != "" {
		p.log.Info(p.what + " works again")
	}
	p.cause = ""
	p.backOff.Reset()
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
