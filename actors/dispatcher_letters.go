package actors

import (
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

// reopen asks for dead chunks to be handed out again, of which intake has read the ranges.
type reopen struct {
	ids     []messages.ChunkID
	refused []messages.Refusal // those that intake refused
	reached int                // so many were looked at
	asker   *actor.PID
	by      string            // who asked
	held    []messages.FileID // is returned to intake by handled
}

// onReopen makes dead chunks ready again. Asker and intake hear of it once it is committed.
func (d *dispatcher) onReopen(m *reopen, now time.Time) {
	done := d.ledger.Letters().Retry(m.ids, now)
	for _, f := range done.Files {
		d.log.Info("dead chunks are run again", "file", f.Info.Path, "chunks", done.Accepted, "items", done.Items)
	}
	done.Refused = append(done.Refused, m.refused...)
	d.after = append(d.after, notice{to: d.owner, msg: &handled{files: done.Files, held: m.held}})
	d.record(messages.ActionRetry, m.by, done, now)
	d.answer(m.asker, done, m.reached)
}

// onDiscard takes dead chunks off the list.
func (d *dispatcher) onDiscard(ctx actor.Context, m messages.DiscardLetters, now time.Time) {
	ids := make([]messages.ChunkID, len(m.Letters))
	for n, x := range m.Letters {
		ids[n] = x.ID
	}
	done := d.ledger.Letters().Discard(ids)
	for _, f := range done.Files {
		d.log.Info("dead chunks are discarded", "file", f.Info.Path, "chunks", done.Accepted, "items", done.Items)
	}
	d.record(messages.ActionDiscard, m.By, done, now)
	d.answer(ctx.Sender(), done, len(ids))
}

// record enters into the audit what a person did with dead chunks or failed items.
func (d *dispatcher) record(action, by string, done ledger.Handled, now time.Time) {
	if done.Accepted == 0 {
		return
	}
	target := counted(len(done.Files), "file")
	if len(done.Files) == 1 {
		target = done.Files[0].Info.Path
	}
	d.audit = &messages.AuditEntry{
		At: now, By: by, Action: action, Target: target, New: fmt.Sprintf("%s, %s", counted(done.Accepted, "chunk"), counted(int(done.Items), "item")),
	}
}

// answer answers a request once its changes are committed.
func (d *dispatcher) answer(asker *actor.PID, done ledger.Handled, reached int) {
	slices.SortFunc(done.Refused, func(a, b messages.Refusal) int { return a.ID.Compare(b.ID) })
	d.after = append(d.after, notice{to: asker, msg: messages.LettersChanged{
		Reached: reached, Accepted: done.Accepted, Items: done.Items, Refused: done.Refused,
	}})
}
