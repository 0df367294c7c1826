package actors

import (
	"hash/fnv"
	"strings"
)

// simFailed marks an item that failed in the result of a simulated native worker.
const simFailed = "\x00"

// failing returns which of the items fail at native workers. It is the same for every
// attempt, and nothing fails in two of three worlds.
func (w *simWorld) failing(items []string) (failed []int) {
	if w.seed%3 != 0 {
		return nil
	}
	for i, item := range items {
		h := fnv.New32a()
		_, _ = h.Write([]byte(item))
		if (h.Sum32()^uint32(w.seed))%8 == 0 {
			failed = append(failed, i)
		}
	}
	return failed
}

// resultOf is the result of a chunk at a native worker.
func (w *simWorld) resultOf(items []string) string {
	lines := append([]string(nil), items...)
	for _, i := range w.failing(items) {
		lines[i] = simFailed + lines[i]
	}
	return strings.Join(lines, "\n")
}

// simLines is how many lines a native worker reports of a result: those of the items
// that did not fail.
func simLines(result string) int64 {
	lines, failed := withoutMarks(result)
	return int64(len(strings.Split(lines, "\n"))) - failed
}

// withoutMarks returns the items of a result, and how many of them failed.
func withoutMarks(result string) (items string, failed int64) {
	return strings.ReplaceAll(result, simFailed, ""), int64(strings.Count(result, simFailed))
}
