// Package app is the program: its commands, and what a master is wired of.
package app

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
	ExitOK     = 0 // stopped cleanly
	ExitCannot = 1 // cannot run: the message says what is in the way
	ExitUsage  = 2 // flags or settings are wrong
)

// Main runs the process's command line until it ends or a signal asks it to stop,
// and returns the exit code.
func Main() int {
	ctx, _ := untilStopped()
	return Run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr)
}

// Run executes a command line and returns its exit code. A cancelled ctx asks
// it to stop in order.
func Run(ctx context.Context, args []string, env func(string) (string, bool), stdout, stderr io.Writer) int {
	cmd := rootCommand(env, stdout, stderr)
	cmd.SetArgs(append([]string{}, args...)) // nil would be the arguments of the process
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	last := newSpool(stderr, nil) // whose reader may have stopped reading
	fmt.Fprintln(last, "kafka-master:", messages.CleanLines(err.Error(), maxLogValue))
	last.close()
	var wrong settings.Mistakes
	if errors.As(err, &wrong) || errors.Is(err, errUsage) {
		return ExitUsage
	}
	return ExitCannot
}
