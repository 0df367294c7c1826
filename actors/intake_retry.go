package actors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/cutter"
	"kafka-master/messages"
)

type (
	// rangesRead reports which of the dead chunks that are to be retried still have the
	// bytes that were cut.
	rangesRead struct{ reopen }
	// handled reports that a request to retry dead chunks is committed.
	handled struct {
		files []messages.File   // of the chunks that were retried, as they were then
		held  []messages.FileID // those that were not archived meanwhile
	}
)

// retryReadTime bounds the reading for one request, so that its answer is in time. What was
// not reached is left to another request.
const retryReadTime = 1500 * time.Millisecond

// suspectChunk is a dead chunk whose range is to be read again.
type suspectChunk struct {
	*messages.Letter
	file messages.FileInfo
	err  error // why it is not read
}

// onRetryLetters has the ranges of dead chunks read again. Those whose file left the folder
// or changed are refused. No file is archived until the answer is committed.
func (i *intake) onRetryLetters(ctx actor.Context, m messages.RetryLetters) {
	out := &rangesRead{reopen: reopen{asker: ctx.Sender(), by: m.By}}
	var list []suspectChunk
	held := map[messages.FileID]bool{}
	for _, x := range m.Letters {
		s := suspectChunk{Letter: x}
		if s.file, s.err = i.catalog.Present(x.ID.File); s.err == nil && i.archiving[x.ID.File] {
			s.err = errArchiving
		}
		if list = append(list, s); s.err == nil && !held[x.ID.File] {
			held[x.ID.File] = true
			i.retried[x.ID.File]++
			out.held = append(out.held, x.ID.File)
		}
	}
	parent, files := i.ctx, i.files
	run(ctx, func() any {
		c, cancel := context.WithTimeout(parent, retryReadTime)
		defer cancel()
		out.read(c, files, list)
		return out
	})
}

var (
	errArchiving = errors.New("its file is just being archived")
	errNoMessage = errors.New("no message can hold its item")
	errSlow      = fmt.Errorf("its range cannot be read within %s", retryReadTime)
)

// read reads the ranges until the time is over.
func (r *rangesRead) read(ctx context.Context, files Files, list []suspectChunk) {
	for _, x := range list {
		c, err := cutter.Cut{}, x.err
		if err == nil {
			c, err = readAgain(ctx, files, x.file, x.Chunk)
		}
		switch {
		case x.err == nil && ctx.Err() != nil:
			if r.reached > 0 {
				return
			}
			err = errSlow // Otherwise the next request would come no further.
		case err == nil && len(c.Text) == 0:
			err = errNoMessage
		}
		r.reached++
		if err != nil {
			r.refused = append(r.refused, messages.Refusal{ID: x.ID, Reason: err.Error()})
		} else {
			r.ids = append(r.ids, x.ID)
		}
	}
}

func (i *intake) onRangesRead(ctx actor.Context, m *rangesRead) {
	ctx.Send(i.dispatcher, &m.reopen)
}

// onHandled puts the files into work again of which chunks were retried. One that is not
// what it was any more ends at once as changed.
func (i *intake) onHandled(ctx actor.Context, m *handled) {
	for _, f := range m.files {
		if f.HasEnded() {
			continue
		}
		delete(i.unarchived, f.ID)
		if i.inWork[f.ID] == nil {
			i.inWork[f.ID] = &fileInWork{File: f}
			i.log.Info("input file is in work again", "file", f.Info.Path)
		}
		if err := i.catalog.Reopen(f.ID); err != nil {
			ctx.Send(i.dispatcher, &fileChanged{id: f.ID, state: messages.FileChanged, reason: err.Error()})
		}
	}
	i.release(ctx, m.held)
}

// release ends the protection of files from being archived. Those that ended meanwhile are
// archived now.
func (i *intake) release(ctx actor.Context, held []messages.FileID) {
	for _, id := range held {
		if i.retried[id]--; i.retried[id] > 0 {
			continue
		}
		delete(i.retried, id)
		if f, ok := i.unarchived[id]; ok {
			i.archive(ctx, id, f)
		}
	}
}
