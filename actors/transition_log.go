package actors

import "log/slog"

// transitionLog logs once that an outside system fails, and once that it works again.
type transitionLog struct {
	failed    string // log message of the first failure
	recovered string // log message of the first success after it
	failing   bool
}

// record takes in the outcome of a call. It reports whether the call failed or was the
// first one to succeed after a failure.
func (t *transitionLog) record(log *slog.Logger, err error) bool {
	was := t.failing
	t.failing = err != nil
	switch {
	case t.failing && !was:
		log.Warn(t.failed, "err", err)
	case !t.failing && was:
		log.Info(t.recovered)
	}
	return t.failing || was
}
