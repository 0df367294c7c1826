package actors

import (
	"hash/fnv"
	"strings"

	"kafka-master/messages"
)

// simFailed marks an item that failed in the result of a simulated native worker.
const simFailed = "\x00"

// simRounds is after how many retries no item fails any more.
const simRounds = 4

// failing returns which of the items of a chunk fail at native workers. It is the same for
// every attempt, half of them fail again in each round of retries, and nothing fails in two
// of three worlds.
func (w *simWorld) failing(m messages.ChunkMessage) (failed []int) {
	if w.seed%3 != 0 || m.Retry >= simRounds {
		return nil
	}
	for i, item := range m.Data {
		if n := simHash(item) ^ uint32(w.seed); m.Retry == 0 && n%8 == 0 || m.Retry > 0 && n>>(8+m.Retry)%2 == 0 {
			failed = append(failed, i)
		}
	}
	return failed
}

func simHash(item string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(item))
	return h.Sum32()
}

// resultOf is the result of a chunk at a native worker.
func (w *simWorld) resultOf(m messages.ChunkMessage) string {
	lines := append([]string(nil), m.Data...)
	for _, i := range w.failing(m) {
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
