package console

import (
	"time"

	"kafka-master/messages"
)

// said is what was told of the problems of one part.
type reported struct {
	lasting map[problemKey]bool // those that last
	lastAt  time.Time           // when one was told last
}

// trouble tells one problem from another. Its text may have a number in it that
// grows while it lasts.
type problemKey struct {
	kind  messages.ProblemKind
	since time.Time
	text  string // only of a problem that does not say since when
}

// maxProblemLines is how many problems of one part are told one by one at a time.
const maxProblemLines = 5

func keyOf(p messages.Problem) problemKey {
	t := problemKey{kind: p.Kind, since: p.Since}
	if p.Since.IsZero() {
		t.text = p.Text
	}
	return t
}

// seeProblems tells when problems come, and when a part has none any more.
func (w *watch) showProblems(all []messages.Problem, now time.Time) {
	parts := map[string][]messages.Problem{}
	var order []string
	for _, p := range all {
		if p.Kind == messages.ProblemNoWorkers || p.Kind == messages.ProblemNoFiles {
			continue // seeWorkers and seeIdle say what to do
		}
		part := clean(p.Part, maxName)
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

// seePart tells what is new in one part, not too often.
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
			w.out.line("PROBLEM (%s): %s", part, clean(p.Text, maxSentence))
		}
	}
	if fresh > maxProblemLines {
		w.out.line("PROBLEM (%s): and %d more; /readyz?verbose lists them.", part, fresh-maxProblemLines)
	}
	s.lasting = lasting
}
