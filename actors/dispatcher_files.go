package actors

import (
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/catalog"
	"kafka-master/actors/cutter"
	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

type (
	// planned are chunks that were cut, in order.
	planned struct {
		file  messages.FileID
		epoch uint64 // of the plan
		cuts  []cutter.Cut
	}
	// planEnd ends a plan: every chunk was cut, or err is why not.
	planEnd struct {
		file  messages.FileID
		epoch uint64
		blank int64 // length of a rest without items, which is in no chunk
		err   error
	}
	// adopt gives the dispatcher a file to process, with its planner.
	adopt struct {
		file    messages.File
		planner *actor.PID
		known   bool // the ledger has it already: it was restored
	}
	// useBatchSize changes the batch size of what was not handed out yet.
	useBatchSize struct{ items int }
	// fileChanged reports that a file in work cannot be read any more, or is not what
	// it was.
	fileChanged struct {
		id     messages.FileID
		state  messages.FileState
		reason string
	}
	// fileSeen carries what a listing shows of a file; a zero time changes nothing.
	fileSeen struct {
		id      messages.FileID
		modTime time.Time
		left    time.Time // when it was first missing from the folder
	}
	// fileUnread is why the planner of a file cannot read it now, empty when it can.
	fileUnread struct {
		id     messages.FileID
		reason string
	}
	// forgetFile drops a file that left the folder long ago.
	forgetFile struct{ id messages.FileID }
)

// planning is the dispatcher's side of a planner.
type planning struct {
	pid   *actor.PID
	epoch uint64 // of its current plan; chunks of older plans are dropped
}

// onFile handles what happens to files.
func (d *dispatcher) onFile(ctx actor.Context, msg any, now time.Time) {
	switch m := msg.(type) {
	case *planned:
		if p := d.planners[m.file]; p != nil && p.epoch == m.epoch {
			for _, c := range m.cuts {
				d.ledger.Files().Plan(ledger.Cut(c), now)
			}
		}
	case *planEnd:
		d.onPlanEnd(ctx, m, now)
	case *adopt:
		d.onAdopt(ctx, m, now)
	case *useBatchSize:
		d.onBatchSize(ctx, m)
	case *fileChanged:
		d.ledger.Files().Fail(m.id, m.state, m.reason, now)
	case *fileSeen:
		d.ledger.Files().Update(m.id, m.modTime, m.left)
	case *fileUnread:
		d.ledger.Files().Unread(m.id, m.reason)
	case *fileMerged:
		d.ledger.Files().Merged(m.id, m.ended, m.merged)
	case *forgetFile:
		d.ledger.Files().Forget(m.id)
	}
}

func (d *dispatcher) onPlanEnd(ctx actor.Context, m *planEnd, now time.Time) {
	p := d.planners[m.file]
	if p == nil || p.epoch != m.epoch {
		return
	}
	if m.err != nil {
		ctx.Send(d.owner, &fileSuspect{id: m.file, at: catalog.FromCursor, err: m.err})
		return
	}
	d.ledger.Files().PlanEnd(m.file, m.blank, now)
}

func (d *dispatcher) onAdopt(ctx actor.Context, m *adopt, now time.Time) {
	if !m.known {
		if err := d.ledger.Files().Open(m.file, now); err != nil {
			d.log.Warn("input file refused", "file", m.file.Info.Path, "err", err)
			return
		}
	}
	if m.planner == nil {
		return
	}
	d.planners[m.file.ID] = &planning{pid: m.planner}
	d.replan(ctx, m.file.ID)
}

// replan lets the planner of a file begin again behind what was handed out.
func (d *dispatcher) replan(ctx actor.Context, id messages.FileID) {
	at, upTo, ok := d.ledger.Files().Replan(id)
	if !ok {
		return
	}
	p := d.planners[id]
	d.plans++
	p.epoch = d.plans
	ctx.Send(p.pid, &planFrom{epoch: p.epoch, at: at, batch: d.batch, upTo: upTo})
}

func (d *dispatcher) onBatchSize(ctx actor.Context, m *useBatchSize) {
	if m.items != d.batch {
		d.batch = m.items
		// Each new plan changes what the next file may have cut ahead.
		for _, id := range slices.Sorted(maps.Keys(d.planners)) {
			d.replan(ctx, id)
		}
	}
}

// chunks returns the chunks of a file that have not ended.
func (d *dispatcher) chunks(q messages.QueryChunks, now time.Time) *messages.ChunkPage {
	page, ok := d.ledger.Files().Chunks(q, now)
	if !ok {
		return nil
	}
	return &page
}

// books returns everything that is recorded of a file.
func (d *dispatcher) books(id messages.FileID) *messages.Books {
	b, ok := d.ledger.Files().Books(id)
	if !ok {
		return nil
	}
	b.Deployment = d.deployment
	return &b
}

// grant passes credit on to the planners.
func (d *dispatcher) grant(ctx actor.Context, list []ledger.Grant) {
	for _, g := range list {
		if p := d.planners[g.File]; p != nil {
			ctx.Send(p.pid, &grant{epoch: p.epoch, upTo: g.UpTo})
		}
	}
}
