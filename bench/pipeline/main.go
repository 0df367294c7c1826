// Command pipeline measures the whole: a broker, the real master and native
// workers, each in processes of their own, work through one input file. It
// prints how many chunks a second were handed out and proved done, and what that
// cost each process. It needs Linux (/proc).
//
// By default the broker is the embedded one in a process of its own, and the
// state is in the embedded store. BENCH_BROKERS names a real Kafka instead (a comma
// list), BENCH_REDIS_URL an empty Redis database. BENCH_BROKER_PID and
// BENCH_REDIS_PID let the CPU time of these be measured too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "pipeline:", err)
		os.Exit(1)
	}
}

// run measures, or is one of the children of a measurement.
func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case brokerCommand:
			return profiled(brokerCommand, func() error { return serveBroker(ctx, args[1:]) })
		case crowdCommand:
			return measureCrowd(ctx, args[1:])
		case smallCommand:
			return measureSmallFiles(ctx, args[1:])
		case beatsCommand:
			return sendBeats(ctx, args[1:])
		case masterCommand:
			return profiled(masterCommand, func() error { return serveMaster(ctx) })
		case workersCommand:
			return profiled(workersCommand, func() error { return runWorkers(ctx, args[1:]) })
		}
	}
	return measure(ctx, args)
}
