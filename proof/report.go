package proof

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Verdict is what a check concludes.
type Verdict string

// The verdicts.
const (
	Holds   Verdict = "holds"   // everything was compared and is equal
	Fails   Verdict = "fails"   // something differs, is missing or surplus
	Unknown Verdict = "unknown" // nothing differs, and not everything could be compared
)

// The kinds of findings.
const (
	missing       = "missing"  // lines of which nothing tells what became of them
	surplus       = "surplus"  // something that belongs to no chunk
	inputDiffers  = "input"    // the input is not what was cut
	resultDiffers = "result"   // a result is not what was recorded
	damaged       = "manifest" // a manifest line is not what was written
	outOfOrder    = "order"    // chunks do not follow each other
	booksDiffer   = "books"    // the books do not agree with the manifests
)

// maxFindings is how many findings a report lists; the others are counted.
const maxFindings = 1000

// finding is something that does not hold, about a range of bytes of the input.
type finding struct {
	kind     string
	from, to int64 // to is 0 if it concerns no range
	text     string
	more     int // further findings of the kind that follow without a gap
}

// united unites findings of one kind that follow each other without a gap: a line that
// was deleted shifts all lines behind it.
func united(all []finding) (out []finding) {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b finding) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.kind, b.kind)) })
	last := map[string]int{} // place in out of the last finding of each kind
	for _, f := range all {
		if n, ok := last[f.kind]; ok && f.to > 0 && out[n].to == f.from {
			out[n].to = f.to
			out[n].more++
			continue
		}
		last[f.kind] = len(out)
		out = append(out, f)
	}
	return out
}

// Finding is something that does not hold.
type Finding struct {
	Kind      string `json:"kind"`
	FirstLine int64  `json:"first_line,omitempty"` // 0 if it concerns no lines of the input
	LastLine  int64  `json:"last_line,omitempty"`
	Text      string `json:"text"`
}

// Report is the outcome of a check.
type Report struct {
	Path       string  `json:"file"`
	Generation int     `json:"generation"`
	State      string  `json:"state"` // of the file
	Verdict    Verdict `json:"verdict"`

	Items  int64 `json:"items"` // cut = done + failed + dead + cancelled + missing
	Done   int64 `json:"items_done"`
	Failed int64 `json:"items_failed"`
	Dead   int64 `json:"items_dead"`
	// Cancelled items were not done when the file was cancelled. What was not cut is in none
	// of these figures.
	Cancelled int64  `json:"items_cancelled"`
	Missing   int64  `json:"items_missing"`
	Lines     int64  `json:"lines"` // of the input; 0 if it was not read
	Bytes     int64  `json:"bytes"` // of the input that were read
	Chunks    int    `json:"chunks"`
	Results   int    `json:"results"`      // chunks whose result was compared
	Output    int64  `json:"output_lines"` // in these results
	Digest    string `json:"digest"`       // of the manifests

	Findings []Finding `json:"findings"`
	Unlisted int       `json:"findings_unlisted"` // further findings
	Unknown  []string  `json:"unknown"`           // what could not be known
	Notes    []string  `json:"notes"`

	Took time.Duration `json:"-"`
}

func (c *check) find(kind string, from, to int64, format string, args ...any) {
	c.findings = append(c.findings, finding{kind: kind, from: from, to: to, text: fmt.Sprintf(format, args...)})
}

func (c *check) cannot(format string, args ...any) {
	c.unknown = append(c.unknown, fmt.Sprintf(format, args...))
}

func (c *check) note(format string, args ...any) {
	c.notes = append(c.notes, fmt.Sprintf(format, args...))
}

// report sums the check up.
func (c *check) report() Report {
	b := c.books
	r := Report{
		Path: b.Info.Path, Generation: b.Generation, State: b.State.String(), Verdict: Holds,
		Items: b.Items, Done: b.DoneItems, Failed: b.FailedItems, Dead: b.DeadItems, Cancelled: b.CancelledItems, Missing: b.Missing(),
		Lines: c.inputLines, Bytes: c.read, Chunks: b.Cursor.Index, Results: c.recorded, Output: c.output,
		Digest: fmt.Sprintf("%016x", c.digest), Findings: []Finding{}, Unknown: []string{}, Notes: []string{},
	}
	c.countNotes()
	r.Unknown, r.Notes = append(r.Unknown, c.unknown...), append(r.Notes, c.notes...)
	for i, f := range united(c.findings) {
		if i >= maxFindings {
			r.Unlisted++
			continue
		}
		first, last := c.lineRange(f.from, f.to)
		if f.more > 0 {
			f.text += fmt.Sprintf("; and so on for %d more", f.more)
		}
		r.Findings = append(r.Findings, Finding{f.kind, first, last, f.text})
	}
	switch {
	case len(r.Findings) > 0:
		r.Verdict = Fails
	case len(r.Unknown) > 0:
		r.Verdict = Unknown
	}
	return r
}

// countNotes notes what was skipped, and why that changes nothing.
func (c *check) countNotes() {
	for _, n := range []struct {
		count int
		text  string
	}{
		{c.torn, "%d manifest lines were torn when a worker died; their chunks ran again"},
		{c.superseded, "%d manifest lines are of attempts whose result did not count"},
		{c.foreign, "%d manifest lines are of a state that was lost"},
		{c.leftover, "%d results are of attempts that did not count"},
	} {
		if n.count > 0 {
			c.note(n.text, n.count)
		}
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
