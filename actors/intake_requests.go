package actors

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// rescanAsked is a request to list the folder that is not answered yet.
type rescanAsked struct {
	at    time.Time
	asker *actor.PID
}

// maxRescans bounds the requests that wait for a listing.
const maxRescans = 100

// onCancelled ends the reading of a file that was cancelled. It keeps its place in work
// until the last of its chunks has ended.
func (i *intake) onCancelled(ctx actor.Context, id messages.FileID) {
	f := i.inWork[id]
	if f == nil {
		return
	}
	f.State, f.suspect = messages.FileCancelled, false // It is not planned again.
	i.stopPlanner(ctx, f)
	if i.unreadable.Forget(id) {
		i.showUnreadable(time.Now())
	}
}

// onSetWaiting gives a file its priority that is not taken yet.
func (i *intake) onSetWaiting(ctx actor.Context, m messages.SetWaiting) {
	err := m.Check()
	var former int
	if err == nil {
		former, err = i.catalog.Wish(m.Path, m.Priority)
	}
	if err != nil {
		ctx.Respond(err)
		return
	}
	w := &write{term: i.term, after: []notice{{to: ctx.Sender(), msg: messages.WaitingChanged{Old: former, New: m.Priority}}}}
	if former != m.Priority {
		i.log.Info("waiting file is steered", "by", m.By, "file", m.Path, "priority", m.Priority, "was", former)
		w.batch.Values = []messages.Value{i.wishes()}
		w.audit = &messages.AuditEntry{
			At: time.Now(), By: m.By, Action: messages.ActionFile, Target: m.Path,
			Old: fmt.Sprintf("priority %d", former), New: fmt.Sprintf("priority %d", m.Priority),
		}
	}
	ctx.Send(i.persistence, w)
	i.admit(ctx)
}

// wishes are the priorities of files that are not taken yet, as they are stored.
func (i *intake) wishes() messages.Value {
	return messages.Value{Name: messages.ValueWishes, Value: messages.EncodeWishes(i.catalog.Wishes())}
}

// onRescan has the folder listed now.
func (i *intake) onRescan(ctx actor.Context) {
	if i.scanner == nil || len(i.rescans) >= maxRescans {
		ctx.Respond(unavailable("the input folder cannot be listed now"))
		return
	}
	i.rescans = append(i.rescans, rescanAsked{at: time.Now(), asker: ctx.Sender()})
	ctx.Send(i.scanner, &rescan{})
}

// answerRescans answers those who asked before a listing began.
func (i *intake) answerRescans(ctx actor.Context, m *listing) {
	var later []rescanAsked
	for _, r := range i.rescans {
		switch {
		case m.began.Before(r.at):
			later = append(later, r)
		case m.err != nil:
			ctx.Send(r.asker, unavailable("the input folder cannot be listed"))
		default:
			ctx.Send(r.asker, messages.Rescanned{Files: len(m.files), Settling: i.shown.settling})
		}
	}
	i.rescans = later
}
