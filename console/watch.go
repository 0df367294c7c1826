package console

import (
	"slices"
	"time"

	"kafka-master/messages"
)

const (
	// lineEvery is the minimum time between two lines about one file, or about the
	// problems of one part.
	lineEvery = 5 * time.Second

	// minSpell is how long a condition must last before it is printed. Right after the
	// start, for example, the input folder is not known yet.
	minSpell = 3 * time.Second
)

// watch compares overviews with what it has printed. It must be used by one goroutine.
type watch struct {
	cfg Config
	out *printer

	role           string
	ledFrom        time.Time // when it was first seen that this master leads
	earlierCounted bool      // the files that had ended before this master led were counted
	endedCount     uint64    // number of ended files in the last overview
	startLines     budget    // lines about files that start
	doneBalances   budget    // balances of files that were done without dead items
	otherBalances  budget    // balances of other files
	unlisted       unlistedFiles
	running        map[messages.FileID]*lastLine // files in work
	problems       map[string]*reported          // by part
	idle           spell                         // nothing is left to do
	noWorkers      bool                          // it was printed that there are no workers
	noAnswer       spell
}

// lastLine describes the last line about a file.
type lastLine struct {
	at       time.Time
	items    int64 // number of items done or dead
	offset   int64
	paused   bool // it was printed that nothing new of the file is begun
	endShown bool // it was printed that the file ended while chunks are at workers
}

// spell is a condition that is printed once after it has lasted for minSpell.
type spell struct {
	since time.Time // zero while the condition does not hold
	shown bool
}

// hold updates whether the condition holds. due is true once, when the condition must be
// printed. over is true when the condition has ended after it was printed.
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

func newWatch(cfg Config) *watch {
	return &watch{
		cfg: cfg, out: &printer{w: cfg.Out},
		running:  map[messages.FileID]*lastLine{},
		problems: map[string]*reported{},
	}
}

// show prints what is new in an overview.
func (w *watch) show(o messages.Overview, now time.Time) {
	if _, over := w.noAnswer.hold(false, now); over {
		w.out.line("The master answers again.")
	}
	w.showRole(o, now)
	w.showProblems(o.Problems, now)
	if o.Role != "leader" {
		w.out.clear() // only the leader knows the files
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

// showNoAnswer is called when there was no answer.
func (w *watch) showNoAnswer(now time.Time) {
	if due, _ := w.noAnswer.hold(true, now); due {
		w.out.line("The master does not answer; see the log for the reason.")
	}
}

func (w *watch) showRole(o messages.Overview, now time.Time) {
	if o.Role == w.role {
		return
	}
	switch o.Role {
	case "leader":
		w.ledFrom = now
		w.out.line("This master leads, term %d.", o.Term)
		if w.role == "standby" { // another master was the leader until now
			w.earlierCounted = false
		}
	case "standby":
		text := "This master is a standby; it takes over when the leader is gone."
		if slices.ContainsFunc(o.Problems, func(p messages.Problem) bool { return p.Kind == messages.ProblemState }) {
			text = "This master does not lead, because it cannot reach its state."
		}
		w.out.line("%s", text)
	}
	if o.Role != "leader" { // a standby knows neither the folder nor the workers
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
		w.out.line("Workers found: %d.", o.Workers.Present())
	}
	w.noWorkers = alone
}

// showIdle prints how to continue when nothing is left to do. It prints nothing about a
// folder that cannot be read: that is a problem, and the folder may not be empty.
func (w *watch) showIdle(o messages.Overview, now time.Time) {
	busy := len(w.running) > 0 || o.Settling > 0 || w.problems["input"] != nil
	due, _ := w.idle.hold(!busy, now)
	switch {
	case !due:
	case o.Files == messages.FileTotals{}:
		w.out.line("The input folder is empty. Put *.txt files with one item per line into:\n  %s", w.cfg.Input)
	default:
		w.out.line("Nothing is left to do. Put more *.txt files into:\n  %s", w.cfg.Input)
	}
}
