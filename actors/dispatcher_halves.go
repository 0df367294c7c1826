package actors

import (
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/cutter"
	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

// halved is what became of cutting the range of a chunk in two.
type halved struct {
	ledger.Halving
	halves [2]cutter.Cut
	err    error
}

// halve cuts the ranges of chunks in two that failed too often. Where the boundary lies
// only the file knows, so the range is read again.
func (d *dispatcher) halve(ctx actor.Context, now time.Time) {
	if d.draining {
		return
	}
	for _, h := range d.ledger.Halvings(now) {
		parent, files := d.ctx, d.files
		run(ctx, func() any {
			out := &halved{Halving: h}
			out.halves, out.err = cutter.Halve(h.Chunk, func(feed func([]byte) error) error {
				return files.Stream(parent, h.File, h.Chunk.Offset, h.Chunk.Length, feed)
			})
			return out
		})
	}
}

func (d *dispatcher) onHalved(ctx actor.Context, m *halved, now time.Time) {
	if d.draining {
		return
	}
	id, at := m.Chunk.ID, m.Chunk.Offset
	switch {
	case m.err == nil:
		ctx.Send(d.owner, &readTried{id: id.File, at: at})
		if d.ledger.Halve(id, [2]ledger.Cut{ledger.Cut(m.halves[0]), ledger.Cut(m.halves[1])}, now) {
			d.moved = now
			d.log.Info("chunk that failed is halved", "file", m.File.Path, "chunk", id.Index, "half", id.Half,
				"items", m.Chunk.Items, "first_line", m.Chunk.FirstLine, "lines", m.Chunk.Lines)
		}
		return
	case errors.Is(m.err, messages.ErrFileChanged):
		ctx.Send(d.owner, &fileSuspect{id: id.File, at: at, err: m.err})
	case !errors.Is(m.err, cutter.ErrOtherBytes):
		ctx.Send(d.owner, &readTried{id: id.File, at: at, err: m.err})
	}
	d.ledger.NotHalved(id, errors.Is(m.err, cutter.ErrOtherBytes), m.err.Error(), now)
}
