package console

import (
	"time"

	"kafka-master/messages"
)

// reported records which problems of one part were printed.
type reported struct {
	lasting map[problemKey]bool // printed problems that still exist
	lastAt  time.Time           // time of the last printed problem
}

// problemKey identifies a problem. The text is not part of it if possible, since it
// may contain a number that grows while the problem lasts.
type problemKey struct {
	kind  messages.ProblemKind
	since time.Time
	text  string // only for a problem without a start time
}

// maxProblemLines is the number of problems of one part that are printed at a time.
const maxProblemLines = 5

func keyOf(p messages.Problem) problemKey {
	key := problemKey{kind: p.Kind, since: p.Since}
	if p.Since.IsZero() {
		key.text = p.Text
	}
	return key
}

// showProblems prints new problems, and the parts that have no problems any more.
func (w *watch) showProblems(all []messages.Problem, now time.Time) {
	parts := map[string][]messages.Problem{}
	var order []string
	for _, p := range all {
		if p.Kind == messages.ProblemNoWorkers || p.Kind == messages.ProblemNoFiles {
			continue // showWorkers and showIdle print what to do
		}
		part := messages.Clean(p.Part, maxName)
		if parts[part] == nil {
			order = append(order, part)
		}
		parts[part] = append(parts[part], p)
	}
	for _, part := range order {
		w.showPart(part, parts[part], now)
	}
	for part := range w.problems {
		if parts[part] == nil {
			delete(w.problems, part)
			w.out.line("Solved (%s).", part)
		}
	}
}

// showPart prints the new problems of one part, at most once per lineEvery.
func (w *watch) showPart(part string, all []messages.Problem, now time.Time) {
	s := w.problems[part]
	if s == nil {
		s = &reported{}
		w.problems[part] = s
	}
	quiet := !s.lastAt.IsZero() && now.Sub(s.lastAt) < lineEvery
	lasting := map[problemKey]bool{}
	fresh := 0
	for _, p := range all {
		key := keyOf(p)
		if s.lasting[key] || lasting[key] {
			lasting[key] = true
			continue
		}
		if quiet {
			continue
		}
		lasting[key], s.lastAt = true, now
		if fresh++; fresh <= maxProblemLines {
			w.out.line("%s (%s): %s", heading(p.Kind), part, messages.Clean(p.Text, maxSentence))
		}
	}
	if fresh > maxProblemLines {
		w.out.line("PROBLEM (%s): and %d more; /readyz?verbose lists them.", part, fresh-maxProblemLines)
	}
	s.lasting = lasting
}

// heading returns how the line of a problem begins. A pause is what a person wants.
func heading(kind messages.ProblemKind) string {
	if kind == messages.ProblemDispatch {
		return "PAUSED"
	}
	return "PROBLEM"
}
