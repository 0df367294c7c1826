package console

import (
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"kafka-master/messages"
)

const (
	// maxLines is the number of lines of one kind that are printed within a
	// budgetPeriod. Thousands of small files would otherwise push everything else off
	// the screen.
	maxLines     = 20
	budgetPeriod = 10 * time.Second
)

// budget bounds the lines of one kind.
type budget struct {
	since time.Time
	spent int
}

// allow reports whether one more line may be printed now.
func (b *budget) allow(now time.Time) bool {
	if now.Sub(b.since) >= budgetPeriod {
		*b = budget{since: now}
	}
	b.spent++
	return b.spent <= maxLines
}

// unlistedFiles are the files that ended since the last summary without a printed
// balance.
type unlistedFiles struct {
	since   time.Time // time of the first file
	totals  messages.FileTotals
	unknown int64 // number of further files, about which nothing else is known
}

func (u *unlistedFiles) add(f messages.FileStatus, now time.Time) {
	if u.totals == (messages.FileTotals{}) {
		u.since = now
	}
	u.totals.Add(f, 1)
}

// due reports whether it is time for a summary.
func (u *unlistedFiles) due(now time.Time) bool {
	return u.totals != (messages.FileTotals{}) && now.Sub(u.since) >= budgetPeriod
}

// printUnlisted prints a summary of the unlisted files, if there are any.
func (w *watch) printUnlisted() {
	u := w.unlisted
	w.unlisted = unlistedFiles{}
	var parts []string
	files := u.unknown
	for state, n := range u.totals.States {
		files += int64(n)
		if n > 0 {
			parts = append(parts, humanize.Comma(int64(n))+" "+stateName(messages.FileState(state)))
		}
	}
	if files == 0 {
		return
	}
	if u.unknown > 0 {
		parts = append(parts, humanize.Comma(u.unknown)+" unknown")
	}
	w.out.line("%s more files ended: %s; %s done, %s failed, %s dead%s. /api/v1/files lists each of them.",
		humanize.Comma(files), strings.Join(parts, ", "), Count(u.totals.DoneItems, "item"),
		humanize.Comma(u.totals.FailedItems), humanize.Comma(u.totals.DeadItems), cancelledPhrase(u.totals.CancelledItems))
}
