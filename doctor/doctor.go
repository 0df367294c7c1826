// Package doctor checks everything that a master depends on with the current settings.
// Each finding is one line that names the fault and the remedy. The checks change
// nothing.
package doctor

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"kafka-master/messages"
)

// Limit is the maximum time for one check.
const Limit = 10 * time.Second

// Level is the severity of a finding.
type Level int

// The levels of a finding.
const (
	OK   Level = iota
	Warn       // works, but is probably not intended
	Fail       // does not work
)

// String returns the level as it is printed.
func (l Level) String() string {
	switch l {
	case OK:
		return "ok"
	case Warn:
		return "warn"
	}
	return "FAIL"
}

// Finding is one line of the report: the fact, and the remedy if one is needed.
type Finding struct {
	Level Level
	Text  string
}

// Check is the check of one part.
type Check struct {
	Name string
	Run  func(context.Context) []Finding
}

// Run runs the checks in order, each for at most limit, and writes their findings to w.
// It returns the number of checks that failed.
func Run(ctx context.Context, w io.Writer, limit time.Duration, checks []Check) (failed int, err error) {
	for _, c := range checks {
		bad := false
		for _, f := range runCheck(ctx, limit, c) {
			bad = bad || f.Level == Fail
			if _, err := fmt.Fprintf(w, "%-4s  %-8s  %s\n", f.Level, c.Name, oneLine(f.Text)); err != nil {
				return failed, fmt.Errorf("print: %w", err)
			}
		}
		if bad {
			failed++
		}
	}
	return failed, ctx.Err()
}

// runCheck runs one check. It abandons a check that does not return in time: access to a
// folder of an unreachable file server blocks.
func runCheck(ctx context.Context, limit time.Duration, c Check) []Finding {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan []Finding, 1)
	go func() { done <- c.Run(ctx) }()
	select {
	case found := <-done:
		return found
	case <-ctx.Done():
	}
	// A check that returns slightly late is still more useful than no finding.
	select {
	case found := <-done:
		return found
	case <-time.After(limit / 10):
		return fail("did not answer within %s: check the network and the server", limit)
	}
}

// Settings reports the warnings about the settings.
func Settings(warnings []string) Check {
	return Check{Name: "settings", Run: func(context.Context) []Finding {
		found := make([]Finding, len(warnings))
		for i, text := range warnings {
			found[i] = Finding{Level: Warn, Text: text}
		}
		return found
	}}
}

// Broken reports a part whose settings are too wrong to be checked.
func Broken(name string, err error) Check {
	return Check{Name: name, Run: func(context.Context) []Finding { return fail("%s", messageOf(err)) }}
}

func ok(format string, args ...any) []Finding { return finding(OK, format, args...) }

func warn(format string, args ...any) []Finding { return finding(Warn, format, args...) }

func fail(format string, args ...any) []Finding { return finding(Fail, format, args...) }

func finding(l Level, format string, args ...any) []Finding {
	return []Finding{{Level: l, Text: fmt.Sprintf(format, args...)}}
}

// messageOf returns the text of an error for a person. The text after messages.ErrConfig
// is complete without the texts before it.
func messageOf(err error) string {
	text := err.Error()
	if _, sentence, found := strings.Cut(text, messages.ErrConfig.Error()+": "); found {
		return sentence
	}
	return text
}

// oneLine converts untrusted text to one line without control characters.
func oneLine(text string) string {
	return messages.CleanLine(text, maxText)
}

// maxText is the maximum length of a finding in characters.
const maxText = 2000
