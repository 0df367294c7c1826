package actors

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"kafka-master/messages"
)

// maxProblem is how many characters of a problem are shown. It may hold foreign text.
const maxProblem = 500

// updateProblems updates the list of problems, which is the only source for the log and for
// everything that shows problems.
func (v *view) updateProblems() {
	now := time.Now()
	v.updateOwn(now)
	all := slices.Concat(v.master.problems, v.own.list())
	for _, o := range v.sources {
		all = append(all, o.problems...)
	}
	for i := range all {
		all[i].Text = messages.CleanLine(all[i].Text, maxProblem)
		all[i].Cures = Cures(all[i], v.workerCommand)
	}
	slices.SortFunc(all, compareProblems)
	v.all = all
	v.logged.logChanges(v.log, all, now)
}

// updateOwn updates the problems that show only when all parts are seen together.
func (v *view) updateOwn(now time.Time) {
	leads := v.role() == "leader"
	if !leads || v.fleet.counts.Present() > v.fleet.counts.In(messages.WorkerSuspect) {
		v.alone = time.Time{}
	} else if v.alone.IsZero() {
		v.alone = now
	}
	v.own.setIf(!v.alone.IsZero() && now.Sub(v.alone) >= aloneFor, messages.Problem{
		Kind: messages.ProblemNoWorkers, Part: "workers", Text: "there is no worker, so nothing can be done",
	}, v.alone)
	v.own.setIf(leads && v.folder.listed == 0, messages.Problem{
		Kind: messages.ProblemNoFiles, Part: "input", Text: "the input folder holds no file to work on: put *.txt files into it",
	}, now)
	began := v.overview.began
	v.own.setIf(!began.IsZero() && now.Sub(began) >= stuckAfter, messages.Problem{
		Kind: messages.ProblemMasterStuck, Part: "master", Text: "a part of this master does not answer: it is overloaded, or stopped; see the log, and restart the master if this lasts",
	}, began)
}

// setIf sets the only problem of its kind when it holds, and clears it otherwise.
func (p problems) setIf(holds bool, x messages.Problem, since time.Time) {
	if holds {
		p.set(string(x.Kind), x, since)
	} else {
		p.clear(string(x.Kind))
	}
}

func compareProblems(a, b messages.Problem) int {
	return cmp.Or(cmp.Compare(a.Part, b.Part), cmp.Compare(a.Kind, b.Kind), a.Since.Compare(b.Since), cmp.Compare(a.Text, b.Text))
}

// ProblemMessage is the message of the log line for a new problem.
const ProblemMessage = "problem"

// loggedProblems are the problems that last. The value is true when the beginning of the
// problem was logged.
type loggedProblems map[loggedProblem]bool

// loggedProblem identifies a problem, whose text may change while it lasts.
type loggedProblem struct {
	kind  messages.ProblemKind
	part  string
	since time.Time
}

// maxLoggedOfKind is how many problems of one kind that last together are logged one by
// one. To a person, a hundred unfit workers are one problem.
const maxLoggedOfKind = 10

// logChanges logs which problems began and which ended.
func (t loggedProblems) logChanges(log *slog.Logger, all []messages.Problem, now time.Time) {
	lasting := make(map[loggedProblem]bool, len(all))
	for _, p := range all {
		key := loggedProblem{p.Kind, p.Part, p.Since}
		lasting[key] = true
		if _, known := t[key]; !known {
			t[key] = t.ofKind(p.Kind) < maxLoggedOfKind
			if t[key] {
				log.Log(context.Background(), severity(p.Kind), ProblemMessage, "kind", string(p.Kind), "part", p.Part, "count", p.Count, "text", p.Text)
			}
		}
	}
	for key, logged := range t {
		if !lasting[key] {
			delete(t, key)
			if logged {
				log.Info("problem is over", "kind", string(key.kind), "part", key.part, "lasted", now.Sub(key.since).Round(time.Millisecond))
			}
		}
	}
}

// ofKind counts the problems of a kind whose beginning was logged.
func (t loggedProblems) ofKind(kind messages.ProblemKind) (n int) {
	for key, logged := range t {
		if logged && key.kind == kind {
			n++
		}
	}
	return n
}

// severity returns the log level of a problem. An empty folder is the normal end of a run,
// a pause is what a person wants, and a command or a copy may take its time.
func severity(kind messages.ProblemKind) slog.Level {
	switch kind {
	case messages.ProblemNoFiles, messages.ProblemIgnoredFiles, messages.ProblemDispatch, messages.ProblemHeldUp, messages.ProblemNoResultYet, messages.ProblemSettling:
		return slog.LevelInfo
	}
	return slog.LevelWarn
}
