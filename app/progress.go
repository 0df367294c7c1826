package app

import (
	"fmt"
	"io"
	"time"

	"kafka-master/console"
	"kafka-master/messages"
)

// progress shows how far something is: as a bar on a terminal, otherwise as a line at times.
type progress struct {
	w     io.Writer
	bar   *console.Bar // nil without a terminal
	quiet bool
	last  time.Time // time of the last line
}

// lineEvery is how often a line is printed where no bar can be.
const lineEvery = 30 * time.Second

func newProgress(c command, quiet bool) *progress {
	p := &progress{w: c.stderr, quiet: quiet, last: time.Now()}
	if !quiet && console.IsTerminal(c.stderr) {
		p.bar = console.NewBar(c.stderr)
	}
	return p
}

// show shows the progress of files with these totals.
func (p *progress) show(name string, t messages.FileTotals, f messages.Forecast, now time.Time) {
	ended, done := t.DoneItems+t.FailedItems+t.DeadItems, 0.0
	if all := ended + f.Remaining; f.Remaining >= 0 && all > 0 {
		done = float64(ended) / float64(all)
	}
	switch {
	case p.quiet:
	case p.bar != nil:
		p.bar.Show(name, done, f.ItemsPerS, f.ETA, now)
	case now.Sub(p.last) >= lineEvery:
		p.last = now
		fmt.Fprintln(p.w, progressLine(name, done, ended, f, now))
	}
}

// progressLine describes a progress in one line.
func progressLine(name string, done float64, ended int64, f messages.Forecast, now time.Time) string {
	text := fmt.Sprintf("%s: %.0f%%, %s", messages.Clean(name, 120), min(99, 100*done), console.Count(ended, "item"))
	if f.ItemsPerS > 0 {
		text += ", " + console.PerSecond(f.ItemsPerS)
	}
	if !f.ETA.IsZero() {
		text += ", ends in " + console.Until(f.ETA, now)
	}
	return text
}

// clear removes the bar.
func (p *progress) clear() {
	if p.bar != nil {
		p.bar.Clear()
	}
}
