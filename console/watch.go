package console

import (
	"slices"
	"time"

	"kafka-master/messages"
)

const (
	// lineEvery is the least time between two lines about one file, or about one
	// kind of problem.
	lineEvery = 5 * time.Second

	// patience is how long a state must last before it is said: just after the
	// start the folder is not known.
	minSpell = 3 * time.Second
)

// watch compares what it sees with what it said. It belongs to one goroutine.
type watch struct {
	cfg       Config
	out       *printer
	startedAt time.Time // files that ended before are only counted

	role           string
	earlierCounted bool                          // the files that ended earlier were counted
	endedCount     uint64                        // how many files' ends were seen
	startLines     budget                        // lines about files that begin
	doneBalances   budget                        // accounts of files that were done
	otherBalances  budget                        // accounts of other files
	unlisted       unlistedFiles                 // files that ended without an account of their own
	running        map[messages.FileID]*lastLine // files in work
	problems       map[string]*reported          // by part
	idle           spell                         // nothing to do
	noWorkers      bool                          // it was said that there are no workers
	noAnswer       spell                         // no answers
	speed          speed                         // of all files
}

// lastLine is what the last line about a file said.
type lastLine struct {
	at       time.Time
	items    int64 // done and dead
	offset   int64
	endShown bool // it was said that the file changed or failed while chunks are out
}

// spell is a state that is said once when it has lasted for a while.
type spell struct {
	since time.Time // zero while it does not hold
	shown bool
}

// hold notes whether the state holds; due is true once, when it has to be said,
// and over when it ended after it was said.
func (s *spell) hold(holds bool, now time.Time) (due, over bool) {
	if !holds {
		over = s.shown
		*s = spell{}
		return false, over
	}
	if s.since.IsZero() {
		s.since = now
	}
	if s.shown || now.Sub(s.since) < minSpell {
		return false, false
	}
	s.shown = true
	return true, false
}

func newWatch(cfg Config, now time.Time) *watch {
	return &watch{
		cfg: cfg, out: &printer{w: cfg.Out}, startedAt: now,
		running:  map[messages.FileID]*lastLine{},
		problems: map[string]*reported{},
	}
}

// see shows what is new in an overview.
func (w *watch) show(o messages.Overview, now time.Time) {
	if _, over := w.noAnswer.hold(false, now); over {
		w.out.line("The master answers again.")
	}
	w.showRole(o, now)
	w.showProblems(o.Problems, now)
	if o.Role != "leader" {
		w.out.clear() // another master knows about the files
		return
	}
	w.showEnded(o, now)
	w.showRunning(o, now)
	w.showWorkers(o)
	w.showIdle(o, now)
	if w.cfg.Terminal {
		w.showBar(o, now)
	}
}

// miss notes that there was no answer.
func (w *watch) showNoAnswer(now time.Time) {
	if due, _ := w.noAnswer.hold(true, now); due {
		w.out.line("The master does not answer; the log says why.")
	}
}

func (w *watch) showRole(o messages.Overview, now time.Time) {
	if o.Role == w.role {
		return
	}
	switch o.Role {
	case "leader":
		w.out.line("This master leads, term %d.", o.Term)
		if w.role == "standby" { // another one led until now
			w.startedAt, w.earlierCounted = now, false
		}
	case "standby":
		text := "This master stands by; it takes over when the leader is gone."
		if slices.ContainsFunc(o.Problems, func(p messages.Problem) bool { return p.Kind == messages.ProblemState }) {
			text = "This master does not lead, since it cannot reach the state."
		}
		w.out.line("%s", text)
	}
	if o.Role != "leader" { // it sees neither the folder nor the workers
		delete(w.problems, "input")
		delete(w.problems, "workers")
	}
	w.role = o.Role
}

func (w *watch) showWorkers(o messages.Overview) {
	alone := slices.ContainsFunc(o.Problems, func(p messages.Problem) bool { return p.Kind == messages.ProblemNoWorkers })
	switch {
	case alone && !w.noWorkers:
		w.out.line("There are no workers. Start one with:\n  %s", w.cfg.WorkerCommand)
	case w.noWorkers && !alone:
		w.out.line("Now there is %s.", many(int64(o.Workers.Present()), "worker"))
	}
	w.noWorkers = alone
}

// seeIdle says what to do when there is nothing to do. A folder that cannot be
// read is a problem and not empty.
func (w *watch) showIdle(o messages.Overview, now time.Time) {
	busy := len(w.running) > 0 || o.Settling > 0 || w.problems["input"] != nil
	due, _ := w.idle.hold(!busy, now)
	switch {
	case !due:
	case o.Files == messages.FileTotals{}:
		w.out.line("The input folder is empty. Put *.txt files, one item a line, into:\n  %s", w.cfg.Input)
	default:
		w.out.line("Nothing is left to do. More *.txt files can be put into:\n  %s", w.cfg.Input)
	}
}
