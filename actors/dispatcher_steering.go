package actors

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// leastOpening is the shortest pause between two tries of a bounded rate. A bucket holds the
// items of a second, so that none is lost by it.
const leastOpening = 10 * time.Millisecond

// useStored takes over how people steered hand-outs before this term.
func (d *dispatcher) useStored(record string, now time.Time) {
	set, err := messages.DecodeDispatch(record)
	if err != nil {
		d.log.Error("the stored pause and rate of hand-outs cannot be read and do not hold any more: set them again", "err", err)
	}
	d.dispatch = set
	d.ledger.UseDispatch(set, now)
}

// onSetDispatch changes how all hand-outs are steered. It holds at once, and is answered
// once it is committed.
func (d *dispatcher) onSetDispatch(ctx actor.Context, m messages.SetDispatch, now time.Time) {
	old := d.dispatch.At(now)
	set, err := m.Apply(old, now)
	if err != nil {
		ctx.Respond(err)
		return
	}
	d.after = append(d.after, notice{to: ctx.Sender(), msg: messages.DispatchChanged{Old: old, New: set}})
	if set == d.dispatch {
		return
	}
	d.log.Info("hand-outs are steered", "by", m.By, "dispatch", set.String(), "was", old.String())
	d.dispatch = set
	d.ledger.UseDispatch(set, now)
	d.values = append(d.values, messages.Value{Name: messages.ValueDispatch, Value: set.EncodeRecord()})
	d.audit = &messages.AuditEntry{At: now, By: m.By, Action: messages.ActionDispatch, Old: old.String(), New: set.String()}
}

// onSetFile changes how a file is steered.
func (d *dispatcher) onSetFile(ctx actor.Context, m messages.SetFile, now time.Time) {
	done, err := d.ledger.Files().Steer(m, now)
	if err != nil {
		ctx.Respond(err)
		return
	}
	d.after = append(d.after, notice{to: ctx.Sender(), msg: done})
	if done.Old.Steering == done.New.Steering {
		return
	}
	old, set, path := steered(done.Old), steered(done.New), done.New.Info.Path
	d.log.Info("input file is steered", "by", m.By, "file", path, "steering", set, "was", old)
	d.audit = &messages.AuditEntry{At: now, By: m.By, Action: messages.ActionFile, Target: path, Old: old, New: set}
}

// steered describes how a file is steered.
func steered(f messages.FileStatus) string {
	text := fmt.Sprintf("priority %d, share %d", f.Priority, f.Weight())
	switch {
	case f.Held():
		text += ", paused"
	case f.Paused != "":
		text += ", paused by MAX_DEAD"
	}
	return text
}

// awaitOpening has chunks handed out when the pause is over or the rate allows it.
func (d *dispatcher) awaitOpening(ctx actor.Context, now time.Time) {
	if at := d.ledger.OpensAt(now); !at.IsZero() && !d.draining {
		d.opens.by(ctx, later(at, now.Add(leastOpening)))
	}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// watchDispatch reports that a person paused all hand-outs, since somebody else may wonder
// why nothing moves.
func (d *dispatcher) watchDispatch(now time.Time) {
	set := d.dispatch.At(now)
	if !set.Paused {
		d.problems.clear("dispatch")
		return
	}
	end := ""
	if !set.Until.IsZero() {
		end = " until " + set.Until.UTC().Format(time.RFC3339)
	}
	d.problems.set("dispatch", messages.Problem{Kind: messages.ProblemDispatch, Part: "workers", Text: fmt.Sprintf(
		"all hand-outs are paused by %s since %s%s, chunks at workers are brought to their end; to resume: kafka-master resume",
		set.By, set.Since.UTC().Format(time.RFC3339), end)}, set.Since)
}
