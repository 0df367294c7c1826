package actors

import (
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// archiveEvery is how often finished files that could not be moved away are tried again.
const archiveEvery = time.Minute

// keepForArchive remembers a finished file that is to be moved away, and reports whether
// it is one.
func (i *intake) keepForArchive(f messages.File) bool {
	wanted := i.cfg.Archive && (f.State == messages.FileDone || f.State == messages.FileDoneWithRejects) && f.Left.IsZero() && f.AddsUp()
	if wanted {
		i.unarchived[f.ID] = f.Info
	}
	return wanted
}

// archiveAgain has the files archived that could not be moved away, or were not before a
// stop.
func (i *intake) archiveAgain(ctx actor.Context, now time.Time) {
	if now.Sub(i.archivedAt) < archiveEvery {
		return
	}
	i.archivedAt = now
	for _, id := range slices.Sorted(maps.Keys(i.unarchived)) {
		f := i.unarchived[id]
		if i.catalog.Version(f) != id {
			delete(i.unarchived, id) // it left, or is another version by now
			continue
		}
		i.archive(ctx, id, f)
	}
}

// archive has a file moved away, unless dead chunks of it are just being retried.
func (i *intake) archive(ctx actor.Context, id messages.FileID, f messages.FileInfo) {
	if i.archiving[id] || i.retried[id] > 0 {
		return
	}
	i.archiving[id] = true
	ctx.Send(i.scanner, &archive{id: id, file: f})
}

func (i *intake) onArchived(m *archived) {
	delete(i.archiving, m.id)
	if m.err == nil {
		delete(i.unarchived, m.id)
		i.log.Info("finished file archived", "file", m.file.Path)
	} else {
		i.log.Warn("finished file cannot be archived, it is tried again", "file", m.file.Path, "err", m.err)
	}
}
