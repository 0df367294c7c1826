package messages

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// DeadLimit is how many items of a file may be dead or failed before nothing new of it is
// begun. The zero value is no limit.
type DeadLimit struct {
	Items   int64   // number of items, 0 for none
	Percent float64 // share of the items that were tried, 0 for none
}

// leastTried is the least number of items that must have been tried before a share of them
// says anything.
const leastTried = 100

// ErrDeadLimit is the error of a text that is no limit.
var ErrDeadLimit = errors.New("is neither a number of items nor a share such as 1%")

// ParseDeadLimit is the inverse of DeadLimit.String; "0" is no limit.
func ParseDeadLimit(text string) (l DeadLimit, err error) {
	if share, ok := strings.CutSuffix(text, "%"); ok {
		l.Percent, err = strconv.ParseFloat(share, 64)
		if err != nil || !(l.Percent > 0 && l.Percent <= 100) || strings.Trim(share, "0123456789.") != "" {
			return DeadLimit{}, ErrDeadLimit
		}
		return l, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return DeadLimit{}, ErrDeadLimit
	}
	return DeadLimit{Items: int64(n)}, nil
}

// String returns the limit as a person writes it.
func (l DeadLimit) String() string {
	if l.Percent > 0 {
		return strconv.FormatFloat(l.Percent, 'f', -1, 64) + "%"
	}
	return strconv.FormatInt(l.Items, 10)
}

// Reached reports whether so many items of a file are dead or failed. Those that a person
// discarded do not count. A share counts only once so many items were tried that a single
// one is no more than it.
func (l DeadLimit) Reached(f *File) bool {
	rejects, ended := f.counted()
	bad, tried := float64(rejects), float64(ended)
	switch {
	case l.Percent > 0:
		return tried >= leastTried && tried*l.Percent >= 100 && bad*100 >= tried*l.Percent
	case l.Items > 0:
		return rejects >= l.Items
	}
	return false
}

// Explain says why a file is paused.
func (l DeadLimit) Explain(f *File) string {
	rejects, ended := f.counted()
	since := ""
	if f.LimitTried > 0 {
		since = " since it was resumed"
	}
	return fmt.Sprintf("%d of %d items that were tried%s are dead or failed, and MAX_DEAD is %s", rejects, ended, since, l)
}

// counted returns the rejects and the tried items of a file that count for the limit: those
// since a person let it go on.
func (f *File) counted() (rejects, tried int64) {
	return max(0, f.Rejects()-f.LimitRejects), max(0, f.EndedItems()-f.LimitTried)
}

// Rejects returns the number of items that are dead or failed and were not discarded.
func (f *File) Rejects() int64 {
	return f.FailedItems + f.DeadItems - f.DiscardedItems - f.DiscardedFailed
}
