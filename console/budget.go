package console

import (
	"fmt"
	"strings"
	"time"

	"kafka-master/messages"
)

const (
	// manyAtOnce is how many lines of one sort are printed one by one within
	// gatherFor: nobody reads more, and thousands of small files would push
	// everything else off the screen.
	manyAtOnce = 20
	gatherFor  = 10 * time.Second
)

// budget bounds the lines of one sort.
type budget struct {
	since time.Time
	spent int
}

// spend reports whether one more line may be printed now.
func (b *budget) spend(now time.Time) bool {
	if now.Sub(b.since) >= gatherFor {
		*b = budget{since: now}
	}
	b.spent++
	return b.spent <= manyAtOnce
}

// rest sums up the files that ended without an account of their own.
type rest struct {
	since  time.Time // of the first of them
	totals messages.FileTotals
	missed int64 // of which only the number is known
}

func (r *rest) add(f messages.FileStatus, now time.Time) {
	if r.totals == (messages.FileTotals{}) {
		r.since = now
	}
	r.totals.Add(f, 1)
}

// due reports whether the sum has to be said.
func (r *rest) due(now time.Time) bool {
	return r.totals != (messages.FileTotals{}) && now.Sub(r.since) >= gatherFor
}

// sayRest prints the sum, if there is one, and begins a new one.
func (w *watch) sayRest() {
	r := w.rest
	w.rest = rest{}
	var parts []string
	files := r.missed
	for state, n := range r.totals.States {
		files += int64(n)
		if n > 0 {
			parts = append(parts, grouped(int64(n))+" "+strings.ReplaceAll(messages.FileState(state).String(), "_", " "))
		}
	}
	if files == 0 {
		return
	}
	if r.missed > 0 {
		parts = append(parts, fmt.Sprintf("%s not looked at", grouped(r.missed)))
	}
	w.out.line("%s more files ended: %s; %s done, %s dead. /api/v1/files lists each of them.",
		grouped(files), strings.Join(parts, ", "), many(r.totals.DoneItems, "item"), grouped(r.totals.DeadItems))
}
