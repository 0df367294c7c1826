// Package doctor looks at everything that a master leans on, with the settings in
// force, and says in one line each what is wrong and what to do. It changes
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

// Limit is how long one check may take.
const Limit = 10 * time.Second

// Level tells how bad a finding is.
type Level int

// The levels of a finding.
const (
	OK   Level = iota
	Warn       // it works, and is hardly meant so
	Fail       // it does not work
)

// String is the level as it is printed.
func (l Level) String() string {
	switch l {
	case OK:
		return "ok"
	case Warn:
		return "warn"
	}
	return "FAIL"
}

// Finding is one line of the report: what is, and the cure where one is needed.
type Finding struct {
	Level Level
	Text  string
}

// Check is one part that is looked at.
type Check struct {
	Name string
	Run  func(context.Context) []Finding
}

// Run makes the checks in their order, at most limit for each, and writes what
// they found. It returns how many of them failed.
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

// look makes one check. A check that does not come back in time is left behind: a
// folder of a dead file server blocks whoever asks for it.
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
	// What has come meanwhile is worth more than that it came late.
	select {
	case found := <-done:
		return found
	case <-time.After(limit / 10):
		return fail("does not answer within %s: look at the network and at the server", limit)
	}
}

// Settings repeats what the settings themselves warn of.
func Settings(warnings []string) Check {
	return Check{Name: "settings", Run: func(context.Context) []Finding {
		found := make([]Finding, len(warnings))
		for i, text := range warnings {
			found[i] = Finding{Level: Warn, Text: text}
		}
		return found
	}}
}

// Broken is a part whose settings cannot even be tried.
func Broken(name string, err error) Check {
	return Check{Name: name, Run: func(context.Context) []Finding { return fail("%s", messageOf(err)) }}
}

func ok(format string, args ...any) []Finding { return finding(OK, format, args...) }

func warn(format string, args ...any) []Finding { return finding(Warn, format, args...) }

func fail(format string, args ...any) []Finding { return finding(Fail, format, args...) }

func finding(l Level, format string, args ...any) []Finding {
	return []Finding{{Level: l, Text: fmt.Sprintf(format, args...)}}
}

// said is what an error says to a person: behind messages.ErrConfig stands a
// sentence that needs nothing before it.
func messageOf(err error) string {
	text := err.Error()
	if _, sentence, found := strings.Cut(text, messages.ErrConfig.Error()+": "); found {
		return sentence
	}
	return text
}

// oneLine keeps a text of somebody else on one line, without anything that a
// terminal would obey.
func oneLine(text string) string {
	return messages.Clean(strings.Join(strings.Fields(text), " "), maxText)
}

// maxText is how much of a finding is shown, in characters.
const maxText = 2000
