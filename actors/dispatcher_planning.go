package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/catalog"
	"kafka-master/messages"
)

// planning is the dispatcher's side of a planner.
type planning struct {
	pid   *actor.PID
	epoch uint64
	upTo  int
	size  int // bytes of the chunk that was planned last
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
	d.led.planEnd(m.file, m.blank, now)
}

func (d *dispatcher) onAdopt(ctx actor.Context, m *adopt, now time.Time) {
	if !m.known && !d.open(m.file, now) {
		return
	}
	if m.planner == nil {
		return
	}
	d.planners[m.file.ID] = &planning{pid: m.planner, size: messages.MaxChunkBytes}
	d.replan(ctx, m.file.ID)
}

// open takes a file into the books. One that cannot be worked on ends at once.
func (d *dispatcher) open(f messages.File, now time.Time) bool {
	reason := f.Reason
	if f.State == messages.FileRunning {
		err := d.led.openFile(f, now)
		if err == nil {
			return true
		}
		reason = err.Error()
	}
	d.led.refuse(f, reason, now)
	d.log.Warn("input file refused", "file", f.Info.Path, "err", reason)
	return false
}

// replan lets the planner of a file begin again behind what was assigned.
func (d *dispatcher) replan(ctx actor.Context, id messages.FileID) {
	p := d.planners[id]
	at, ok := d.led.replan(id)
	if p == nil || !ok {
		return
	}
	d.plans++
	p.epoch = d.plans
	p.upTo = at.Index + d.share(p)
	ctx.Send(p.pid, &planFrom{epoch: p.epoch, at: at, batch: d.batch, upTo: p.upTo})
}

func (d *dispatcher) onBatchSize(ctx actor.Context, m *useBatchSize) {
	if m.items != d.batch {
		d.batch = m.items
		for id := range d.planners {
			d.replan(ctx, id)
		}
	}
}

const (
	// maxPlannedBytes bounds the items of chunks that wait in memory, over all
	// files; one chunk per file is always allowed.
	maxPlannedBytes = 8 << 20
	minPlanned      = 16   // chunks that are cut ahead of the workers, at least
	maxPlanned      = 1024 // and at most
)

// share is how many chunks a file may have planned.
func (d *dispatcher) share(p *planning) int {
	files := max(1, len(d.led.turn))
	n := min(max(minPlanned, 2*d.slots), maxPlanned) / files
	n = min(n, maxPlannedBytes/files/max(1, p.size))
	return max(1, n)
}

// grant raises the credit of the planners as chunks leave.
func (d *dispatcher) grant(ctx actor.Context) {
	for id, p := range d.planners {
		b := d.led.files[id]
		if b == nil || b.allCut {
			continue
		}
		share := d.share(p)
		if upTo := b.Cursor.Index + share; upTo > p.upTo && (len(b.planned)*2 <= share || upTo-p.upTo >= share/2) {
			p.upTo = upTo
			ctx.Send(p.pid, &grant{epoch: p.epoch, upTo: upTo})
		}
	}
}
