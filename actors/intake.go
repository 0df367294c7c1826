package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/catalog"
	"kafka-master/messages"
)

// intake takes files of the input folder into work: the catalog judges the listings, each
// file that is taken goes to the dispatcher together with a batch-planner, and finished
// files are archived. It is the parent of the scanner and of the planners.
type intake struct {
	intakeDeps
	dispatcher *actor.PID
	scanner    *actor.PID
	merging    *actor.PID      // the merger, nil when results are not merged
	unmerged   []messages.File // files whose results are to be merged, until the merger runs
	catalog    *catalog.Catalog
	inWork     map[messages.FileID]*fileInWork
	names      plannerNames
	unreadable *catalog.Unreadable // files in work that cannot be read
	unread     map[string]error    // files that are not taken because they cannot be read, by path
	unarchived map[messages.FileID]messages.FileInfo
	archiving  map[messages.FileID]bool // the scanner was asked to move them away
	retried    map[messages.FileID]int  // requests to retry dead chunks that are not committed
	rescans    []rescanAsked            // requests to list the folder that are not answered
	archivedAt time.Time                // time when the unarchived files were last tried
	sample     string                   // files of the folder as they are stored for standbys
	folder     transitionLog
	shown      folderState
	problems   problems
	lines      fileLog
	pub        publisher
	ending     bool // the children end, because this actor ends or drains
	ctx        context.Context
	cancel     context.CancelFunc
}

// intakeDeps is what the term gives to intake.
type intakeDeps struct {
	cfg         Config
	files       Files
	merger      Merger // nil when results are not merged
	log         *slog.Logger
	term        messages.Term
	persistence *actor.PID
	view        *actor.PID
}

type (
	// planFor starts the work: files are planned for this dispatcher.
	planFor struct{ dispatcher *actor.PID }
	// listing is what the folder contains.
	listing struct {
		files   []messages.FileInfo
		ignored messages.Ignored
		stamp   time.Time // modification time of the folder before that, zero when it is not known
		began   time.Time
		err     error
	}
	// fingerprinted is the answer to fingerprint.
	fingerprinted struct{ catalog.Fingerprint }
	// archived is the answer to archive.
	archived struct {
		id   messages.FileID
		file messages.FileInfo
		err  error
	}
	// readTried reports how a try to read a file in work ended. The place is the offset of
	// the chunk that was read again, or catalog.FromCursor.
	readTried struct {
		id  messages.FileID
		at  int64
		err error
	}
	// fileSuspect reports that a file is not the one that was listed. The place is that of
	// readTried.
	fileSuspect struct {
		id  messages.FileID
		at  int64
		err error
	}
	// fileEnded reports that a file became terminal, and that this is committed.
	fileEnded struct{ file messages.File }
)

func newIntake(deps intakeDeps, snap messages.Snapshot) actor.Actor {
	next, _ := strconv.ParseUint(snap.Values[messages.ValueNextFile], 10, 64)
	i := &intake{
		intakeDeps: deps, catalog: catalog.New(deps.cfg.Settle, snap.Files, messages.FileID(next)),
		inWork: map[messages.FileID]*fileInWork{}, unreadable: catalog.NewUnreadable(), unread: map[string]error{},
		unarchived: map[messages.FileID]messages.FileInfo{}, archiving: map[messages.FileID]bool{}, retried: map[messages.FileID]int{}, sample: snap.Values[messages.ValueSample],
		folder: transitionLog{failed: "the input folder cannot be listed", recovered: "the input folder can be listed again"},
		shown:  folderState{listed: -1}, problems: problems{},
		lines: fileLog{log: deps.log},
		pub:   publisher{view: deps.view, source: sourceIntake, term: deps.term},
	}
	i.catalog.RestoreWishes(messages.DecodeWishes(snap.Values[messages.ValueWishes]))
	for _, f := range snap.Files {
		if f.Ended.IsZero() {
			i.inWork[f.ID] = &fileInWork{File: *f}
		} else {
			i.keepForArchive(*f)
			i.keepForMerge(*f)
		}
	}
	return i
}

