package actors

import (
	"fmt"
	"time"

	"kafka-master/messages"
)

// auditEvery is how often the figures of the files in work are compared.
const auditEvery = time.Minute

// look does what is due from time to time.
func (d *dispatcher) look(now time.Time) {
	if now.Sub(d.audited) >= auditEvery {
		d.audited = now
		d.led.auditAll(now)
	}
	d.tellLosses(now)
	d.tellReturned(now)
	d.tellRepeats(now)
	d.tellStalled(now)
}

// tellLosses reports what the stored state turned out to lack.
func (d *dispatcher) tellLosses(now time.Time) {
	l := &d.led.lacks
	for _, id := range l.fresh {
		if b := d.led.files[id]; b != nil {
			d.log.Error("the state of a file is incomplete, the file is failed", "file", b.Info.Path, "generation", b.Generation, "err", b.Reason)
		}
	}
	l.fresh = nil
	d.lossProblem("files", d.present(l.files), "%s failed, since the figures in the stored state do not add up (its reason has them): "+
		"take each out of the folder for some seconds and put it back, and it is done again", "file", now)
	d.lossProblem("records", l.records, "the state store lost the records of %s: what is in the folder still is done again from its beginning", "file", now)
	d.lossProblem("orphans", l.orphans, "the state store held %s of files that it does not know any more; they were dropped", "chunk", now)
	d.lossProblem("unnamed", int(l.unnamed), "the state store lost the records of %s: they are counted, but not listed", "dead chunk", now)
}

// present counts the files that are still in the folder.
func (d *dispatcher) present(files map[messages.FileID]string) (n int) {
	for id := range files {
		if d.led.files[id].Left.IsZero() {
			n++
		}
	}
	return n
}

func (d *dispatcher) lossProblem(key string, n int, format, noun string, now time.Time) {
	if n == 0 {
		d.problems.clear("lost " + key)
		return
	}
	text := fmt.Sprintf(format, counted(n, noun))
	fresh := d.problems.set("lost "+key, messages.Problem{Kind: messages.ProblemStateLost, Part: "input", Text: text, Count: n}, now)
	if fresh && key != "files" { // those have a line each
		d.log.Error("the stored state is incomplete", "err", text)
	}
}

// tellReturned reports chunks that come back again and again.
func (d *dispatcher) tellReturned(now time.Time) {
	t := &d.led.trials
	n := len(t.often)
	if n == 0 {
		d.problems.clear("returned")
		return
	}
	d.problems.set("returned", messages.Problem{
		Kind: messages.ProblemReturnedChunk, Part: "workers", Count: n,
		Text: fmt.Sprintf("%s given back %d times or more; the last: %s", counted(n, "chunk"), returnedOften, t.lastOften),
	}, now)
}

// tellRepeats reports a share of repeated runs that is worth a look.
func (d *dispatcher) tellRepeats(now time.Time) {
	repeats, all := d.runs.look(d.led.trials.repeats, d.led.counted.DoneChunks, now)
	_, lasts := d.problems["repeats"]
	if !tooManyRepeats(repeats, all, lasts) {
		d.problems.clear("repeats")
		return
	}
	d.problems.set("repeats", messages.Problem{
		Kind: messages.ProblemRepeats, Part: "workers", Count: int(repeats),
		Text: fmt.Sprintf("%d of the last %d runs that ended were of chunks that were done already, the last: %s; are there two processes with one worker id, or is WORKER_TIMEOUT shorter than an item takes?",
			repeats, all, d.led.trials.lastRepeat),
	}, now)
}

// stalledAfter is how long nothing may be done while there are work and workers.
const stalledAfter = 2 * time.Minute

// tellStalled reports that nothing moves although it could.
func (d *dispatcher) tellStalled(now time.Time) {
	idle := len(d.led.turn) == 0 || len(d.offers)+len(d.led.held) == 0
	if done := d.led.counted.DoneItems; idle || done != d.seenDone || d.moved.IsZero() {
		d.seenDone, d.moved = done, now
	}
	if now.Sub(d.moved) < stalledAfter {
		d.problems.clear("stalled")
		return
	}
	out, waiting := d.led.openChunks()
	text := fmt.Sprintf("no item was done for %s with %s in work: %s at workers, %d waiting",
		now.Sub(d.moved).Round(time.Second), counted(len(d.led.turn), "file"), counted(out, "chunk"), waiting)
	if last := d.led.trials.lastEnd; last != "" {
		text += "; what ended last: " + last
	}
	d.problems.set("stalled", messages.Problem{Kind: messages.ProblemStalled, Part: "workers", Count: max(1, out+waiting), Text: text}, d.moved)
}

// maxDeadLines is how many dead chunks of a file are logged one by one.
const maxDeadLines = 1000

// tellDead lists chunks that were given up, with the reason.
func (d *dispatcher) tellDead() {
	for _, x := range d.led.buried {
		b := d.led.files[x.ID.File]
		if b == nil || b.DeadChunks > maxDeadLines {
			continue
		}
		d.log.Warn("chunk is dead", "file", b.Info.Path, "chunk", x.ID.Index, "first_line", x.FirstLine, "lines", x.Lines,
			"items", x.Items, "offset", x.Offset, "attempts", x.Attempt, "worker_id", x.Worker, "reason", x.Reason)
	}
	d.led.buried = nil
}
