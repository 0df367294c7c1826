package app

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"kafka-master/console"
	"kafka-master/messages"
	"kafka-master/proof"
)

// maxFindingText is the length at which a finding is cut, in characters.
const maxFindingText = 400

// reportText formats a report for a person.
func reportText(r proof.Report, took time.Duration) string {
	var b strings.Builder
	name := messages.Clean(r.Path, maxFindingText)
	if r.Generation > 1 {
		name += fmt.Sprintf(", generation %d", r.Generation)
	}
	fmt.Fprintf(&b, "==== %s: %s ====\n", name, verdictText(r))
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-9s %s\n", name, fmt.Sprintf(format, args...))
	}
	n := humanize.Comma
	row("items", "%s cut = %s done + %s failed + %s dead%s + %s missing", n(r.Items), n(r.Done), n(r.Failed), n(r.Dead), console.Cancelled(r.Cancelled), n(r.Missing))
	if r.Lines > 0 {
		row("input", "%s, %s, in %s", console.Count(r.Lines, "line"), humanize.Bytes(uint64(r.Bytes)), console.Count(int64(r.Chunks), "chunk"))
	}
	row("results", "%s with %s", n(int64(r.Results)), console.Count(r.Output, "line"))
	row("digest", "%s", r.Digest)
	for _, f := range r.Findings {
		row("WRONG", "%s%s", findingLines(f), messages.Clean(f.Text, maxFindingText))
	}
	if r.Unlisted > 0 {
		row("WRONG", "%s more", n(int64(r.Unlisted)))
	}
	for _, text := range r.Unknown {
		row("unknown", "%s", messages.Clean(text, maxFindingText))
	}
	for _, text := range r.Notes {
		row("note", "%s", messages.Clean(text, maxFindingText))
	}
	row("", "%s", conclusionOf(r, took))
	return strings.TrimSuffix(b.String(), "\n")
}

func verdictText(r proof.Report) string {
	switch r.Verdict {
	case proof.Holds:
		return "verified"
	case proof.Fails:
		return "DOES NOT HOLD"
	}
	return "cannot be known"
}

func findingLines(f proof.Finding) string {
	n := humanize.Comma
	switch {
	case f.FirstLine == 0:
		return ""
	case f.LastLine <= f.FirstLine:
		return "line " + n(f.FirstLine) + ": "
	}
	return "lines " + n(f.FirstLine) + " to " + n(f.LastLine) + ": "
}

// conclusionOf states in one sentence what the check found.
func conclusionOf(r proof.Report, took time.Duration) string {
	in := fmt.Sprintf(" (%.1f s)", took.Seconds())
	switch r.Verdict {
	case proof.Holds:
		return "Input, manifests, results and books agree: every item " + which(r) + "is " + held(r) + in
	case proof.Fails:
		return "Something is missing, surplus or not what was recorded: see above" + in
	}
	return "What could be checked holds, but not everything could be checked: see above" + in
}

// held names what became of the items of a file that holds.
func held(r proof.Report) string {
	var parts []string
	for _, p := range []struct {
		n    int64
		name string
	}{{r.Failed, "failed"}, {r.Dead, "dead"}, {r.Cancelled, "cancelled"}} {
		if p.n > 0 {
			parts = append(parts, "is listed as "+p.name)
		}
	}
	if len(parts) == 0 {
		return "done exactly once"
	}
	return "done exactly once, or " + strings.Join(parts, " or ")
}

// which says of which items a check of a cancelled file is.
func which(r proof.Report) string {
	if r.State == messages.FileCancelled.String() {
		return "that was cut "
	}
	return ""
}
