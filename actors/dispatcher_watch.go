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
	d.lossProblem("files", d.present(l.files), "the figures of %d files do not add up: they are failed with the figures as their reason; "+
		"take each out of the folder for some seconds and put it back, and it is done again", now)
	d.lossProblem("records", l.records, "the state store lost the records of %d files: those that are in the folder still are done again from their beginning", now)
	d.lossProblem("orphans", l.orphans, "the state store holds %d chunks of files that it does not know any more; they were dropped", now)
	d.lossProblem("unnamed", int(l.unnamed), "the state store lost the records of %d dead chunks: they are counted, but not listed", now)
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

func (d *dispatcher) lossProblem(key string, n int, format string, now time.Time) {
	if key = "lost " + key; n == 0 {
		d.problems.clear(key)
		return
	}
	text := fmt.Sprintf(format, n)
	if d.problems.set(key, messages.Problem{Kind: messages.ProblemStateLost, Part: "input", Text: text, Count: n}, now) {
		d.log.Error("the stored state is incomplete", "err", text)
	}
}
