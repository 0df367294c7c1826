package console

import (
	"fmt"
	"strings"
	"time"

	"kafka-master/messages"
)

// seeEnds prints the balance of files that ended since the last look.
func (w *watch) seeEnds(o messages.Overview) {
	earlier := int64(0)
	ended := make(map[messages.FileID]bool, len(w.ended))
	for _, f := range o.Files {
		if !f.HasEnded() {
			continue
		}
		ended[f.ID] = true
		if w.ended[f.ID] {
			continue
		}
		if !w.known && f.Ended.Before(w.began) {
			earlier++
			continue
		}
		w.out.line("%s", Balance(f.File, w.cfg.Results))
	}
	if earlier > 0 {
		w.out.line("%s finished earlier.", many(earlier, "file"))
	}
	w.known = true
	w.ended = ended // without those that the master has forgotten
}

// seeRunning tells of files in work: that they began, and how far they are.
func (w *watch) seeRunning(o messages.Overview, now time.Time) {
	running := make(map[messages.FileID]*lastLine, len(w.running))
	for _, f := range o.Files {
		if f.HasEnded() {
			continue
		}
		items := f.DoneItems + f.DeadItems
		last := w.running[f.ID]
		if last == nil {
			last = &lastLine{at: now, items: items, offset: f.Cursor.Offset}
			w.out.line("%s: %s, %s", clean(f.Info.Path, maxName), begun(f), size(f.Info.Size))
		}
		running[f.ID] = last
		if f.State.Terminal() && !last.over {
			last.over = true
			w.out.line("%s: %s, %s still out", clean(f.Info.Path, maxName), stateName(f.State), chunksAre(int64(f.Running)))
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

func begun(f messages.FileStatus) string {
	if f.Cursor.Offset > 0 {
		return fmt.Sprintf("goes on at %d %%", percent(f))
	}
	return "begins"
}

// stateName is the state of a file as a person reads it.
func stateName(s messages.FileState) string { return strings.ReplaceAll(s.String(), "_", " ") }

// chunksAre begins a sentence about n chunks.
func chunksAre(n int64) string {
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

func (w *watch) seeBar(o messages.Overview, now time.Time) {
	var items int64
	for _, f := range o.Files {
		items += f.DoneItems
	}
	b := newBar(o, w.speed.add(items, now))
	if b == nil {
		w.out.clear()
		return
	}
	w.out.show(b)
}

// speed is items per second over the last looks.
type speed struct{ looks []sample }

// sample is how many items were done at a time.
type sample struct {
	at    time.Time
	items int64
}

// speedLooks is how many looks the speed is taken from.
const speedLooks = 10

// add notes a look and returns the speed as a text, empty when it is not known.
func (s *speed) add(items int64, now time.Time) string {
	s.looks = append(s.looks, sample{now, items})
	if len(s.looks) > speedLooks {
		s.looks = s.looks[1:]
	}
	first := s.looks[0]
	if items < first.items { // files were forgotten
		s.looks = s.looks[len(s.looks)-1:]
		return ""
	}
	return rate(items-first.items, now.Sub(first.at))
}
