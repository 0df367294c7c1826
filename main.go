// Kafka Master cuts line files into chunks, hands each chunk to a free worker
// through Kafka, and proves at the end that every line was done.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"kafka-master/infra/settings"
	"kafka-master/messages"
)

// The exit codes of every command.
const (
	exitOK     = 0 // stopped cleanly
	exitCannot = 1 // cannot run: the message says what is in the way
	exitUsage  = 2 // flags or settings are wrong
)

func main() {
	ctx, _ := untilStopped()
	os.Exit(run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}

// run executes a command line and returns its exit code. A cancelled ctx asks
// it to stop in order.
func run(ctx context.Context, args []string, env func(string) (string, bool), stdout, stderr io.Writer) int {
	cmd := rootCommand(env, stdout, stderr)
	cmd.SetArgs(append([]string{}, args...)) // nil would be the arguments of the process
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	last := newSpool(stderr, nil) // whose reader may have stopped reading
	fmt.Fprintln(last, "kafka-master:", messages.CleanLines(err.Error(), maxLogValue))
	last.close()
	var wrong settings.Mistakes
	if errors.As(err, &wrong) || errors.Is(err, errUsage) {
		return exitUsage
	}
	return exitCannot
}
