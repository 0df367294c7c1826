package proof

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// cancelledFile is a file that was cancelled: two chunks are done, of two that were handed out
// nothing is done, and the rest was never cut.
func cancelledFile(t *testing.T) *fixture {
	f := newFixture(t, numbered(12))
	f.done(0, 0, 3)
	f.cancel(1, 2)
	f.cancel(2, 2)
	f.done(3, 0, 2)
	f.books.State, f.books.CancelledBytes = messages.FileCancelled, f.books.Info.Size-f.books.Cursor.Offset
	return f
}

// cancel records that the next lines of the input were not done.
func (f *fixture) cancel(index, lines int) {
	c := f.cut(index, 0, lines)
	f.books.CancelledChunks++
	f.books.CancelledItems += int64(c.Items)
	f.books.Chunks = append(f.books.Chunks, messages.OpenChunk{Chunk: c, State: messages.ChunkCancelled, Reason: "cancelled by api"})
}

// What was done of a cancelled file is proven, and what was not is named.
func TestCancelledFileHolds(t *testing.T) {
	t.Parallel()
	r := cancelledFile(t).check()
	require.Empty(t, r.Findings)
	require.Empty(t, r.Unknown)
	require.Equal(t, Holds, r.Verdict)
	require.Equal(t, []int64{9, 5, 0, 0, 4, 0}, []int64{r.Items, r.Done, r.Failed, r.Dead, r.Cancelled, r.Missing})
	require.Equal(t, []string{"not done, because the file was cancelled: lines 4 to 7, everything from line 10 on"}, r.Notes)
}

// A result that came when its chunk was cancelled already counts for nothing.
func TestLateResultOfCancelledChunk(t *testing.T) {
	t.Parallel()
	f := cancelledFile(t)
	f.attempt(f.books.Chunks[0].Chunk, 1, "w-1")
	r := f.check()
	require.Empty(t, r.Findings)
	require.Equal(t, Holds, r.Verdict)
	require.Contains(t, r.Notes, "1 results are of attempts that did not count")
}

// A cancelled file does not hold when anything of it differs.
func TestDamagedCancelledFileFails(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(f *fixture){
		"a line that was cancelled is another one": func(f *fixture) { f.change("10.0.0.5\n", "10.0.0.6\n") },
		"a line that was not cut is another one":   func(f *fixture) { f.change("10.0.0.11\n", "10.0.0.99\n") },
		"the input is longer":                      func(f *fixture) { f.change("10.0.0.12\n", "10.0.0.12\nmore\n") },
		"the input is shorter":                     func(f *fixture) { f.change("10.0.0.12\n", "") },
		"a record is missing":                      func(f *fixture) { f.books.Chunks = f.books.Chunks[:1] },
		"too much is said to be cancelled":         func(f *fixture) { f.books.CancelledItems++ },
		"another rest is said to be cancelled":     func(f *fixture) { f.books.CancelledBytes-- },
		"the file is said to be done":              func(f *fixture) { f.books.State = messages.FileDone },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := cancelledFile(t)
			do(f)
			require.Equal(t, Fails, f.check().Verdict)
		})
	}
}

// change replaces a text of the input.
func (f *fixture) change(from, to string) {
	text, err := os.ReadFile(f.input)
	require.NoError(f.t, err)
	require.Equal(f.t, 1, bytes.Count(text, []byte(from)))
	require.NoError(f.t, os.WriteFile(f.input, bytes.Replace(text, []byte(from), []byte(to), 1), 0o600))
}
