package app

import (
	"fmt"
	"strings"

	"kafka-master/messages"
)

// halt is when a run is given up before its end. The zero value is never.
type halt struct {
	now   bool // what runs is stopped, and not awaited
	limit messages.DeadLimit
}

// parseHalt reads the value of --halt, which is a part of GNU parallel's.
func parseHalt(text string) (h halt, err error) {
	if text == "never" || text == "0" {
		return halt{}, nil
	}
	when, what, _ := strings.Cut(text, ",")
	value, isFail := strings.CutPrefix(what, "fail=")
	if when != "soon" && when != "now" || !isFail {
		return halt{}, fmt.Errorf("%w: --halt %q: must be never, soon,fail=N, now,fail=N, or either with N%%", errUsage, text)
	}
	h.now = when == "now"
	if h.limit, err = messages.ParseDeadLimit(value); err != nil || h.limit == (messages.DeadLimit{}) {
		return halt{}, fmt.Errorf("%w: --halt %q: fail= must be a number of items from 1 or a share such as 1%%", errUsage, text)
	}
	return h, nil
}

// reached reports whether so many items are failed or dead.
func (h halt) reached(t messages.FileTotals) bool {
	return h.limit.Reached(&messages.File{DoneItems: t.DoneItems, FailedItems: t.FailedItems, DeadItems: t.DeadItems})
}
