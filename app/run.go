// Package app is the program: its commands, and the wiring of a master.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"kafka-master/actors"
	"kafka-master/infra/settings"
	"kafka-master/messages"
)

// The exit codes of every command.
const (
	ExitOK     = 0 // stopped in order
	ExitCannot = 1 // cannot run; the message names the cause
	ExitUsage  = 2 // flags or settings are wrong
	// ExitUnreachable means that no master that leads answers, for commands that call one.
	ExitUnreachable = 3
	// ExitUnknown means that not everything could be checked, and that nothing was wrong
	// with the rest, for commands that check something.
	ExitUnknown = 3
	// ExitWrong means that a check found something that does not hold, or that items of what
	// ended are failed or dead.
	ExitWrong = 4
)

// Main runs the command line of the process until it ends or a signal stops it, and returns
// the exit code.
func Main() int {
	ctx, _ := untilStopped()
	return Run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr)
}

// Run executes a command line and returns its exit code. It stops in order when ctx ends.
func Run(ctx context.Context, args []string, env func(string) (string, bool), stdout, stderr io.Writer) int {
	return RunMeasured(ctx, args, env, stdout, stderr, nil)
}

// Instrument changes the configuration and the parts of a master before its actors start, so
// that a measurement can count what they do.
type Instrument func(*actors.Config, *actors.Parts)

// RunMeasured is Run for a measurement.
func RunMeasured(ctx context.Context, args []string, env func(string) (string, bool), stdout, stderr io.Writer, instrument Instrument) int {
	cmd := rootCommand(command{env: env, stdin: os.Stdin, stdout: stdout, stderr: stderr, instrument: instrument})
	cmd.SetArgs(append([]string{}, negativeLast(args)...)) // nil would mean the arguments of the process
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	last := newSpool(stderr, nil) // stderr may have a reader that does not read
	fmt.Fprintln(last, "kafka-master:", messages.CleanLines(err.Error(), maxLogValue))
	last.close()
	var wrong settings.Mistakes
	if errors.As(err, &wrong) || errors.Is(err, errUsage) {
		return ExitUsage
	}
	switch {
	case errors.Is(err, errWrong), errors.Is(err, errRejects):
		return ExitWrong
	case errors.Is(err, errUnreachable):
		return ExitUnreachable
	case errors.Is(err, errUnknown):
		return ExitUnknown
	}
	return ExitCannot
}
