package actors

import (
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
	d.answer(m.asker, done, m.reached)
}

// onDiscard takes dead chunks off the list.
func (d *dispatcher) onDiscard(ctx actor.Context, m messages.DiscardLetters) {
	ids := make([]messages.ChunkID, len(m.Letters))
	for n, x := range m.Letters {
		ids[n] = x.ID
	}
	done := d.ledger.Letters().Discard(ids)
	for _, f := range done.Files {
		d.log.Info("dead chunks are discarded", "file", f.Info.Path, "chunks", done.Accepted, "items", done.Items)
	}
	d.answer(ctx.Sender(), done, len(ids))
}

// answer answers a request once its changes are committed.
func (d *dispatcher) answer(asker *actor.PID, done ledger.Handled, reached int) {
	slices.SortFunc(done.Refused, func(a, b messages.Refusal) int { return a.ID.Compare(b.ID) })
	d.after = append(d.after, notice{to: asker, msg: messages.LettersChanged{
		Reached: reached, Accepted: done.Accepted, Items: done.Items, Refused: done.Refused,
	}})
}