// Receive implements actor.Actor.
func (i *intake) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		i.ctx, i.cancel = context.WithCancel(context.Background())
	case *actor.Stopping:
		i.ending = true
		i.cancel()
		i.pub.due.stop()
		i.lines.sumUp()
	case *drain:
		i.onDrain(ctx)
		ctx.Respond(m)
	case *glance:
		i.pub.glance = m.number
		i.publish(ctx)
	case *rang:
		switch {
		case i.pub.due.rings(m):
			i.publish(ctx)
		case i.lines.second.rings(m):
			i.lines.sumUp()
		}
	case *trustTerm:
		i.trust(ctx, m)
	case *fileChanges:
		i.onFileChanges(ctx, m)
	default:
		if !i.ending { // a child that was started now would not end
			i.receive(ctx)
			i.pub.soon(ctx)
		}
	}
}

// receive handles what happens to files.
func (i *intake) receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *planFor:
		i.onPlanFor(ctx, m)
	case *listing:
		i.onListing(ctx, m)
	case messages.QueryWaiting:
		ctx.Respond(i.catalog.Waiting(m.Part))
	case messages.SetWaiting:
		i.onSetWaiting(ctx, m)
	case *fingerprinted:
		i.onFingerprint(ctx, m)
	case *fileSuspect:
		if f := i.inWork[m.id]; f != nil {
			f.suspect = true
			i.onReadTried(ctx, &readTried{id: m.id, at: m.at, err: m.err})
		}
	case *readTried:
		i.onReadTried(ctx, m)
	case *fileEnded:
		i.onEnded(ctx, m.file)
	case *archived:
		i.onArchived(m)
	case *mergeTrouble:
		i.showUnmerged(m, time.Now())
	case messages.RetryLetters:
		i.onRetryLetters(ctx, m)
	case *rangesRead:
		i.onRangesRead(ctx, m)
	case *handled:
		i.onHandled(ctx, m)
	case *fileCancelled:
		i.onCancelled(ctx, m.id)
	case messages.Rescan:
		i.onRescan(ctx)
	case *actor.Terminated:
		i.onTerminated(ctx, m)
	default:
		unknown(ctx)
	}
}

// onFileChanges follows how the files in work progress. Those that are paused give their
// places to others.
func (i *intake) onFileChanges(ctx actor.Context, m *fileChanges) {
	changed, fulfilled := false, false
	for _, f := range m.changed {
		i.unreadable.Progressed(*f.File, time.Now())
		changed = i.catalog.Pause(f.ID, f.Paused != "") || changed
		changed = i.catalog.Prioritise(f.ID, f.Priority) || changed
		fulfilled = i.catalog.Fulfil(f.Info.Path) || fulfilled
	}
	if fulfilled { // The record that has the priority was sent before.
		i.write(ctx, i.wishes())
	}
	if changed && !i.ending {
		i.admit(ctx)
	}
}

// publish sends what is known of the folder to the view.
func (i *intake) publish(ctx actor.Context) {
	shown := i.shown
	i.pub.publish(ctx, i.problems.list(), &shown)
}

func (i *intake) write(ctx actor.Context, values ...messages.Value) {
	ctx.Send(i.persistence, &write{term: i.term, batch: messages.Batch{Values: values}})
}

// onDrain stops what brings new work in.
func (i *intake) onDrain(ctx actor.Context) {
	i.ending = true
	for _, f := range i.inWork {
		if f.planner != nil {
			ctx.Stop(f.planner)
		}
	}
	for _, child := range []*actor.PID{i.scanner, i.merging} {
		if child != nil {
			ctx.Stop(child)
		}
	}
}

