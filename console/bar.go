package console

import (
	"fmt"
	"io"

	"github.com/schollz/progressbar/v3"

	"kafka-master/messages"
)

const (
	// eraseLine empties the line that the cursor is in.
	eraseLine = "\x1b[2K\r"
	barSteps  = 1000
	barWidth  = 20
	barName   = 24 // characters of a file name beside the bar
)

// bar is one picture of the progress of all files in work.
type bar struct {
	done float64 // 0 to 1
	text string
}

// newBar sums up the files in work; nil when there is none.
func newBar(o messages.Overview, speed string) *bar {
	var first string
	var files int
	var total, done float64
	for _, f := range o.Working {
		if files++; files == 1 {
			first = clean(f.Info.Path, barName)
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
	if speed != "" {
		b.text += " " + speed
	}
	return b
}

// draw writes the picture; each is a bar of its own, since the library's does not
// go back, and ours does when another file comes.
func (b *bar) draw(w io.Writer) {
	p := progressbar.NewOptions64(barSteps,
		progressbar.OptionSetWriter(w), progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetWidth(barWidth), progressbar.OptionSetDescription(b.text),
		progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false))
	step := min(barSteps-1, int64(b.done*barSteps)) // a full bar would be final
	if step < barSteps/100 {
		_ = p.RenderBlank() // the printer keeps the writer's error
		return
	}
	_ = p.Set64(step)
}

// fraction is how much of a file is done, 0 to 1: the part of its bytes that was
// cut, times the part of the items in it that ended.
func fraction(f messages.FileStatus) float64 {
	if f.HasEnded() || f.Info.Size <= 0 {
		return 1
	}
	if f.Items <= 0 {
		return 0
	}
	cut := float64(f.Cursor.Offset) / float64(f.Info.Size)
	ended := float64(f.DoneItems+f.DeadItems) / float64(f.Items)
	return min(1, max(0, cut*ended))
}
