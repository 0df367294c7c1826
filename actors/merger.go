package actors

import (
	"context"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// merger has the results of ended files merged, one file at a time, because all of them
// wait for the same disk or share. A merge runs beside the actor; one that fails is tried
// again after a growing pause.
type merger struct {
	results    Merger
	log        *slog.Logger
	dispatcher *actor.PID
	owner      *actor.PID // intake

	ctx     context.Context
	cancel  context.CancelFunc
	tick    alarm
	waiting map[messages.FileID]*unmerged
	current messages.FileID // the file that is being merged, 0 for none
	trusted time.Time       // end of the trust in the lease: no merge begins later
}

// unmerged is a file whose results are to be merged.
type unmerged struct {
	file  messages.File
	tries int
	due   time.Time
	err   error // of the last try
}

type (
	// mergeFile asks for the results of a file that has ended to be merged.
	mergeFile struct{ file messages.File }
	// mergeTried reports how a merge went.
	mergeTried struct {
		file   messages.File
		merged bool
		err    error
	}
	// fileMerged reports that the results of a file were merged as they were when it ended
	// at this time.
	fileMerged struct {
		id            messages.FileID
		ended, merged time.Time
	}
	// mergeTrouble reports how many files could not be merged for more than one try, and why.
	mergeTrouble struct {
		files int
		err   error
	}
)

const (
	mergeAgainMin = 2 * time.Second
	mergeAgainMax = 10 * time.Minute
)

func newMerger(results Merger, log *slog.Logger, dispatcher, owner *actor.PID) actor.Actor {
	return &merger{results: results, log: log, dispatcher: dispatcher, owner: owner, waiting: map[messages.FileID]*unmerged{}}
}

// Receive implements actor.Actor.
func (m *merger) Receive(ctx actor.Context) {
	switch x := ctx.Message().(type) {
	case *actor.Started:
		m.ctx, m.cancel = context.WithCancel(context.Background())
	case *actor.Stopping:
		m.cancel()
		m.tick.stop()
	case *mergeFile:
		m.waiting[x.file.ID] = &unmerged{file: x.file}
		m.next(ctx)
	case *trustTerm:
		m.trusted = x.until
		m.next(ctx)
	case *messages.Books:
		m.onBooks(ctx, x)
	case *mergeTried:
		m.onTried(ctx, x)
	case *rang:
		if m.tick.rings(x) {
			m.next(ctx)
		}
	default:
		unknown(ctx)
	}
}

// next asks for the books of the file that is to be merged next, unless one is, or this master
// may have been replaced: the books are out of date then, and another leader may have merged
// results that came later.
func (m *merger) next(ctx actor.Context) {
	if m.current != 0 || len(m.waiting) == 0 || time.Now().After(m.trusted) {
		return
	}
	var first *unmerged
	for _, u := range m.waiting {
		if first == nil || u.due.Before(first.due) || u.due.Equal(first.due) && u.file.ID < first.file.ID {
			first = u
		}
	}
	if pause := time.Until(first.due); pause > 0 {
		m.tick.set(ctx, pause)
		return
	}
	m.current = first.file.ID
	ctx.Request(m.dispatcher, messages.QueryBooks{ID: m.current})
}

// onBooks merges the current file, unless it was forgotten or retried meanwhile. When a file
// ends once more, it is told anew as soon as that is committed. Before, a merge would be too
// early: the end may be lost with the term.
func (m *merger) onBooks(ctx actor.Context, books *messages.Books) {
	if books == nil || !books.Ended.Equal(m.waiting[m.current].file.Ended) {
		m.drop(ctx)
		return
	}
	if time.Now().After(m.trusted) {
		m.current = 0 // The next renewal of the lease, or the next leader, begins it.
		return
	}
	parent, results, b := m.ctx, m.results, *books
	run(ctx, func() any {
		merged, err := results.Merge(parent, b)
		return &mergeTried{file: b.File, merged: merged, err: err}
	})
}

// drop ends the work on the current file.
func (m *merger) drop(ctx actor.Context) {
	delete(m.waiting, m.current)
	m.current = 0
	m.report(ctx)
	m.next(ctx)
}

func (m *merger) onTried(ctx actor.Context, x *mergeTried) {
	u := m.waiting[m.current]
	if x.err == nil {
		if x.merged {
			m.log.Info("results merged", "file", x.file.Info.Path, "generation", x.file.Generation)
			ctx.Send(m.dispatcher, &fileMerged{id: x.file.ID, ended: x.file.Ended, merged: time.Now()})
		}
		if u.file.Ended.Equal(x.file.Ended) { // else it has ended once more
			m.drop(ctx)
			return
		}
	} else {
		u.err = x.err
		u.due = time.Now().Add(min(mergeAgainMin<<min(u.tries, 16), mergeAgainMax))
		u.tries++
		m.log.Warn("results cannot be merged, it is tried again", "file", x.file.Info.Path, "err", x.err)
	}
	m.current = 0
	m.report(ctx)
	m.next(ctx)
}

// report tells the owner of files that could not be merged. A first failure may be that of
// a former leader who is still at it.
func (m *merger) report(ctx actor.Context) {
	trouble := &mergeTrouble{}
	var oldest messages.FileID
	for id, u := range m.waiting {
		if u.tries < 2 {
			continue
		}
		trouble.files++
		if oldest == 0 || id < oldest {
			oldest, trouble.err = id, u.err
		}
	}
	ctx.Send(m.owner, trouble)
}
