package console

import (
	"fmt"
	"strings"
	"time"

	"kafka-master/messages"
)

// seeEnds prints the account of files that ended since the last look.
func (w *watch) showEnded(o messages.Overview, now time.Time) {
	fresh := int(min(o.EndedCount-min(w.endedCount, o.EndedCount), uint64(len(o.Ended))))
	unknown := int64(o.EndedCount-min(w.endedCount, o.EndedCount)) - int64(fresh) // too many at once to be kept
	w.endedCount = o.EndedCount
	for _, f := range o.Ended[len(o.Ended)-fresh:] {
		b := &w.doneBalances
		if f.State != messages.FileDone || f.Missing() != 0 {
			b = &w.otherBalances
		}
		if b.allow(now) {
			w.out.line("%s", Balance(f.File, w.results(f.File)))
		} else {
			w.unlisted.add(f, now)
		}
	}
	w.unlisted.unknown += unknown
	if !w.earlierCounted {
		if earlier := int64(endedFiles(o)) - int64(fresh) - unknown; earlier > 0 {
			w.out.line("%s finished earlier.", many(earlier, "file"))
		}
		w.earlierCounted = true
	}
	if w.unlisted.due(now) {
		w.printUnlisted()
	}
}

// results is the folder of all results when those of the file are in it.
func (w *watch) results(f messages.File) string {
	if w.cfg.Results == "" || !w.cfg.Exists(resultsFolder(w.cfg.Results, f)) {
		return ""
	}
	return w.cfg.Results
}

// endedFiles is how many of the remembered files have ended. A file that changed
// may still wait for chunks at workers.
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

// seeRunning tells of files in work: that they began, and how far they are.
func (w *watch) showRunning(o messages.Overview, now time.Time) {
	running := make(map[messages.FileID]*lastLine, len(w.running))
	for _, f := range o.Working {
		items := f.DoneItems + f.DeadItems
		last := w.running[f.ID]
		if last == nil {
			last = &lastLine{at: now, items: items, offset: f.Cursor.Offset}
			if w.startLines.allow(now) {
				w.out.line("%s: %s, %s", clean(f.Info.Path, maxName), startText(f), size(f.Info.Size))
			}
		}
		running[f.ID] = last
		if f.State.Terminal() && !last.endShown {
			last.endShown = true
			w.out.line("%s: %s, %s still out", clean(f.Info.Path, maxName), stateName(f.State), chunkPhrase(int64(f.Running)))
		}
		moved := items != last.items || f.Cursor.Offset != last.offset
		if w.cfg.Terminal || !moved || now.Sub(last.at) < lineEvery {
			continue
		}
		w.out.line("%s", progressLine(f, rate(items-last.items, now.Sub(last.at))))
		last.at, last.items, last.offset = now, items, f.Cursor.Offset
	}
	w.running = running
}

func startText(f messages.FileStatus) string {
	if f.Cursor.Offset > 0 {
		return fmt.Sprintf("goes on at %d %%", percent(f))
	}
	return "begins"
}

// stateName is the state of a file as a person reads it.
func stateName(s messages.FileState) string { return strings.ReplaceAll(s.String(), "_", " ") }

// chunksAre begins a sentence about n chunks.
func chunkPhrase(n int64) string {
	if n == 1 {
		return "1 chunk is"
	}
	return grouped(n) + " chunks are"
}

func progressLine(f messages.FileStatus, speed string) string {
	text := fmt.Sprintf("%s: %d %%, %s done", clean(f.Info.Path, maxName), percent(f), many(f.DoneItems, "item"))
	if f.DeadItems > 0 {
		text += fmt.Sprintf(", %s dead", grouped(f.DeadItems))
	}
	text += fmt.Sprintf(", %s at workers, %s waiting", many(int64(f.Running), "chunk"), grouped(int64(f.Ready)))
	if speed != "" {
		text += ", " + speed
	}
	return text
}

// percent is rounded down, so that 100 is said of a file that has ended only.
func percent(f messages.FileStatus) int { return min(99, int(fraction(f)*100)) }

func (w *watch) showBar(o messages.Overview, now time.Time) {
	b := newBar(o, w.speed.add(o.Files.DoneItems, now))
	if b == nil {
		w.out.clear()
		return
	}
	w.out.show(b)
}

// speed is items per second over the last looks.
type speed struct{ samples []sample }

// sample is how many items were done at a time.
type sample struct {
	at    time.Time
	items int64
}

// speedLooks is how many looks the speed is taken from.
const maxSamples = 10

// add notes a look and returns the speed as a text, empty when it is not known.
func (s *speed) add(items int64, now time.Time) string {
	s.samples = append(s.samples, sample{now, items})
	if len(s.samples) > maxSamples {
		s.samples = s.samples[1:]
	}
	first := s.samples[0]
	if items < first.items { // files were forgotten
		s.samples = s.samples[len(s.samples)-1:]
		return ""
	}
	return rate(items-first.items, now.Sub(first.at))
}
