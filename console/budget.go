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
	maxLines     = 20
	budgetPeriod = 10 * time.Second
)

// budget bounds the lines of one sort.
type budget struct {
	since time.Time
	spent int
}

// spend reports whether one more line may be printed now.
func (b *budget) allow(now time.Time) bool {
	if now.Sub(b.since) >= budgetPeriod {
		*b = budget{since: now}
	}
	b.spent++
	return b.spent <= maxLines
}

// rest sums up the files that ended without an account of their own.
type unlistedFiles struct {
	since   time.Time // of the first of them
	totals  messages.FileTotals
	unknown int64 // of which only the number is known
}

func (r *unlistedFiles) add(f messages.FileStatus, now time.Time) {
	if r.totals == (messages.FileTotals{}) {
		r.since = now
	}
	r.totals.Add(f, 1)
}

// due reports whether the sum has to be said.
func (r *unlistedFiles) due(now time.Time) bool {
	return r.totals != (messages.FileTotals{}) && now.Sub(r.since) >= budgetPeriod
}

// sayRest prints the sum, if there is one, and begins a new one.
func (w *watch) printUnlisted() {
	r := w.unlisted
	w.unlisted = unlistedFiles{}
	var parts []string
	files := r.unknown
	for state, n := range r.totals.States {
		files += int64(n)
		if n > 0 {
			parts = append(parts, grouped(int64(n))+" "+strings.ReplaceAll(messages.FileState(state).String(), "_", " "))
		}
	}
	if files == 0 {
		return
	}
	if r.unknown > 0 {
		parts = append(parts, fmt.Sprintf("%s not looked at", grouped(r.unknown)))
	}
	w.out.line("%s more files ended: %s; %s done, %s dead. /api/v1/files lists each of them.",
		grouped(files), strings.Join(parts, ", "), many(r.totals.DoneItems, "item"), grouped(r.totals.DeadItems))
}
