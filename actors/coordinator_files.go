package actors

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/actors/catalog"
	"kafka-master/messages"
)

// onFile handles what happens to files.
func (c *coordinator) onFile(ctx actor.Context, msg any) {
	if c.draining != nil {
		return
	}
	switch m := msg.(type) {
	case *listing:
		c.onListing(ctx, m)
	case *fingerprinted:
		c.onFingerprint(ctx, m)
	case *fileSuspect:
		c.suspects[m.id] = true
		c.onRead(ctx, &readTried{id: m.id, at: m.at, err: m.err})
	case *readTried:
		c.onRead(ctx, m)
	case *booksSeen:
		for _, f := range m.changed {
			c.unreadable.Progressed(f.File, time.Now())
		}
	case *fileEnded:
		c.onEnded(ctx, m)
	case *archived:
		c.onArchived(m)
	}
}

func (c *coordinator) onListing(ctx actor.Context, m *listing) {
	c.problem("input", messages.ProblemInput, "input", m.err)
	c.input.note(c.log, m.err)
	now := time.Now()
	if m.err != nil {
		c.unreadable.Restart(now)
		return
	}
	c.listed = len(m.files)
	w := c.catalog.List(m.files, now)
	if w.Empty {
		c.problem("input", messages.ProblemInput, "input", errors.New("the input folder is empty although files are in work: is it mounted?"))
	}
	if w.Held {
		c.unreadable.Restart(now)
		return
	}
	c.settling = w.Settling
	c.unfinished(w.NULs, now)
	c.overlooked(m.ignored, now)
	for _, id := range w.Resized {
		ctx.Send(c.dispatcher, &fileChanged{id: id, state: messages.FileChanged, reason: "its size changed while it was in work"})
	}
	for _, id := range w.Gone {
		ctx.Send(c.dispatcher, &fileChanged{id: id, state: messages.FileChanged, reason: "it was deleted while it was in work"})
	}
	for _, id := range w.Left {
		ctx.Send(c.dispatcher, &fileSeen{id: id, change: func(f *messages.File) { f.Left = now }})
	}
	for _, id := range w.Forgotten {
		ctx.Send(c.dispatcher, &forgetFile{id: id})
	}
	for _, f := range w.Fingerprint {
		ctx.Send(c.scanner, &fingerprint{file: f})
	}
	c.takeSample(ctx, m.files)
	c.forgetUnread(m.files)
	c.judgeUnreadable(ctx, now)
	c.recheck(ctx)
	c.archiveAgain(ctx, now)
}

// forgetUnread drops what is not in the folder any more.
func (c *coordinator) forgetUnread(files []messages.FileInfo) {
	if len(c.unread) == 0 {
		return
	}
	there := make(map[string]bool, len(files))
	for _, f := range files {
		there[f.Path] = true
	}
	maps.DeleteFunc(c.unread, func(path string, _ error) bool { return !there[path] })
}

// readable notes whether a file can be looked at.
func (c *coordinator) readable(path string, err error) {
	switch {
	case err == nil:
		delete(c.unread, path)
	case errors.Is(err, errStillOpen):
		c.log.Debug("input file is open still", "file", path)
		return
	case c.unread[path] == nil:
		c.log.Warn("input file cannot be read, it is tried again", "file", path, "err", err)
		c.unread[path] = err
	}
}

// onRead notes how a try to read a file in work ended.
func (c *coordinator) onRead(ctx actor.Context, m *readTried) {
	f, ok := c.running[m.id]
	if !ok {
		return
	}
	if c.unreadable.Tried(m.id, f.Info.Path, m.at, m.err, time.Now()) {
		c.catalog.Resume(m.id)
		c.tellUnreadable(time.Now())
	}
}

// judgeUnreadable lets files that cannot be read give their places to others, and
// fails those that could not be read for long. Their planners go on trying.
func (c *coordinator) judgeUnreadable(ctx actor.Context, now time.Time) {
	j := c.unreadable.Judge(now)
	for _, id := range j.Over {
		c.catalog.Resume(id)
	}
	for _, f := range j.Park {
		c.catalog.Park(f.ID)
		c.log.Info("input file cannot be read, another one may take its place", "file", f.Path, "err", f.Err)
	}
	for _, f := range j.Failed {
		ctx.Send(c.dispatcher, &fileChanged{id: f.ID, state: messages.FileFailed, reason: f.Reason})
	}
	c.tellUnreadable(now)
	if len(j.Park) > 0 {
		c.admit(ctx)
	}
}

// tellUnreadable keeps the problem of files that cannot be read, in work or not.
func (c *coordinator) tellUnreadable(now time.Time) {
	n, path, err := c.unreadable.Count(now)
	if n == 0 && len(c.unread) > 0 {
		path = slices.Min(slices.Collect(maps.Keys(c.unread)))
		err = c.unread[path]
	}
	if n += len(c.unread); n == 0 {
		c.problems.clear("unread")
		return
	}
	c.problems.set("unread", messages.Problem{
		Kind: messages.ProblemFile, Part: "input", Count: n,
		Text: fmt.Sprintf("%s cannot be read, such as %q: %v", counted(n, "file"), path, err),
	}, now)
}

// unfinished reports files whose copy may not be complete.
func (c *coordinator) unfinished(paths []string, now time.Time) {
	const key = "unfinished"
	if len(paths) == 0 {
		c.problems.clear(key)
		return
	}
	text := fmt.Sprintf("%s with NUL bytes at the end, as of a copy that is not complete, such as %q: taken when unchanged for %s",
		counted(len(paths), "file"), paths[0], catalog.NULWait)
	c.problems.set(key, messages.Problem{Kind: messages.ProblemUnfinished, Part: "input", Text: text, Count: len(paths)}, now)
}

