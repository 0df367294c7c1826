package console

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"kafka-master/messages"
)

const (
	// eraseLine clears the line of the cursor.
	eraseLine = "\x1b[2K\r"
	barSteps  = 1000
	barWidth  = 20
	barName   = 24 // maximum length of the file name before the bar
)

// Bar is a progress bar for a command that waits for something. It is drawn in place.
type Bar struct{ out printer }

// NewBar returns a bar on a terminal.
func NewBar(w io.Writer) *Bar { return &Bar{printer{w: w}} }

// Show draws the bar. done is 0 to 1; a rate of 0 and a zero ETA are left out.
func (b *Bar) Show(name string, done, itemsPerS float64, eta, now time.Time) {
	b.out.show(&bar{done: done, text: messages.Clean(name, barName) + paceText(itemsPerS, eta, now)})
}

// Clear removes the bar.
func (b *Bar) Clear() { b.out.clear() }

// bar shows the progress of all files in work at one moment.
type bar struct {
	done float64 // 0 to 1
	text string
}

// paceText formats a rate and the time of the end, as far as they are known.
func paceText(itemsPerS float64, eta, now time.Time) (text string) {
	if itemsPerS > 0 {
		text += " " + PerSecond(itemsPerS)
	}
	if !eta.IsZero() {
		text += " ETA " + Until(eta, now)
	}
	return text
}

// newBar returns a bar for the files in work, or nil when there are none.
func newBar(o messages.Overview, now time.Time) *bar {
	var first string
	var files int
	var total, done float64
	for _, f := range o.Working {
		if files++; files == 1 {
			first = messages.Clean(f.Info.Path, barName)
		}
		total += float64(f.Info.Size)
		done += fraction(f) * float64(f.Info.Size)
	}
	if files == 0 {
		return nil
	}
	b := &bar{text: first}
	if total > 0 {
		b.done = done / total
	}
	if files > 1 {
		b.text += fmt.Sprintf(" +%d", files-1)
	}
	b.text += paceText(o.ItemsPerS, o.ETA, now)
	return b
}

// draw writes the bar. It creates a new bar of the library each time, since those never
// move back, and the progress decreases when another file is added.
func (b *bar) draw(w io.Writer) {
	p := progressbar.NewOptions64(barSteps,
		progressbar.OptionSetWriter(w), progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetWidth(barWidth), progressbar.OptionSetDescription(b.text),
		progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false))
	step := min(barSteps-1, int64(b.done*barSteps)) // a full bar cannot be drawn again
	if step < barSteps/100 {
		_ = p.RenderBlank() // the printer records errors
		return
	}
	_ = p.Set64(step)
}

// fraction returns how much of a file is done, from 0 to 1: the fraction of its bytes
// that was cut, times the fraction of the cut items that have ended.
func fraction(f messages.FileStatus) float64 {
	if f.HasEnded() || f.Info.Size <= 0 {
		return 1
	}
	if f.Items <= 0 {
		return 0
	}
	cut := float64(f.Cursor.Offset) / float64(f.Info.Size)
	ended := float64(f.EndedItems()) / float64(f.Items)
	return min(1, max(0, cut*ended))
}
