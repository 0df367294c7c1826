package results

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// told records a result of chunk 1 whose worker told the lines of its items.
func (b *bench) told(retry int, text, list string, positions, items [][2]int) Line {
	l := b.line(named{Index: 1, Retry: retry}, text, list)
	l.Positions, l.ItemLines = positions, items
	l.Items = 0
	for _, run := range items {
		l.Items += run[0]
	}
	b.putLine(l, text, list)
	return l
}

// Where the manifests tell which lines belong to which item, the results of retries stand at
// the places of their items.
func TestMergePutsRetriesInTheirPlaces(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		do   func(b *bench)
		want string
	}{
		"one round": {func(b *bench) {
			b.told(0, "a\nd\ne1\ne2\n", failedLine(7, "b")+failedLine(8, "c"), nil, [][2]int{{1, 1}, {2, 0}, {1, 1}, {1, 2}})
			b.told(1, "B\nC\n", "", [][2]int{{1, 2}}, [][2]int{{2, 1}})
		}, "a B C d e1 e2"},
		"two rounds": {func(b *bench) {
			b.told(0, "b\nd\n", failedLine(6, "a")+failedLine(8, "c")+failedLine(10, "e"), nil, [][2]int{{1, 0}, {1, 1}, {1, 0}, {1, 1}, {1, 0}})
			b.told(1, "C1\nC2\n", failedLine(6, "a")+failedLine(10, "e"), [][2]int{{0, 0}, {2, 2}, {4, 4}}, [][2]int{{1, 0}, {1, 2}, {1, 0}})
			b.told(2, "A\nE\n", "", [][2]int{{0, 0}, {4, 4}}, [][2]int{{2, 1}})
		}, "A b C1 C2 d E"},
		"a round of the whole chunk in between": {func(b *bench) {
			b.told(0, "b\n", failedLine(6, "a")+failedLine(8, "c"), nil, [][2]int{{1, 0}, {1, 1}, {3, 0}})
			b.told(1, "A\nB\nD\nE\n", failedLine(8, "c"), nil, [][2]int{{2, 1}, {1, 0}, {2, 1}})
			b.told(2, "C\n", "", [][2]int{{2, 2}}, [][2]int{{1, 1}})
		}, "A B C D E"},
		"a line that is longer than a buffer": {func(b *bench) {
			b.told(0, strings.Repeat("x", 200_000)+"\n", failedLine(6, "a"), nil, [][2]int{{1, 0}, {1, 1}, {3, 0}})
			b.told(1, "A\n", "", [][2]int{{0, 0}}, [][2]int{{1, 1}})
		}, "A " + strings.Repeat("x", 200_000)},
		"the chunk does not tell": {func(b *bench) {
			b.told(0, "b\n", failedLine(6, "a"), nil, [][2]int{{5, 0}})
			b.told(1, "A\n", "", [][2]int{{0, 0}}, [][2]int{{1, 1}})
		}, "b A"},
		"the retry does not tell": {func(b *bench) {
			b.told(0, "b\n", failedLine(6, "a"), nil, [][2]int{{1, 0}, {1, 1}, {3, 0}})
			l := b.line(named{Index: 1, Retry: 1}, "A\n", "")
			l.Items, l.Positions = 1, [][2]int{{0, 0}}
			b.putLine(l, "A\n", "")
		}, "b A"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, 3)
			b.put(named{Index: 0}, "0\n", "")
			x.do(b)
			b.put(named{Index: 2}, "2\n", "")
			s, err := b.merge()
			require.NoError(t, err)
			require.Equal(t, "0\n"+strings.ReplaceAll(x.want, " ", "\n")+"\n2\n", b.read("a.txt.jsonl"))
			require.Equal(t, SummaryChunks{3, 0, 3}, s.Chunks)
			require.NoFileExists(t, b.dir+"/a.txt.failed.txt")
		})
	}

	b := newBench(t, 2)
	b.put(named{Index: 0}, "0\n", "")
	b.told(0, "b\n", failedLine(6, "a")+failedLine(8, "c"), nil, [][2]int{{1, 0}, {1, 1}, {3, 0}})
	l := b.told(1, "A\n", failedLine(8, "c"), [][2]int{{0, 0}, {2, 2}}, [][2]int{{1, 1}, {1, 0}})
	b.books.FailedItems, b.books.Chunks = 1, []messages.OpenChunk{doneWithFailed(messages.ChunkID{File: 1, Index: 1, Retry: 1}, 1, "")}
	_, err := b.merge()
	require.NoError(t, err)
	require.Equal(t, "0\nA\nb\n", b.read("a.txt.jsonl"))
	require.Equal(t, "c\n", b.read("a.txt.failed.txt"))
	require.NoError(t, os.Remove(b.dir+"/a.txt.jsonl"))
	require.NoError(t, b.root.WriteFile("a.txt/"+l.Result, []byte("X\n"), 0o600))
	_, err = b.merge()
	require.ErrorIs(t, err, ErrChanged)
}

// What a manifest tells of the lines of items counts only if it agrees with the rest.
func TestItemLinesThatAreWrong(t *testing.T) {
	t.Parallel()
	good := Line{Items: 3, Lines: 4, ItemLines: [][2]int{{1, 2}, {2, 1}}, Positions: [][2]int{{0, 0}, {5, 6}}}
	position, ok := good.itemPositions()
	require.True(t, ok)
	require.Equal(t, "0 5 6", fmt.Sprint(position(0), " ", position(1), " ", position(2)))
	for name, change := range map[string]func(l *Line){
		"absent":              func(l *Line) { l.ItemLines = nil },
		"too few items":       func(l *Line) { l.ItemLines = [][2]int{{2, 2}} },
		"too many items":      func(l *Line) { l.ItemLines = [][2]int{{1 << 40, 0}, {2, 2}} },
		"other lines":         func(l *Line) { l.Lines = 5 },
		"negative":            func(l *Line) { l.ItemLines = [][2]int{{1, -1}, {1, 4}, {1, 1}} },
		"none of an item":     func(l *Line) { l.ItemLines = [][2]int{{0, 1}, {1, 2}, {2, 1}} },
		"too few positions":   func(l *Line) { l.Positions = [][2]int{{0, 1}} },
		"too many positions":  func(l *Line) { l.Positions = [][2]int{{0, 1 << 40}} },
		"positions backwards": func(l *Line) { l.Positions = [][2]int{{5, 6}, {0, 0}} },
	} {
		l := good
		change(&l)
		_, ok := l.itemPositions()
		require.False(t, ok, name)
	}
}
