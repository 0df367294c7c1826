package actors

import (
	"fmt"
	"time"

	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

// restingAfter is how long nothing may run before the reason is a problem: between two chunks,
// or while a worker comes back, it does not for a moment.
const restingAfter = 5 * time.Second

// watchResting names why nothing runs, unless another problem does.
func (d *dispatcher) watchResting(r ledger.Resting, handedOut, now time.Time) {
	kind := restingKind(r.Why.Reason)
	if r.Files == 0 || kind == "" || handedOut.After(d.restsSince) { // a chunk may have run between two looks
		d.restsSince = time.Time{}
	}
	if r.Files > 0 && kind != "" && d.restsSince.IsZero() {
		d.restsSince = now
	}
	at := r.Place // what a person has to let go
	switch r.Why.Reason {
	case messages.WhyDraining:
		at = messages.Place{Worker: r.Worker}
	case messages.WhyRate:
		at = messages.Place{}
	}
	lasts := !d.restsSince.IsZero() && now.Sub(d.restsSince) >= restingAfter
	text := fmt.Sprintf("nothing runs with %s in work and %s waiting: %s", counted(r.Files, "file"), counted(r.Waiting, "chunk"), r.Why.Text)
	for key, k := range map[string]messages.ProblemKind{"held up": messages.ProblemHeldUp, "rests": messages.ProblemNothingRuns} {
		if !lasts || kind != k {
			d.problems.clear(key)
			continue
		}
		d.problems.set(key, messages.Problem{Kind: k, Part: k.Part(), Count: r.Files, Text: text, Place: at}, d.restsSince)
	}
}

// restingKind returns the kind of problem that nothing runs for a reason; empty when a problem
// of its own names the reason.
func restingKind(reason messages.Reason) messages.ProblemKind {
	switch reason {
	case messages.WhyNoWorker, messages.WhyPausedAll, messages.WhyMaxDead, messages.WhyUnfit, messages.WhyNoPartition, messages.WhyNoLeader, messages.WhyCancelled, "":
		return ""
	case messages.WhyDraining, messages.WhyPaused, messages.WhyRate:
		return messages.ProblemHeldUp
	}
	return messages.ProblemNothingRuns
}

// watchFailed names the file that failed last.
func (d *dispatcher) watchFailed(c ledger.Changed, now time.Time) {
	f := c.Last
	text := fmt.Sprintf("%s failed: %s; correct it and deliver it again", f.Info.Path, f.Reason)
	if c.Count > 1 {
		text += fmt.Sprintf(" (and %s)", counted(c.Count-1, "other file"))
	}
	d.problems.show("failed", messages.Problem{
		Kind: messages.ProblemFailedFile, Part: messages.ProblemFailedFile.Part(), Text: text, Count: c.Count, Place: messages.Place{File: f.ID, Path: f.Info.Path},
	}, now)
}

// watchUnbegun names the worker that does not begin what it was sent.
func (d *dispatcher) watchUnbegun(u ledger.Unbegun, now time.Time) {
	text := fmt.Sprintf("%s lives, but has not begun %s of %s for %d s: it may read another topic or partition than the chunks are sent to (KAFKA_TOPIC_NAME_MASTER, WORKER_PARTITION), or have no right to read it; they go to others after a while",
		u.Worker, u.Chunk, u.Path, int(now.Sub(u.Since).Seconds()))
	if u.Count > 1 {
		text += fmt.Sprintf(" (and %s)", counted(u.Count-1, "other worker"))
	}
	kind := messages.ProblemUnbegun
	d.problems.show("unbegun", messages.Problem{Kind: kind, Part: kind.Part(), Text: text, Count: u.Count, Place: u.Place}, now)
}
