package app

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// untilStopped returns a context that ends when somebody asks the process to stop:
// Ctrl-C, SIGTERM, or the end of its terminal (SIGHUP), unless nohup said that it
// shall outlive that. A second signal ends the process at once.
func untilStopped() (context.Context, context.CancelFunc) {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), all...)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// outliveReaders lets the process go on when the reader of its output ends, as
// "head" does, instead of dying in the middle of its work. Commands that only print
// end then, as usual. The signal is taken and not ignored: a command that a worker
// starts would inherit that.
func outliveReaders() (undo func()) {
	taken := make(chan os.Signal, 1)
	signal.Notify(taken, syscall.SIGPIPE)
	return func() { signal.Stop(taken) }
}
