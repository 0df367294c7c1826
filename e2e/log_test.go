package e2e

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// logLine is a line of a master's log. Tests recognise lines by their attributes, so that
// the messages for people can be reworded.
type logLine map[string]any

func (l logLine) has(keys ...string) bool {
	return !slices.ContainsFunc(keys, func(key string) bool { _, ok := l[key]; return !ok })
}

func (l logLine) text(key string) string {
	s, _ := l[key].(string)
	return s
}

func (l logLine) number(key string) int64 {
	n, _ := l[key].(float64)
	return int64(n)
}

// isLeading recognises the line of a master that begins to lead.
func isLeading(l logLine) bool { return l.text("level") == "INFO" && l.has("term") && !l.has("leader") }

// isStandingBy recognises the line of a master that becomes a standby.
func isStandingBy(l logLine) bool { return l.has("term", "leader", "api") }

// isFileTaken recognises the line of a file whose work begins.
func isFileTaken(l logLine) bool { return l.has("file", "bytes", "generation") }

// isFileEnded recognises the line of a file whose last chunk has ended.
func isFileEnded(l logLine) bool { return l.has("file", "state", "items", "done", "dead") }

// isChunkDead recognises the line of a dead chunk.
func isChunkDead(l logLine) bool { return l.has("file", "chunk", "first_line") }

// isTakenBack recognises the line of chunks that were taken back from a worker.
func isTakenBack(l logLine) bool {
	return l.has("worker_id", "reason") && (l.has("batch_id") || l.has("chunks"))
}

// isWorkerLost recognises the line of a worker that is lost.
func isWorkerLost(l logLine) bool { return l.has("reason", "silence_s") }

// isWarning recognises a warning.
func isWarning(l logLine) bool { return l.text("level") == "WARN" }

// isBalanced recognises the end of a file all of whose items are done or dead.
func isBalanced(items, dead int64) func(logLine) bool {
	return func(l logLine) bool {
		return isFileEnded(l) && l.number("items") == items && l.number("done") == items-dead && l.number("dead") == dead
	}
}

// lines returns the matching lines of the log so far.
func (o *output) lines(match func(logLine) bool) (found []logLine) {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.buf.Bytes()
	end := bytes.LastIndexByte(text, '\n') + 1
	o.parsed = append(o.parsed, jsonLines[logLine](string(text[o.parsedTo:end]))...)
	o.parsedTo = end
	for _, l := range o.parsed {
		if match(l) {
			found = append(found, l)
		}
	}
	return found
}

// awaitLine waits for a line of the log.
func (o *output) awaitLine(t *testing.T, match func(logLine) bool) {
	t.Helper()
	o.awaitLines(t, 1, match)
}

// awaitLines waits for n lines of the log.
func (o *output) awaitLines(t *testing.T, n int, match func(logLine) bool) {
	t.Helper()
	o.awaitFunc(t, func() bool { return len(o.lines(match)) >= n })
}

// jsonLines returns the values in the lines of JSON of a text.
func jsonLines[T any](text string) (out []T) {
	for line := range strings.Lines(text) {
		var v T
		if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &v) == nil {
			out = append(out, v)
		}
	}
	return out
}
