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

// keepUnread remembers whether a file that is to be taken can be read.
func (i *intake) keepUnread(path string, err error) {
	switch {
	case err == nil:
		delete(i.unread, path)
	case errors.Is(err, errStillOpen):
		i.log.Debug("input file is open still", "file", path)
	case i.unread[path] == nil:
		i.log.Warn("input file cannot be read, it is tried again", "file", path, "err", err)
		i.unread[path] = err
	}
}

// forgetUnread drops the files that are not in the folder any more.
func (i *intake) forgetUnread(files []messages.FileInfo) {
	if len(i.unread) == 0 {
		return
	}
	present := make(map[string]bool, len(files))
	for _, f := range files {
		present[f.Path] = true
	}
	maps.DeleteFunc(i.unread, func(path string, _ error) bool { return !present[path] })
}

// maxUnread is how many characters of an error say why a file cannot be read.
const maxUnread = 200

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return messages.CleanLine(err.Error(), maxUnread)
}

func (i *intake) onReadTried(ctx actor.Context, m *readTried) {
	f := i.inWork[m.id]
	if f == nil {
		return
	}
	if reason := errorText(m.err); m.at == catalog.FromCursor && reason != f.unread {
		f.unread = reason
		ctx.Send(i.dispatcher, &fileUnread{id: m.id, reason: reason})
	}
	now := time.Now()
	if i.unreadable.Tried(m.id, f.Info.Path, m.at, m.err, now) {
		i.catalog.Resume(m.id)
		i.showUnreadable(now)
	}
}

// judgeUnreadable lets files that cannot be read give their places to others, and fails
// those that could not be read for long. Their planners keep trying.
func (i *intake) judgeUnreadable(ctx actor.Context, now time.Time) {
	j := i.unreadable.Judge(now)
	for _, id := range j.Over {
		i.catalog.Resume(id)
	}
	for _, f := range j.Park {
		i.catalog.Park(f.ID)
		i.log.Info("input file cannot be read, another one may take its place", "file", f.Path, "err", f.Err)
	}
	for _, f := range j.Failed {
		ctx.Send(i.dispatcher, &fileChanged{id: f.ID, state: messages.FileFailed, reason: f.Reason})
	}
	i.showUnreadable(now)
	if len(j.Park) > 0 {
		i.admit(ctx)
	}
}

// showUnreadable shows the files that cannot be read, in work or not, as one problem.
func (i *intake) showUnreadable(now time.Time) {
	n, path, err := i.unreadable.Count(now)
	if n == 0 && len(i.unread) > 0 {
		path = slices.Min(slices.Collect(maps.Keys(i.unread)))
		err = i.unread[path]
	}
	n += len(i.unread)
	i.problems.show("unread", messages.Problem{
		Kind: messages.ProblemFile, Part: "input", Count: n,
		Text: fmt.Sprintf("%s cannot be read, such as %q: %v", counted(n, "file"), path, err),
	}, now)
}

// showUnfinished shows the files whose copy may not be complete.
func (i *intake) showUnfinished(paths []string, now time.Time) {
	const key = "unfinished"
	if len(paths) == 0 {
		i.problems.clear(key)
		return
	}
	i.problems.set(key, messages.Problem{
		Kind: messages.ProblemUnfinished, Part: "input", Count: len(paths),
		Text: fmt.Sprintf("%s with NUL bytes at the end, as of a copy that is not complete, such as %q: taken when unchanged for %s",
			counted(len(paths), "file"), paths[0], catalog.NULWait),
	}, now)
}

// growsAfter is how long a file may change before it was taken until people are told, and at
// least three times the settling time.
const growsAfter = 10 * time.Second

// showGrowing shows a file that is not taken because it changes all the time.
func (i *intake) showGrowing(c catalog.Changes, now time.Time) {
	p := messages.Problem{Kind: messages.ProblemSettling, Part: messages.ProblemSettling.Part(), Place: messages.Place{Path: c.Growing}}
	if c.Growing != "" && now.Sub(c.GrowingSince) >= max(growsAfter, 3*i.cfg.Settle) {
		p.Count = 1
		p.Text = fmt.Sprintf("%s has changed again and again since %s; it is taken once it has been unchanged for %s (SETTLE)",
			c.Growing, c.GrowingSince.UTC().Format(time.RFC3339), i.cfg.Settle)
	}
	i.problems.show("growing", p, now)
}

// showIgnored shows the names in the folder that are not read.
func (i *intake) showIgnored(x messages.Ignored, now time.Time) {
	i.problems.show("ignored", messages.Problem{
		Kind: messages.ProblemIgnoredFiles, Part: "input", Count: x.Count,
		Text: fmt.Sprintf("ignored in the input folder: %s such as %q; only files directly in it whose names end in .txt are read, so rename or move them", counted(x.Count, "name"), x.Names),
	}, now)
}
