package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// stallEvery is how often the dispatcher hears of a chunk that shows no progress.
const stallEvery = 10 * time.Second

// quietest returns the chunk in work that has shown no progress for the longest time.
func (s *slots) quietest() (found *slot) {
	for _, x := range s.list {
		if x.begun && !x.gone && (found == nil || x.moved.Before(found.moved)) {
			found = x
		}
	}
	return found
}

// watchStalls sets the next look for chunks without progress, unless one is set: it
// may come too early then, which costs nothing.
func (f *freeWorker) watchStalls(ctx actor.Context, now time.Time) {
	if f.stalls.timer != nil {
		return
	}
	if x := f.slots.quietest(); x != nil {
		f.stalls.set(ctx, max(stallEvery, quietAfter-now.Sub(x.moved)))
	}
}

// tellQuiet tells the dispatcher of the chunks in work that show no progress. Whether
// that is too long it knows from the other chunks of the file.
func (f *freeWorker) tellQuiet(ctx actor.Context, now time.Time) {
	for _, x := range f.slots.list {
		if x.begun && !x.gone && now.Sub(x.moved) >= quietAfter {
			x.quiet = true
			ctx.Send(f.dispatcher, &quiet{worker: f.worker.ID, batchID: x.batchID, since: x.moved})
		}
	}
}

// tellMoved tells that such a chunk shows progress again.
func (f *freeWorker) tellMoved(ctx actor.Context, batchID string) {
	if x := f.slots.find(batchID); x != nil && x.quiet {
		x.quiet = false
		ctx.Send(f.dispatcher, &quiet{worker: f.worker.ID, batchID: batchID})
	}
}
