package actors

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// fileCancelled reports that a file was cancelled, and that this is committed.
type fileCancelled struct{ id messages.FileID }

// onAcknowledge takes it off the list of problems that a file changed.
func (d *dispatcher) onAcknowledge(ctx actor.Context, m messages.AcknowledgeFile, now time.Time) {
	before, after, err := d.ledger.Files().Acknowledge(m.ID, now)
	if err != nil {
		ctx.Respond(err)
		return
	}
	d.audit = &messages.AuditEntry{At: now, By: m.By, Action: messages.ActionAcknowledge, Target: after.Info.Path, Old: before.State.String(), New: after.State.String()}
	d.after = append(d.after, notice{to: ctx.Sender(), msg: messages.FileChange{Old: before, New: after}})
}

// onCancel cancels a file in work. Asker and intake hear of it once it is committed.
func (d *dispatcher) onCancel(ctx actor.Context, m messages.CancelFile, now time.Time) {
	before, after, err := d.ledger.Files().Cancel(m.ID, "cancelled by "+messages.Clean(m.By, messages.MaxNote), now)
	if err != nil {
		ctx.Respond(err)
		return
	}
	d.log.Info("input file is cancelled", "file", after.Info.Path, "generation", after.Generation, "by", m.By,
		"items", after.CancelledItems, "bytes", after.CancelledBytes, "running", after.Running)
	d.audit = &messages.AuditEntry{
		At: now, By: m.By, Action: messages.ActionCancel, Target: after.Info.Path, Old: before.State.String(),
		New: fmt.Sprintf("%s, %d of %d items not done, %d bytes not cut", after.State, after.Items-after.DoneItems, after.Items, after.CancelledBytes),
	}
	d.after = append(d.after,
		notice{to: d.owner, msg: &fileCancelled{id: m.ID}},
		notice{to: ctx.Sender(), msg: messages.FileChange{Old: before, New: after}})
}
