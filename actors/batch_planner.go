package actors

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/catalog"
	"kafka-master/actors/cutter"
	"kafka-master/messages"
)

// planner streams one file and cuts chunks while it has credit. It reads and cuts in a
// goroutine beside the actor, which sends the chunks to the dispatcher itself. Every plan
// has an epoch, by which the dispatcher recognises chunks of an older plan.
type planner struct {
	files      Files
	log        *slog.Logger
	file       messages.File
	dispatcher *actor.PID

	plan   *planFrom // nil before the first one; its cursor and credit move on
	cancel context.CancelFunc
	credit chan int // holds the newest grant that the goroutine has not taken yet
	pause  backoff
	retry  alarm
}

type (
	// planFrom starts to cut at a cursor, in place of the former plan.
	planFrom struct {
		epoch uint64
		at    messages.Cursor
		batch int
		upTo  int // lowest index that may not be cut yet
	}
	// grant raises the credit: chunks with an index below upTo may be cut.
	grant struct {
		epoch uint64
		upTo  int
	}

	streamed struct {
		epoch uint64
		at    messages.Cursor // behind the last chunk that was sent
		blank int64
		err   error
	}
)

func newPlanner(files Files, log *slog.Logger, file messages.File, dispatcher *actor.PID) actor.Actor {
	return &planner{files: files, log: log, file: file, dispatcher: dispatcher,
		pause: backoff{min: 100 * time.Millisecond, max: 10 * time.Second}}
}

// Receive implements actor.Actor.
func (p *planner) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *planFrom:
		p.pause.reset()
		p.begin(ctx, m)
	case *grant:
		if p.plan != nil && p.plan.epoch == m.epoch {
			p.plan.upTo = max(p.plan.upTo, m.upTo)
			p.raiseCredit(m.upTo)
		}
	case *streamed:
		p.onStreamed(ctx, m)
	case *rang:
		if p.retry.rings(m) && p.plan != nil {
			p.begin(ctx, p.plan)
		}
	case *actor.Stopping:
		p.halt()
	default:
		unknown(ctx)
	}
}

// halt ends the cutting goroutine, without waiting for it.
func (p *planner) halt() {
	p.retry.stop()
	if p.cancel != nil {
		p.cancel()
	}
}

// raiseCredit replaces the grant that the cutting goroutine has not taken yet.
func (p *planner) raiseCredit(upTo int) {
	select {
	case <-p.credit:
	default:
	}
	p.credit <- upTo
}

// begin starts the goroutine that cuts a plan.
func (p *planner) begin(ctx actor.Context, m *planFrom) {
	p.halt()
	plan := *m
	p.plan = &plan
	c, cancel := context.WithCancel(context.Background())
	p.cancel, p.credit = cancel, make(chan int, 1)
	w := &cutting{
		ctx: c, credit: p.credit, upTo: plan.upTo, epoch: plan.epoch,
		self: ctx.Self(), dispatcher: p.dispatcher, owner: ctx.Parent(), root: ctx.ActorSystem().Root, at: plan.at,
	}
	files, file, memory := p.files, p.file, buffersOf(ctx.ActorSystem())
	run(ctx, func() any { return w.stream(files, file, plan.batch, memory) })
}

// onStreamed ends a plan, or continues it after a pause when the file could not be read.
func (p *planner) onStreamed(ctx actor.Context, m *streamed) {
	if p.plan == nil || p.plan.epoch != m.epoch || errors.Is(m.err, context.Canceled) {
		return
	}
	if m.at.Index > p.plan.at.Index {
		p.pause.reset()
	}
	p.plan.at = m.at
	if m.err == nil || errors.Is(m.err, messages.ErrFileChanged) {
		ctx.Send(p.dispatcher, &planEnd{file: p.file.ID, epoch: m.epoch, blank: m.blank, err: m.err})
		return
	}
	p.log.Debug("input file cannot be read, trying again", "file", p.file.Info.Path, "offset", m.at.Offset, "err", m.err)
	ctx.Send(ctx.Parent(), &readTried{id: p.file.ID, at: catalog.FromCursor, err: m.err})
	p.retry.set(ctx, p.pause.next())
}

// cutting is the goroutine's side of a planner.
type cutting struct {
	ctx        context.Context
	credit     <-chan int
	upTo       int
	epoch      uint64
	self       *actor.PID
	dispatcher *actor.PID
	owner      *actor.PID
	root       *actor.RootContext
	at         messages.Cursor // behind the last chunk that was cut
	cuts       []cutter.Cut    // those that were not sent yet
	readable   bool            // the owner knows that the file can be read
}

// plannedAtOnce is how many chunks the dispatcher is sent at once at most.
const plannedAtOnce = 8

// stream cuts the file from the cursor to its end.
func (w *cutting) stream(files Files, file messages.File, batch int, memory *buffers) *streamed {
	c := cutter.New(file.ID, w.at, batch, w.emit)
	c.TakeRoom(memory.get)
	err := files.Stream(w.ctx, file.Info, w.at.Offset, file.Info.Size-w.at.Offset, func(b []byte) error {
		err := c.Feed(b)
		w.flush() // reading on may take its time
		return err
	})
	var blank int64
	if err == nil {
		blank, err = c.Finish()
	}
	w.flush()
	if err == nil {
		w.reportReadable(file.ID)
	}
	return &streamed{epoch: w.epoch, at: w.at, blank: blank, err: err}
}

// reportReadable reports once that the file can be read.
func (w *cutting) reportReadable(id messages.FileID) {
	if !w.readable {
		w.readable = true
		w.root.Send(w.owner, &readTried{id: id, at: catalog.FromCursor})
	}
}

// emit waits for credit and takes the chunk. Chunks are sent together that are cut one after
// another without any waiting.
func (w *cutting) emit(c cutter.Cut) error {
	w.reportReadable(c.ID.File)
	for c.ID.Index >= w.upTo {
		w.flush()
		select {
		case w.upTo = <-w.credit:
		case <-w.ctx.Done():
			return w.ctx.Err()
		}
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	w.at = messages.Cursor{Offset: c.End(), Index: c.ID.Index + 1, Line: c.FirstLine + c.Lines}
	if w.cuts = append(w.cuts, c); len(w.cuts) >= plannedAtOnce {
		w.flush()
	}
	return nil
}

// flush sends the chunks that were cut.
func (w *cutting) flush() {
	if len(w.cuts) > 0 {
		w.root.Send(w.dispatcher, &planned{file: w.cuts[0].ID.File, epoch: w.epoch, cuts: w.cuts})
		w.cuts = nil
	}
}

// readAgain reads the items of a chunk again, for another attempt.
func readAgain(ctx context.Context, files Files, f messages.FileInfo, c messages.Chunk) (cutter.Cut, error) {
	return cutter.Recut(c, func(feed func([]byte) error) error {
		return files.Stream(ctx, f, c.Offset, c.Length, feed)
	})
}
