package actors

import (
	"maps"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// fileInWork is a file that has not ended.
type fileInWork struct {
	messages.File
	planner *actor.PID // nil while it has none
	crashes int        // planners of it that failed
	unread  string     // why its planner cannot read it, as the dispatcher knows
	suspect bool       // it is planned again once a listing shows it as it was
}

// onPlanFor plans the files that were in work when the term began.
func (i *intake) onPlanFor(ctx actor.Context, m *planFor) {
	i.dispatcher = m.dispatcher
	for _, id := range slices.Sorted(maps.Keys(i.inWork)) {
		i.plan(ctx, i.inWork[id], true)
	}
	self := ctx.Self()
	i.scanner = spawn(ctx, i.log, "scanner", func() actor.Actor { return newScanner(i.files, i.log, self) })
	i.startMerger(ctx)
	i.publish(ctx)
}

// onTerminated starts another planner in place of one that failed, unless the file makes
// every planner fail. Without its scanner or merger this actor cannot continue.
func (i *intake) onTerminated(ctx actor.Context, m *actor.Terminated) {
	if i.scanner != nil && i.scanner.Equal(m.Who) || i.merging != nil && i.merging.Equal(m.Who) {
		ctx.Stop(ctx.Self())
		return
	}
	i.names.put(m.Who.Id)
	for id, f := range i.inWork {
		if f.planner == nil || !f.planner.Equal(m.Who) {
			continue
		}
		f.planner = nil
		if f.crashes++; f.crashes > maxCrashes {
			ctx.Send(i.dispatcher, &fileChanged{id: id, state: messages.FileFailed, reason: "its planner failed again and again: see the log"})
			return
		}
		i.plan(ctx, f, true)
		return
	}
}

// maxCrashes is how many planners of one file may fail in a term.
const maxCrashes = 3

// plan gives a file to the dispatcher, with a planner unless it cannot be worked on.
// known reports that the dispatcher has the file already.
func (i *intake) plan(ctx actor.Context, f *fileInWork, known bool) {
	if f.State == messages.FileRunning {
		files, log, file, dispatcher := i.files, i.log, f.File, i.dispatcher
		f.planner = spawn(ctx, i.log.With("file", f.Info.Path), i.names.take(), func() actor.Actor { return newPlanner(files, log, file, dispatcher) })
	}
	ctx.Send(i.dispatcher, &adopt{file: f.File, planner: f.planner, known: known})
}

// replan gives a file in work a new planner.
func (i *intake) replan(ctx actor.Context, f *fileInWork) {
	i.stopPlanner(ctx, f)
	i.plan(ctx, f, true)
}

func (i *intake) stopPlanner(ctx actor.Context, f *fileInWork) {
	if f.planner != nil {
		ctx.Stop(f.planner)
		f.planner = nil
	}
}

// planSuspects plans the files again whose planner found another file than was listed,
// where the listing shows the listed one after all. The others are decided by a
// fingerprint or by the next listing.
func (i *intake) planSuspects(ctx actor.Context) {
	for _, id := range slices.Sorted(maps.Keys(i.inWork)) {
		if f := i.inWork[id]; f.suspect && i.catalog.Intact(id) {
			f.suspect = false
			i.log.Info("input file could not be read as it was listed, planning it again", "file", f.Info.Path)
			i.replan(ctx, f)
		}
	}
}
