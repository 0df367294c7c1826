package console

import (
	"time"

	"kafka-master/messages"
)

// said is what was told of the problems of one part.
type said struct {
	texts map[string]bool // those that last
	at    time.Time       // when one was told last
}

// seeProblems tells when problems come, and when a part has none any more.
func (w *watch) seeProblems(all []messages.Problem, now time.Time) {
	parts := map[string][]string{}
	var order []string
	for _, p := range all {
		if p.Kind == messages.ProblemNoWorkers || p.Kind == messages.ProblemNoFiles {
			continue // seeWorkers and seeIdle say what to do
		}
		part := clean(p.Part, maxName)
		if parts[part] == nil {
			order = append(order, part)
		}
		parts[part] = append(parts[part], clean(p.Text, maxSentence))
	}
	for _, part := range order {
		w.seeProblem(part, parts[part], now)
	}
	for part := range w.problems {
		if parts[part] == nil {
			delete(w.problems, part)
			w.out.line("Solved (%s).", part)
		}
	}
}

// seeProblem tells new texts of one part, not too often: a text with a number in
// it is new at every look.
func (w *watch) seeProblem(part string, texts []string, now time.Time) {
	s := w.problems[part]
	quiet := s != nil && now.Sub(s.at) < lineEvery
	if s == nil {
		s = &said{}
		w.problems[part] = s
	}
	lasting := map[string]bool{}
	for _, text := range texts {
		if s.texts[text] {
			lasting[text] = true
		} else if !quiet {
			lasting[text], s.at = true, now
			w.out.line("PROBLEM (%s): %s", part, text)
		}
	}
	s.texts = lasting
}
