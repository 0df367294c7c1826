package ledger

import (
	"fmt"
	"time"

	"kafka-master/messages"
)

// Nobody takes in why no worker takes chunks, and which worker is an example; the zero value
// means that some do.
func (x Workers) Nobody(why messages.Why, example messages.WorkerID) {
	x.l.nobody, x.l.nobodyAt = why, example
}

// why returns why nothing of a file in work runs.
func (l *Ledger) why(b *book, now time.Time) messages.Why {
	q := &b.waiting
	switch {
	case b.State == messages.FileCancelled:
		return messages.Why{Reason: messages.WhyCancelled, Text: b.Reason}
	case b.HasEnded() || b.live > 0 || b.stopped:
		return messages.Why{}
	case b.Held() || len(q.ready.list) > 0:
		return l.whyNotHandedOut(b, now)
	case b.paused(l.rules.MaxDead):
		return messages.Why{Reason: messages.WhyMaxDead, Text: l.rules.MaxDead.Explain(b.File)}
	case len(b.cut) > 0:
		return l.whyNotBegun(b, now)
	case len(q.held.list) > 0:
		return q.held.list[0].whyHeldBack()
	case len(q.toHalve.list) > 0:
		return q.toHalve.list[0].whyHeldBack()
	case b.unread != "":
		return messages.Why{Reason: messages.WhyUnreadable, Text: "it cannot be read, which is tried again: " + b.unread}
	}
	return messages.Why{Reason: messages.WhySettling, Text: "its next lines are being read"}
}

// whyNotHandedOut returns why a ready chunk of the file waits.
func (l *Ledger) whyNotHandedOut(b *book, now time.Time) messages.Why {
	n, set := len(l.offers.of), l.gate.set.At(now)
	switch {
	case b.Held():
		return messages.Why{Reason: messages.WhyPaused, Text: b.whyHeld()}
	case set.Paused:
		return set.Why()
	case !l.gate.open(now):
		return messages.Why{Reason: messages.WhyRate, Text: fmt.Sprintf("hand-outs are limited to %g items/s", set.MaxItemsPerS)}
	case n == 0 && l.nobody.Runs():
		return messages.Why{Reason: messages.WhyNoWorker, Text: "no worker takes chunks now"}
	case n == 0:
		return l.nobody
	case l.allPaused(now):
		return messages.Why{Reason: messages.WhyUnfit, Text: fmt.Sprintf("%s that could take it fail or give back what they get", counted(n, "worker"))}
	}
	return messages.Why{Reason: messages.WhyNoFreeWorker, Text: fmt.Sprintf("no free worker: %s busy with enough chunks", counted(n, "worker"))}
}

// whyNotBegun returns why a chunk waits that was never handed out.
func (l *Ledger) whyNotBegun(b *book, now time.Time) messages.Why {
	switch {
	case b.Held():
	case b.paused(l.rules.MaxDead):
		return messages.Why{Reason: messages.WhyMaxDead, Text: l.rules.MaxDead.Explain(b.File)}
	case b.waiting.full(len(l.offers.of)):
		return messages.Why{Reason: messages.WhyBudget, Text: fmt.Sprintf("%s of its file wait to be tried again, and no new one is begun until these are less", counted(b.waiting.len(), "chunk"))}
	}
	return l.whyNotHandedOut(b, now)
}

// allPaused reports whether every worker that takes chunks gets nothing now.
func (l *Ledger) allPaused(now time.Time) bool {
	for w := range l.offers.of {
		if !l.paused(w, now) {
			return false
		}
	}
	return true
}

// whyQueued returns why a chunk does not run that is at a worker.
func (e *entry) whyQueued() messages.Why {
	if e.Ahead {
		return messages.Why{Reason: messages.WhyBehind, Text: fmt.Sprintf("it waits behind other chunks at %s", e.Worker)}
	}
	return messages.Why{Reason: messages.WhyBehind, Text: fmt.Sprintf("%s has not begun it yet", e.Worker)}
}

// whyHeldBack returns why a chunk is not ready.
func (e *entry) whyHeldBack() messages.Why {
	switch {
	case e.toHalve && e.recuts > 0:
		return messages.Why{Reason: messages.WhyUnreadable, Text: "its range cannot be read to be cut in two, which is tried again"}
	case e.toHalve:
		return messages.Why{Reason: messages.WhySettling, Text: "it failed, and its range is being cut in two"}
	}
	return messages.Why{Reason: messages.WhyBackOff, Text: fmt.Sprintf("back-off until %s: %s", e.notUntil.UTC().Format(time.RFC3339), e.Reason)}
}

// counted returns "1 file" or "2 files".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
