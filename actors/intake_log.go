package actors

import (
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// maxFileLines is how many lines of a second are about one file each. Of thousands of small
// files the others are logged as one line.
const maxFileLines = 50

// fileLog logs which files are taken and how they end.
type fileLog struct {
	log          *slog.Logger
	lines        int // since the second began
	taken, ended int // files of this second without a line of their own
	items        int64
	second       alarm // ends the second; not set while no file is taken or ends
}

// room reports whether one more file gets a line of its own.
func (l *fileLog) room(ctx actor.Context) bool {
	if l.second.timer == nil {
		l.lines = 0
		l.second.set(ctx, time.Second)
	}
	l.lines++
	return l.lines <= maxFileLines
}

// fileTaken logs a file that is taken into work.
func (l *fileLog) fileTaken(ctx actor.Context, f messages.File) {
	if !l.room(ctx) {
		l.taken++
		return
	}
	l.log.Info("input file taken", "file", f.Info.Path, "bytes", f.Info.Size, "generation", f.Generation)
}

// fileEnded logs a file that ended. One that is not wholly done always has its own line.
func (l *fileLog) fileEnded(ctx actor.Context, f messages.File) {
	if !l.room(ctx) && f.State == messages.FileDone {
		l.ended++
		l.items += f.Items
		return
	}
	l.log.Info("input file ended", "file", f.Info.Path, "state", f.State.String(), "items", f.Items,
		"done", f.DoneItems, "failed", f.FailedItems, "dead", f.DeadItems, "cancelled", f.CancelledItems, "duration_s", f.Ended.Sub(f.Started).Seconds(), "reason", f.Reason)
}

// sumUp logs the files that had no line of their own.
func (l *fileLog) sumUp() {
	l.second.stop()
	if l.taken+l.ended > 0 {
		l.log.Info("more input files taken and done", "taken", l.taken, "ended", l.ended, "items", l.items)
	}
	l.taken, l.ended, l.items = 0, 0, 0
}
