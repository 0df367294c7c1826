package console

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"kafka-master/messages"
)

// showEnded prints the balances of files that have ended since the last overview.
func (w *watch) showEnded(o messages.Overview, now time.Time) {
	fresh := int(min(o.EndedCount-min(w.endedCount, o.EndedCount), uint64(len(o.Ended))))
	unknown := int64(o.EndedCount-min(w.endedCount, o.EndedCount)) - int64(fresh) // the overview keeps only the last ones
	w.endedCount = o.EndedCount
	for _, f := range o.Ended[len(o.Ended)-fresh:] {
		b := &w.doneBalances
		if f.State != messages.FileDone || f.Missing() != 0 {
			b = &w.otherBalances
		}
		if b.allow(now) {
			w.out.line("%s", Balance(*f.File, w.results(*f.File), w.checked(*f.File)))
		} else {
			w.unlisted.add(f, now)
		}
	}
	w.unlisted.unknown += unknown
	if !w.earlierCounted {
		if earlier := int64(endedFiles(o)) - int64(fresh) - unknown; earlier > 0 {
			w.out.line("%s finished earlier.", Count(earlier, "file"))
		}
		w.earlierCounted = true
	}
	if w.unlisted.due(now) {
		w.printUnlisted()
	}
}

// results says where the results of a file are, as far as that is known here.
func (w *watch) results(f messages.File) string {
	if w.cfg.Results == "" {
		return ""
	}
	folder := resultsFolder(w.cfg.Results, f)
	switch here := w.cfg.Exists(folder); {
	case f.Digested && f.RecordedChunks == 0 && !here:
		return "with the workers, which keep them themselves"
	case !here:
		return "" // on other machines
	case f.RecordedChunks > 0 && f.RecordedChunks < f.DoneChunks:
		return fmt.Sprintf("%s, those of %s of %s; other workers keep theirs themselves", folder, humanize.Comma(f.RecordedChunks), Count(f.DoneChunks, "chunk"))
	case !f.Merged.IsZero():
		return folder + ".jsonl, merged from " + folder
	case w.cfg.Merged && f.Whole() && f.RecordedChunks == f.DoneChunks && f.DoneChunks > 0:
		return folder + ", being merged into " + folder + ".jsonl"
	}
	return folder
}

// checked returns what a check of the results of a file found whose every item is done.
func (w *watch) checked(f messages.File) string {
	if w.cfg.Check == nil || f.State != messages.FileDone || !f.AddsUp() {
		return ""
	}
	return w.cfg.Check(f)
}

// endedFiles returns how many of the remembered files have ended. A file that changed
// has not ended while chunks of it are at workers.
func endedFiles(o messages.Overview) (n int) {
	for state, x := range o.Files.States {
		if messages.FileState(state).Terminal() {
			n += x
		}
	}
	for _, f := range o.Working {
		if f.State.Terminal() {
			n--
		}
	}
	return n
}

// showRunning prints the start and the progress of the files in work.
func (w *watch) showRunning(o messages.Overview, now time.Time) {
	running := make(map[messages.FileID]*lastLine, len(w.running))
	for _, f := range o.Working {
		items := f.EndedItems()
		last := w.running[f.ID]
		if last == nil {
			last = &lastLine{at: now, items: items, offset: f.Cursor.Offset}
			if w.startLines.allow(now) {
				w.out.line("%s: %s, %s", messages.Clean(f.Info.Path, maxName), w.startText(f), size(f.Info.Size))
			}
		}
		running[f.ID] = last
		if f.State.Terminal() && !last.endShown {
			last.endShown = true
			w.out.line("%s: %s, %s still at workers", messages.Clean(f.Info.Path, maxName), stateName(f.State), chunkPhrase(int64(f.Running)))
		}
		if paused := f.Paused != ""; paused != last.paused {
			last.paused = paused
			w.out.line("%s: %s", messages.Clean(f.Info.Path, maxName), pauseText(f))
		}
		moved := items != last.items || f.Cursor.Offset != last.offset
		if w.cfg.Terminal || !moved || now.Sub(last.at) < lineEvery {
			continue
		}
		w.out.line("%s", progressLine(f, now))
		last.at, last.items, last.offset = now, items, f.Cursor.Offset
	}
	w.running = running
}

// pauseText says that a file is paused, or that this is over.
func pauseText(f messages.FileStatus) string {
	if f.Paused == "" {
		return "goes on"
	}
	return "paused, " + messages.Clean(f.Paused, maxSentence)
}

// startText says whether the file is new, or was begun before this master led.
func (w *watch) startText(f messages.FileStatus) string {
	if f.Cursor.Offset > 0 && f.Started.Before(w.ledFrom) {
		return fmt.Sprintf("continues at %d%%", percent(f))
	}
	return "started"
}

// stateName formats the state of a file for a person.
func stateName(s messages.FileState) string { return strings.ReplaceAll(s.String(), "_", " ") }

// chunkPhrase returns the beginning of a phrase about n chunks.
func chunkPhrase(n int64) string {
	if n == 1 {
		return "1 chunk is"
	}
	return humanize.Comma(n) + " chunks are"
}

func progressLine(f messages.FileStatus, now time.Time) string {
	text := fmt.Sprintf("%s: %d%%, %s done", messages.Clean(f.Info.Path, maxName), percent(f), Count(f.DoneItems, "item"))
	if f.FailedItems > 0 {
		text += fmt.Sprintf(", %s failed", humanize.Comma(f.FailedItems))
	}
	if f.DeadItems > 0 {
		text += fmt.Sprintf(", %s dead", humanize.Comma(f.DeadItems))
	}
	text += cancelledPhrase(f.CancelledItems)
	text += fmt.Sprintf(", %s at workers, %s waiting", Count(int64(f.Running), "chunk"), humanize.Comma(int64(f.Ready)))
	if f.ItemsPerS > 0 {
		text += ", " + PerSecond(f.ItemsPerS)
	}
	if !f.ETA.IsZero() {
		text += ", ends in " + Until(f.ETA, now)
	}
	return text
}

// cancelledPhrase returns the part of a list for cancelled items, nothing when there are none.
func cancelledPhrase(items int64) string {
	if items == 0 {
		return ""
	}
	return fmt.Sprintf(", %s cancelled", humanize.Comma(items))
}

// percent returns the progress in percent, rounded down: only a file that has ended is
// at 100.
func percent(f messages.FileStatus) int { return min(99, int(fraction(f)*100)) }

func (w *watch) showBar(o messages.Overview, now time.Time) {
	b := newBar(o, now)
	if b == nil {
		w.out.clear()
		return
	}
	w.out.show(b)
}
