package actors

import (
	"fmt"
	"time"

	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

// watch looks for problems.
func (d *dispatcher) watch(now time.Time) {
	r := d.ledger.Report(now)
	d.watchLosses(r.Losses, now)
	d.watchPaused(r, now)
	d.watchReturned(r, now)
	d.watchRepeats(r, now)
	d.watchStandstill(r, now)
}

// watchLosses reports what the stored state turned out to lack.
func (d *dispatcher) watchLosses(l ledger.Losses, now time.Time) {
	d.lossProblem("files", l.Files, "%s failed, since the figures in the stored state do not add up (its reason has them): "+
		"take each out of the folder for some seconds and put it back, and it is done again", "file", now)
	d.lossProblem("records", l.Records, "the state store lost the records of %s: what is in the folder still is done again from its beginning", "file", now)
	d.lossProblem("orphans", l.Orphans, "the state store held %s of files that it does not know any more; they were dropped", "chunk", now)
	d.lossProblem("unnamed", l.DeadRecords, "the state store lost the records of %s: they are counted, but not listed", "dead chunk", now)
}

func (d *dispatcher) lossProblem(key string, n int, format, noun string, now time.Time) {
	text := fmt.Sprintf(format, counted(n, noun))
	fresh := d.problems.show("lost "+key, messages.Problem{Kind: messages.ProblemStateLost, Part: "input", Text: text, Count: n}, now)
	if fresh && key != "files" { // Those have a line each.
		d.log.Error("the stored state is incomplete", "err", text)
	}
}

// watchPaused reports files of which nothing new is begun.
func (d *dispatcher) watchPaused(r ledger.Report, now time.Time) {
	text := r.FirstPaused
	if r.Paused > 1 {
		text += fmt.Sprintf(" (and %s)", counted(r.Paused-1, "other file"))
	}
	text += "; nothing new of it is begun: fix the cause, then retry or discard dead chunks (kafka-master dead), resume the file (kafka-master resume), or raise MAX_DEAD and start again"
	if d.problems.show("paused", messages.Problem{Kind: messages.ProblemPaused, Part: "input", Text: text, Count: r.Paused, Place: r.PausedAt}, now) {
		d.log.Warn("a file is paused", "reason", r.FirstPaused)
	}
}

// watchReturned reports chunks that come back again and again.
func (d *dispatcher) watchReturned(r ledger.Report, now time.Time) {
	d.problems.show("returned", messages.Problem{
		Kind: messages.ProblemReturnedChunk, Part: "workers", Count: r.Returned,
		Text: fmt.Sprintf("%s given back %d times or more; the last: %s", counted(r.Returned, "chunk"), ledger.ReturnedOften, r.LastReturned),
	}, now)
}

// watchRepeats reports that many runs are of chunks that were done already.
func (d *dispatcher) watchRepeats(r ledger.Report, now time.Time) {
	repeats, all := d.runs.recent(r.Repeats, r.Totals.DoneChunks, now)
	_, lasts := d.problems["repeats"]
	if !tooManyRepeats(repeats, all, lasts) {
		d.problems.clear("repeats")
		return
	}
	d.problems.set("repeats", messages.Problem{
		Kind: messages.ProblemRepeats, Part: "workers", Count: int(repeats),
		Text: fmt.Sprintf("%d of the last %d runs that ended were of chunks that were done already, the last: %s; are there two processes with one worker id, or is WORKER_TIMEOUT shorter than an item takes?",
			repeats, all, r.LastRepeat),
	}, now)
}

const (
	// runsFor times a minute is the time over which repeated runs are counted.
	runsFor = 10
	// fewRepeats are no problem, whatever their share is: a lost worker or a restart
	// causes some.
	fewRepeats = 10
	// repeatShare is the number of runs of which one may be a repeat.
	repeatShare = 20
)

// runs holds the counters of the last minutes.
type runs struct {
	marks []runMark // oldest first, one a minute
}

type runMark struct {
	at            time.Time
	repeats, done int64
}

// recent returns how many results of the last minutes were repeats, and how many results
// there were in all.
func (r *runs) recent(repeats, done int64, now time.Time) (repeated, all int64) {
	if n := len(r.marks); n == 0 || now.Sub(r.marks[n-1].at) >= time.Minute {
		r.marks = append(r.marks, runMark{now, repeats, done})
	}
	if len(r.marks) > runsFor {
		r.marks = r.marks[1:]
	}
	first := r.marks[0]
	repeated = repeats - first.repeats
	return repeated, repeated + done - first.done
}

// tooManyRepeats reports whether a share of repeats is a problem; one that lasts ends
// at half of it.
func tooManyRepeats(repeats, all int64, lasts bool) bool {
	if lasts {
		return repeats*2*repeatShare > all
	}
	return repeats >= fewRepeats && repeats*repeatShare > all
}

// stalledAfter is how long nothing may be done while there are work and workers.
const stalledAfter = 2 * time.Minute

// watchStandstill reports that nothing moves although it could.
func (d *dispatcher) watchStandstill(r ledger.Report, now time.Time) {
	if done := r.Totals.DoneItems + r.Totals.FailedItems; r.Idle || done != d.seenDone || d.moved.IsZero() {
		d.seenDone, d.moved = done, now
	}
	if now.Sub(d.moved) < stalledAfter {
		d.problems.clear("stalled")
		return
	}
	text := fmt.Sprintf("no item was done for %s with %s in work: %s at workers, %d waiting",
		now.Sub(d.moved).Round(time.Second), counted(r.Files, "file"), counted(r.AtWorkers, "chunk"), r.Waiting)
	if r.LastEnd != "" {
		text += "; what ended last: " + r.LastEnd
	}
	d.problems.set("stalled", messages.Problem{Kind: messages.ProblemStalled, Part: "workers", Count: max(1, r.AtWorkers+r.Waiting), Text: text}, d.moved)
}

// watchQuiet names the chunks that show no progress.
func (d *dispatcher) watchQuiet(s ledger.Stalled, now time.Time) {
	d.stalledProblem("quiet", messages.ProblemStalledChunk, s.Long, "", now)
	d.stalledProblem("no result", messages.ProblemNoResultYet, s.Unknown,
		"; none of its file has ended yet, so that nobody can tell whether that is slow or hangs: worker --timeout ends a command that hangs", now)
}

func (d *dispatcher) stalledProblem(key string, kind messages.ProblemKind, list []messages.StalledChunk, rest string, now time.Time) {
	p := messages.Problem{Kind: kind, Part: kind.Part(), Count: len(list)}
	if len(list) > 0 {
		c := list[0]
		p.Place = messages.Place{File: c.File, Path: c.Path, Worker: c.Worker, Chunk: c.BatchID}
		p.Text = fmt.Sprintf("%s of %s (%s) at %s for %d s without progress", c.Lines, c.Path, c.BatchID, c.Worker, int(now.Sub(c.Since).Seconds()))
		if c.Usual > 0 {
			p.Text += fmt.Sprintf(", where half of the file's chunks take %s", usual(c.Usual))
		}
		if len(list) > 1 {
			p.Text += ", and " + counted(len(list)-1, "other chunk")
		}
		p.Text += rest
	}
	d.problems.show(key, p, now)
}

// watchFailing names the last of the failures when everything fails.
func (d *dispatcher) watchFailing(f ledger.Failing, now time.Time) {
	text := fmt.Sprintf("the last %d attempts failed and no chunk was done since %s: is the command right? The last: %s of %s at %s: %s",
		f.Count, f.Since.UTC().Format(time.RFC3339), f.Chunk, f.Path, f.Worker, f.Last)
	d.problems.show("failing", messages.Problem{Kind: messages.ProblemAllFails, Part: messages.ProblemAllFails.Part(), Text: text, Count: f.Count, Place: f.Place}, now)
}

// watchTail names the worker that the end of a file waits for.
func (d *dispatcher) watchTail(t ledger.SlowTail, now time.Time) {
	left := "its last chunk: it runs at"
	if t.Left > 1 {
		left = fmt.Sprintf("its last %d chunks: one runs at", t.Left)
	}
	text := fmt.Sprintf("%s waits for %s %s for %d s (%s, %s), half of the others took %s, and %s idle; look at that worker, or set BACKUP=true",
		t.Path, left, t.Worker, int(now.Sub(t.Since).Seconds()), t.Chunk, t.Lines, usual(t.Usual), areIdle(t.Idle))
	d.problems.show("tail", messages.Problem{Kind: messages.ProblemSlowTail, Part: messages.ProblemSlowTail.Part(), Text: text, Count: t.Count, Place: t.Place}, now)
}

// usual is how long chunks take, for people.
func usual(d time.Duration) string { return d.Round(10 * time.Millisecond).String() }

func areIdle(n int) string {
	if n == 1 {
		return "another worker is"
	}
	return fmt.Sprintf("%d workers are", n)
}

// watchChanged names the file that changed last while it was in work.
func (d *dispatcher) watchChanged(c ledger.Changed, now time.Time) {
	f := c.Last
	text := fmt.Sprintf("%s: %s; %s of its former content were done, and what the folder holds now is done as a new version: deliver files whole, under another name first",
		f.Info.Path, f.Reason, counted(int(f.DoneItems), "item"))
	if c.Count > 1 {
		text += fmt.Sprintf(" (and %s)", counted(c.Count-1, "other file"))
	}
	d.problems.show("changed", messages.Problem{
		Kind: messages.ProblemChanged, Part: messages.ProblemChanged.Part(), Text: text, Count: c.Count, Place: messages.Place{File: f.ID, Path: f.Info.Path},
	}, now)
}

// logEnded logs chunks and files that were given up.
func (d *dispatcher) logEnded(out ledger.Changes) {
	for _, x := range out.Dead {
		d.log.Warn("chunk is dead", "file", x.Path, "chunk", x.ID.Index, "half", x.ID.Half, "first_line", x.FirstLine, "lines", x.Lines,
			"items", x.Items, "offset", x.Offset, "attempts", x.Attempt, "worker_id", x.Worker, "reason", x.Reason)
	}
	for _, f := range out.Broken {
		d.log.Error("the state of a file is incomplete, the file is failed", "file", f.Info.Path, "generation", f.Generation, "err", f.Reason)
	}
}
