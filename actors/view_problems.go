package actors

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"kafka-master/messages"
)

// maxProblem is how much of a problem is shown, in characters: it may hold a text of
// somebody else.
const maxProblem = 500

// noteProblems brings the one list of problems up to date. Everything that shows
// problems, and the log, has them from here.
func (v *view) noteProblems() {
	now := time.Now()
	v.noteOwn(now)
	all := slices.Concat(v.head.problems, v.own.list())
	for _, o := range v.sources {
		all = append(all, o.problems...)
	}
	for i := range all {
		all[i].Text = messages.CleanLine(all[i].Text, maxProblem)
	}
	slices.SortFunc(all, compareProblems)
	v.all = all
	v.told.note(v.log, all, now)
}

// noteOwn finds what only shows when all parts are seen together.
func (v *view) noteOwn(now time.Time) {
	leads := v.role() == "leader"
	if !leads || v.crew.counts.Present() > 0 {
		v.alone = time.Time{}
	} else if v.alone.IsZero() {
		v.alone = now
	}
	v.own.hold(!v.alone.IsZero() && now.Sub(v.alone) >= aloneFor, messages.Problem{
		Kind: messages.ProblemNoWorkers, Part: "workers", Text: "there is no worker: start one by " + v.workerCommand,
	}, v.alone)
	v.own.hold(leads && v.folder.listed == 0, messages.Problem{
		Kind: messages.ProblemNoFiles, Part: "input", Text: "the input folder holds no file to work on: put *.txt files into it",
	}, now)
	began := v.overview.began
	v.own.hold(!began.IsZero() && now.Sub(began) >= deafAfter, messages.Problem{
		Kind: messages.ProblemMasterStuck, Part: "master", Text: "a part of this master does not answer: it is overloaded, or stopped; see the log, and restart the master if this lasts",
	}, began)
}

// hold sets or clears the only problem of its kind.
func (p problems) hold(holds bool, x messages.Problem, since time.Time) {
	if holds {
		p.set(string(x.Kind), x, since)
	} else {
		p.clear(string(x.Kind))
	}
}

func compareProblems(a, b messages.Problem) int {
	return cmp.Or(cmp.Compare(a.Part, b.Part), cmp.Compare(a.Kind, b.Kind), a.Since.Compare(b.Since), cmp.Compare(a.Text, b.Text))
}

// ProblemMessage is the message of a log line that tells of a new problem.
const ProblemMessage = "problem"

// told are the problems that last, with whether their beginning was logged.
type told map[toldProblem]bool

// toldProblem tells one problem from another: its text may change while it lasts.
type toldProblem struct {
	kind  messages.ProblemKind
	part  string
	since time.Time
}

// maxToldOfKind is how many problems of one kind are logged one by one while they
// last together. A hundred unfit workers are one trouble to a person.
const maxToldOfKind = 10

// note logs what began and what ended.
func (t told) note(log *slog.Logger, all []messages.Problem, now time.Time) {
	lasting := make(map[toldProblem]bool, len(all))
	for _, p := range all {
		key := toldProblem{p.Kind, p.Part, p.Since}
		lasting[key] = true
		if _, known := t[key]; !known {
			t[key] = t.ofKind(p.Kind) < maxToldOfKind
			if t[key] {
				log.Log(context.Background(), severity(p.Kind), ProblemMessage, "kind", string(p.Kind), "part", p.Part, "count", p.Count, "text", p.Text)
			}
		}
	}
	for key, said := range t {
		if !lasting[key] {
			delete(t, key)
			if said {
				log.Info("problem is over", "kind", string(key.kind), "part", key.part, "lasted", now.Sub(key.since).Round(time.Millisecond))
			}
		}
	}
}

func (t told) ofKind(kind messages.ProblemKind) (n int) {
	for key, said := range t {
		if said && key.kind == kind {
			n++
		}
	}
	return n
}

// severity of a problem in the log. An empty folder is where every run ends.
func severity(kind messages.ProblemKind) slog.Level {
	if kind == messages.ProblemNoFiles || kind == messages.ProblemIgnoredFiles {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}
