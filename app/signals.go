package app

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// untilStopped returns a context that ends when the process is asked to stop: by Ctrl-C,
// SIGTERM, or the end of its terminal (SIGHUP) unless it was started with nohup. A second
// signal ends the process at once, except just after the first one: timeout(1) sends each
// signal twice, to its command and to the group of both.
func untilStopped() (context.Context, context.CancelFunc) {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), all...)
	context.AfterFunc(ctx, func() { time.AfterFunc(sameSignal, stop) })
	return ctx, stop
}

// sameSignal is how soon after a signal another one is taken for the same.
const sameSignal = 300 * time.Millisecond

// outliveReaders lets the process continue when the reader of its output ends, such as
// "head", instead of ending in the middle of its work. Commands that only print end then, as
// usual. SIGPIPE is caught and not ignored, since the commands of a worker would inherit the
// latter.
func outliveReaders() (undo func()) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGPIPE)
	return func() { signal.Stop(caught) }
}