// overlooked hints at entries of the folder that are not read.
func (c *coordinator) overlooked(x messages.Ignored, now time.Time) {
	const key = "ignored"
	if x.Count == 0 {
		c.problems.clear(key)
		return
	}
	c.problems.set(key, messages.Problem{
		Kind: messages.ProblemIgnoredFiles, Part: "input", Count: x.Count,
		Text: fmt.Sprintf("ignored in the input folder: %s such as %q; only files directly in it whose names end in .txt are read, so rename or move them", counted(x.Count, "name"), x.Names),
	}, now)
}

// archiveEvery is how often finished files are tried to be moved away again.
const archiveEvery = time.Minute

// noteForArchive remembers a finished file that is to be moved away.
func (c *coordinator) noteForArchive(f messages.File) bool {
	wanted := c.cfg.Archive && (f.State == messages.FileDone || f.State == messages.FileDoneWithRejects) && f.Left.IsZero() && f.AddsUp()
	if wanted {
		c.unarchived[f.ID] = f.Info
	}
	return wanted
}

// archiveAgain asks for what could not be moved away, or was not before a stop.
func (c *coordinator) archiveAgain(ctx actor.Context, now time.Time) {
	if now.Sub(c.archived) < archiveEvery {
		return
	}
	c.archived = now
	for _, id := range slices.Sorted(maps.Keys(c.unarchived)) {
		f := c.unarchived[id]
		if c.catalog.Version(f) != id {
			delete(c.unarchived, id) // gone, or another version by now
			continue
		}
		ctx.Send(c.scanner, &archive{id: id, file: f})
	}
}

func (c *coordinator) onArchived(m *archived) {
	if m.err == nil {
		delete(c.unarchived, m.id)
		c.log.Info("finished file archived", "file", m.file.Path)
	} else {
		c.log.Warn("finished file cannot be archived, it is tried again", "file", m.file.Path, "err", m.err)
	}
}

func (c *coordinator) onFingerprint(ctx actor.Context, m *fingerprinted) {
	c.readable(m.File.Path, m.Err)
	touched, rewritten := c.catalog.SetFingerprint(m.Fingerprint, time.Now())
	if touched != 0 {
		at := m.File.ModTime
		ctx.Send(c.dispatcher, &fileSeen{id: touched, change: func(f *messages.File) { f.Info.ModTime = at }})
		if f, ok := c.running[touched]; ok {
			f.Info = m.File
			c.running[touched] = f
			c.replan(ctx, f)
		}
	}
	if rewritten != 0 {
		ctx.Send(c.dispatcher, &fileChanged{id: rewritten, state: messages.FileChanged, reason: "its content was replaced while it was in work"})
	}
	c.admit(ctx)
}

// recheck plans files again whose planner found another file than was listed,
// where the listing shows the listed one after all.
func (c *coordinator) recheck(ctx actor.Context) {
	for _, id := range slices.Sorted(maps.Keys(c.suspects)) {
		if !c.catalog.Intact(id) {
			continue // a fingerprint, or the next listing, tells
		}
		delete(c.suspects, id)
		if f, ok := c.running[id]; ok {
			c.log.Info("input file could not be read as it was listed, planning it again", "file", f.Info.Path)
			c.replan(ctx, f)
		}
	}
}

// admit takes settled files into work.
func (c *coordinator) admit(ctx actor.Context) {
	files := c.catalog.Admit(time.Now())
	if len(files) == 0 {
		return
	}
	c.write(ctx, messages.Batch{Values: []messages.Value{{Name: messages.ValueNextFile, Value: fmt.Sprint(files[len(files)-1].ID + 1)}}})
	for _, f := range files {
		if f.State == messages.FileRunning {
			c.log.Info("input file taken", "file", f.Info.Path, "bytes", f.Info.Size, "generation", f.Generation)
		}
		c.running[f.ID] = f
		c.plan(ctx, f, false)
	}
}

// plan gives a file to the dispatcher, with a planner.
func (c *coordinator) plan(ctx actor.Context, f messages.File, known bool) {
	var pid *actor.PID
	if f.State == messages.FileRunning {
		files, log, d := c.parts.Files, c.log, c.dispatcher
		c.plannerSerial++
		name := fmt.Sprintf("batch-planner-%s-%d", actorName(f.Info.Path), c.plannerSerial)
		pid = spawn(ctx, c.log, name, func() actor.Actor { return newPlanner(files, log, f, d) })
		c.planners[f.ID] = pid
	}
	ctx.Send(c.dispatcher, &adopt{file: f, planner: pid, known: known})
}

// replan gives a file in work a new planner.
func (c *coordinator) replan(ctx actor.Context, f messages.File) {
	if old := c.planners[f.ID]; old != nil {
		delete(c.planners, f.ID)
		ctx.Stop(old)
	}
	c.plan(ctx, f, true)
}

func (c *coordinator) onEnded(ctx actor.Context, m *fileEnded) {
	f := m.file
	delete(c.running, f.ID)
	delete(c.suspects, f.ID)
	if c.unreadable.Forget(f.ID) {
		c.tellUnreadable(time.Now())
	}
	if pid := c.planners[f.ID]; pid != nil {
		delete(c.planners, f.ID)
		ctx.Stop(pid)
	}
	c.catalog.End(f.ID)
	c.log.Info("input file ended", "file", f.Info.Path, "state", f.State.String(), "items", f.Items,
		"done", f.DoneItems, "dead", f.DeadItems, "duration_s", f.Ended.Sub(f.Started).Seconds(), "reason", f.Reason)
	if c.noteForArchive(f) {
		ctx.Send(c.scanner, &archive{id: f.ID, file: f.Info})
	}
	c.admit(ctx)
}
