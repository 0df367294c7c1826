package worker

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A result whose handler tells where the output of each item ends is recorded with the lines
// of the items, so that a merge can put the results of retries between them.
func TestItemLines(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		write func(f *ResultFile)
		want  [][2]int
	}{
		"one line each": {func(f *ResultFile) {
			say(t, f, "1\n")
			f.EndItem(0)
			say(t, f, "2\n")
			f.EndItem(1)
			say(t, f, "3\n")
			f.EndItem(2)
		}, [][2]int{{3, 1}}},
		"an item is left":  {func(f *ResultFile) { say(t, f, "2\n2\n"); f.EndItem(1) }, [][2]int{{1, 0}, {1, 2}, {1, 0}}},
		"nothing at all":   {func(f *ResultFile) { f.EndItem(2) }, [][2]int{{3, 0}}},
		"it does not tell": {func(f *ResultFile) { say(t, f, "1\n") }, nil},
		"out of order":     {func(f *ResultFile) { say(t, f, "1\n"); f.EndItem(1); say(t, f, "2\n"); f.EndItem(0) }, nil},
		"an open line":     {func(f *ResultFile) { say(t, f, "1"); f.EndItem(0) }, nil},
		"more at the end":  {func(f *ResultFile) { say(t, f, "1\n"); f.EndItem(0); say(t, f, "2\n") }, nil},
		"no such item":     {func(f *ResultFile) { say(t, f, "1\n"); f.EndItem(3) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			f, err := NewResults(dir).Create(recordable(1))
			require.NoError(t, err)
			x.write(f)
			require.NoError(t, f.Commit())
			require.Equal(t, x.want, manifest(t, dir)[0].ItemLines)
		})
	}
}

func say(t *testing.T, f *ResultFile, text string) {
	_, err := f.Write([]byte(text))
	require.NoError(t, err)
}

// The lines of very many different items are not recorded.
func TestItemLinesAreBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := recordable(1)
	c.Items = make([]string, 3*maxItemLines)
	f, err := NewResults(dir).Create(c)
	require.NoError(t, err)
	for i := range c.Items {
		if i%2 == 0 {
			say(t, f, "x\n")
		}
		f.EndItem(i)
	}
	require.LessOrEqual(t, len(f.items.runs), maxItemLines+1)
	require.NoError(t, f.Commit())
	require.Nil(t, manifest(t, dir)[0].ItemLines)
}

func TestEachTellsTheLinesOfItsItems(t *testing.T) {
	for unordered, want := range map[bool][][2]int{false: {{1, 1}, {1, 0}, {1, 2}, {1, 0}}, true: nil} {
		e := newEach(t, EachConfig{Command: `case {} in none) ;; two) echo 1; printf 2;; bad) echo no; exit 1;; *) echo {};; esac`, Shell: true, Jobs: 3, Unordered: unordered})
		c := recordable(1)
		c.Items = []string{"one", "none", "two", "bad"}
		require.NoError(t, e.handle(t.Context(), c, func(int) {}))
		require.Equal(t, want, manifest(t, e.dir)[0].ItemLines)
	}
}