// onListing hands a listing to the catalog and acts on what it finds.
func (i *intake) onListing(ctx actor.Context, m *listing) {
	now := time.Now()
	defer i.answerRescans(ctx, m)
	i.problems.setError("input", messages.ProblemInput, "input", m.err, now)
	i.folder.record(i.log, m.err)
	if m.err != nil {
		i.unreadable.Restart(now)
		return
	}
	i.shown.listed = len(m.files)
	c := i.catalog.List(m.files, now)
	if c.Empty {
		i.problems.setError("input", messages.ProblemInput, "input", errEmptied, now)
	}
	if c.Held {
		i.unreadable.Restart(now)
		return
	}
	i.shown.settling, i.shown.settlingBytes = c.Settling, c.SettlingBytes
	i.showUnfinished(c.NULs, now)
	i.showGrowing(c, now)
	i.showIgnored(m.ignored, now)
	i.sendChanges(ctx, c, now)
	i.storeSample(ctx, m.files)
	i.forgetUnread(m.files)
	i.judgeUnreadable(ctx, now)
	i.planSuspects(ctx)
	i.archiveAgain(ctx, now)
	if c.Settling+len(i.inWork)+len(i.unread)+len(i.unarchived) == 0 {
		ctx.Send(i.scanner, &atRest{files: len(m.files)})
	}
}

var errEmptied = errors.New("the input folder is empty although files are in work: is it mounted?")

// sendChanges sends the consequences of a listing to dispatcher and scanner.
func (i *intake) sendChanges(ctx actor.Context, c catalog.Changes, now time.Time) {
	for _, id := range c.Resized {
		ctx.Send(i.dispatcher, &fileChanged{id: id, state: messages.FileChanged, reason: "its size changed while it was in work"})
	}
	for _, id := range c.Gone {
		ctx.Send(i.dispatcher, &fileChanged{id: id, state: messages.FileChanged, reason: "it was deleted while it was in work"})
	}
	for _, id := range c.Left {
		ctx.Send(i.dispatcher, &fileSeen{id: id, left: now})
	}
	for _, id := range c.Forgotten {
		ctx.Send(i.dispatcher, &forgetFile{id: id})
	}
	for _, f := range c.Fingerprint {
		ctx.Send(i.scanner, &fingerprint{file: f})
	}
}

// storeSample stores which files a standby of the same folder has to see. Without known
// files it stores none, because what was in the folder before proves nothing.
func (i *intake) storeSample(ctx actor.Context, files []messages.FileInfo) {
	list := []seenFile{}
	for _, f := range files {
		if i.catalog.Version(f) != 0 {
			list = append(list, seenFile{f.Path, f.Size})
		}
		if len(list) == sampled {
			break
		}
	}
	if text := encoded(list); text != i.sample {
		i.sample = text
		i.write(ctx, messages.Value{Name: messages.ValueSample, Value: text})
	}
}

func (i *intake) onFingerprint(ctx actor.Context, m *fingerprinted) {
	i.keepUnread(m.File.Path, m.Err)
	touched, rewritten := i.catalog.SetFingerprint(m.Fingerprint, time.Now())
	if touched != 0 {
		ctx.Send(i.dispatcher, &fileSeen{id: touched, modTime: m.File.ModTime})
		if f := i.inWork[touched]; f != nil {
			f.Info = m.File
			i.replan(ctx, f)
		}
	}
	if rewritten != 0 {
		ctx.Send(i.dispatcher, &fileChanged{id: rewritten, state: messages.FileChanged, reason: "its content was replaced while it was in work"})
	}
	i.admit(ctx)
}

// admit takes settled files into work.
func (i *intake) admit(ctx actor.Context) {
	files := i.catalog.Admit(time.Now())
	if len(files) == 0 {
		return
	}
	i.write(ctx, messages.Value{Name: messages.ValueNextFile, Value: fmt.Sprint(files[len(files)-1].ID + 1)})
	for _, f := range files {
		if f.State == messages.FileRunning {
			i.lines.fileTaken(ctx, f)
		}
		i.inWork[f.ID] = &fileInWork{File: f}
		i.plan(ctx, i.inWork[f.ID], false)
	}
}

func (i *intake) onEnded(ctx actor.Context, f messages.File) {
	if w := i.inWork[f.ID]; w != nil {
		i.stopPlanner(ctx, w)
		delete(i.inWork, f.ID)
	}
	if i.unreadable.Forget(f.ID) {
		i.showUnreadable(time.Now())
	}
	i.catalog.End(f.ID)
	i.lines.fileEnded(ctx, f)
	i.keepForMerge(f)
	i.merge(ctx)
	if i.keepForArchive(f) {
		i.archive(ctx, f.ID, f.Info)
	}
	i.admit(ctx)
}
