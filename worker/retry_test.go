package worker

import (
	"errors"
	"hash/maphash"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"kafka-master/messages"
)

// retryOf is a retry of items 1, 2 and 7 of a chunk that begins in line 21.
func retryOf(positions ...[2]int64) Chunk {
	c := newChunk(messages.ChunkMessage{
		ID: "w-1", BatchID: "a_chunk_4_r1", Deployment: "D", Attempt: 1, File: "a.txt", Generation: 1, FirstLine: 21,
		Offset: 40, Length: 10, Hash: "44bc2cf5ad770999", Retry: 1, Positions: positions, Data: []string{"y", "z", "q"},
	})
	c.report = &report{}
	return c
}

// A retry of failed items knows where in the file they are, and its manifest line which
// ones it had.
func TestRetryOfFailedItems(t *testing.T) {
	dir := t.TempDir()
	c := retryOf([2]int64{1, 2}, [2]int64{7, 7})
	out, err := NewResults(dir).Create(c)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Abort()
	c.Fail(1, errors.New("again"))
	c.Fail(2, errors.New("again"))
	if err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	lines := manifest(t, dir)
	if len(lines) != 1 || lines[0].Retry != 1 || lines[0].Items != 3 || !reflect.DeepEqual(lines[0].Positions, [][2]int{{1, 2}, {7, 7}}) ||
		!reflect.DeepEqual(lines[0].FailedItems, [][2]int{{1, 2}}) {
		t.Errorf("lines %+v", lines)
	}
	list := contents(t, filepath.Join(dir, "a.txt", "a_chunk_4_r1.failed.jsonl"))
	if !strings.Contains(list, `{"line":23,"item":"z"`) || !strings.Contains(list, `{"line":28,"item":"q"`) {
		t.Errorf("list %s", list)
	}
	// A state that lost its last commits may give the name to other items of the chunk.
	other := lines[0]
	other.Positions = [][2]int{{3, 5}}
	if lines[0].SameWork(other) {
		t.Error("a retry of other items is the same work")
	}
	d := &desk{seed: maphash.MakeSeed()}
	if d.sum(c) == d.sum(retryOf([2]int64{3, 5})) {
		t.Error("a retry of other items is known already")
	}
}

// Blank lines are told by the items of the chunk, of which a retry has only some. What does
// not fit is of no use.
func TestBlankLinesOfARetry(t *testing.T) {
	for _, c := range []struct {
		gaps  [][2]int64
		lines int64
		want  []int64 // nil when the lines cannot be told
	}{
		{[][2]int64{{0, 1}, {2, 2}, {7, 1}, {8, 5}}, 17, []int64{23, 26, 32}},
		{[][2]int64{{3, 1}}, 9, []int64{22, 23, 29}},
		{[][2]int64{{3, 1}}, 8, nil},
		{nil, 9, nil},
	} {
		m := messages.ChunkMessage{FirstLine: 21, Lines: c.lines, Gaps: c.gaps, Retry: 1, Positions: [][2]int64{{1, 2}, {7, 7}}, Data: []string{"y", "z", "q"}}
		chunk := newChunk(m)
		for i := range m.Data {
			line, known := chunk.lineOf(i)
			if known != (c.want != nil) || known && line != c.want[i] {
				t.Errorf("%v in %d lines: item %d is in line %d, %t, want %v", c.gaps, c.lines, i, line, known, c.want)
			}
		}
	}
}

// Positions that do not fit the items are of no use.
func TestBadPositions(t *testing.T) {
	for _, positions := range [][][2]int64{nil, {{1, 2}}, {{2, 1}, {3, 4}}, {{0, 1}, {1, 1}}} {
		if c := retryOf(positions...); c.Positions != nil {
			t.Errorf("%v: %v", positions, c.Positions)
		} else if line, known := c.lineOf(2); line != 23 || !known {
			t.Errorf("line %d, %t", line, known)
		}
	}
}
