package actors

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// keepForMerge remembers a file that has ended and whose results are to be merged: all of
// its done chunks left a result in a manifest, a former leader did not merge them, and
// nothing was left out because the file was cancelled.
func (i *intake) keepForMerge(f messages.File) {
	if i.merger != nil && f.HasEnded() && f.Merged.IsZero() && f.DoneChunks > 0 && f.RecordedChunks == f.DoneChunks && f.AddsUp() && f.Whole() {
		i.unmerged = append(i.unmerged, f)
	}
}

// startMerger starts the merger, with the files that ended before this term and were not
// merged.
func (i *intake) startMerger(ctx actor.Context) {
	if i.merger == nil {
		return
	}
	merger, log, dispatcher, self := i.merger, i.log, i.dispatcher, ctx.Self()
	i.merging = spawn(ctx, i.log, "merger", func() actor.Actor { return newMerger(merger, log, dispatcher, self) })
	i.merge(ctx)
}

// merge passes the files that are to be merged to the merger.
func (i *intake) merge(ctx actor.Context) {
	if i.merging == nil {
		return
	}
	for _, f := range i.unmerged {
		ctx.Send(i.merging, &mergeFile{file: f})
	}
	i.unmerged = nil
}

// trust passes on how long the lease can be trusted: no merge begins later.
func (i *intake) trust(ctx actor.Context, m *trustTerm) {
	if i.merging != nil && !i.ending {
		ctx.Send(i.merging, m)
	}
}

// showUnmerged shows files whose results cannot be merged.
func (i *intake) showUnmerged(m *mergeTrouble, now time.Time) {
	p := messages.Problem{Kind: messages.ProblemMerge, Part: messages.ProblemMerge.Part(), Count: m.files}
	if m.err != nil {
		p.Text = fmt.Sprintf("the results of %s cannot be merged (%v); it is tried again every 10 minutes at least; kafka-master merge shows more", counted(m.files, "file"), m.err)
	}
	i.problems.show("merge", p, now)
}
