package proof

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// wovenExample is a file with a chunk whose failed items were retried twice, and whose merged
// result has their lines at the places of the items.
func wovenExample(t *testing.T) *fixture {
	f := newFixture(t, numbered(12))
	f.done(0, 0, 4)
	f.done(1, 0, 4, 5, 7)
	f.done(2, 0, 4)
	f.retry(1, 1, 2, 7)
	f.retry(1, 2, 1)
	lines := strings.SplitAfter(strings.TrimSuffix(f.read(".manifest/w-1.jsonl"), "\n"), "\n")
	for i, l := range lines {
		switch {
		case strings.Contains(l, `"ips_chunk_1"`):
			lines[i] = f.retold(i, func(l *line) { l.ItemLines = [][2]int{{1, 0}, {1, 1}, {1, 0}, {1, 1}} })
		case strings.Contains(l, `"ips_chunk_1_r1"`):
			lines[i] = f.retold(i, func(l *line) { l.ItemLines, l.Positions = [][2]int{{1, 1}, {1, 0}}, [][2]int{{0, 0}, {2, 2}} })
		case strings.Contains(l, `"ips_chunk_1_r2"`):
			lines[i] = f.retold(i, func(l *line) { l.ItemLines, l.Positions = [][2]int{{1, 1}}, [][2]int{{2, 2}} })
		}
	}
	require.NoError(t, os.WriteFile(f.manifest("w-1"), []byte(strings.Join(lines, "")), 0o600))
	f.merge()
	return f
}

// retold is a line of the first manifest after a change.
func (f *fixture) retold(n int, change func(*line)) string {
	l := f.parsed(n)
	change(&l)
	return signed(l) + "\n"
}

// weave puts the lines of the retries in their places.
func weave(s string) string {
	const first, second, r1, r2 = `{"chunk":"ips_chunk_1","n":0}` + "\n", `{"chunk":"ips_chunk_1","n":1}` + "\n", `{"chunk":"ips_chunk_1_r1","n":0}` + "\n", `{"chunk":"ips_chunk_1_r2","n":0}` + "\n"
	return strings.Replace(s, first+second+r1+r2, r1+first+r2+second, 1)
}

// Results of retries may stand behind those of their chunk, or at the places of their items,
// beside the results and in place of them.
func TestWovenResults(t *testing.T) {
	t.Parallel()
	for _, replaced := range []bool{false, true} {
		f := wovenExample(t)
		if replaced {
			list, err := filepath.Glob(filepath.Join(f.dir, "*.jsonl"))
			require.NoError(t, err)
			for _, name := range list {
				require.NoError(t, os.Remove(name))
			}
		}
		require.Equal(t, Holds, f.check().Verdict, "they stand behind it")
		edit(f.dir+jsonl, weave)(f)
		r := f.check()
		require.Empty(t, r.Findings)
		require.Equal(t, Holds, r.Verdict, "they stand in their places")
		text, err := os.ReadFile(f.dir + jsonl)
		require.NoError(t, err)
		for i := range text {
			changed := []byte(string(text))
			changed[i] ^= 1
			require.NoError(t, os.WriteFile(f.dir+jsonl, changed, 0o600))
			require.Equal(t, Fails, f.check().Verdict, "byte %d", i)
		}
		require.NoError(t, os.WriteFile(f.dir+jsonl, text, 0o600))
		edit(f.dir+jsonl, func(s string) string { return strings.Replace(s, `_1_r1"`, `_1_r3"`, 1) })(f)
		r = f.check()
		require.NotEmpty(t, r.Findings)
		require.Equal(t, []int64{5, 8}, []int64{r.Findings[0].FirstLine, r.Findings[0].LastLine})
	}
}

// What a manifest tells of the lines of items counts only if it agrees with the rest.
func TestPlacesThatAreWrong(t *testing.T) {
	t.Parallel()
	good := entry{items: 3, lines: 4, told: [][2]int{{1, 2}, {2, 1}}, positions: [][2]int{{0, 0}, {5, 6}}}
	require.Equal(t, []int{0, 0, 5, 6}, good.places())
	for name, change := range map[string]func(e *entry){
		"absent":              func(e *entry) { e.told = nil },
		"too few items":       func(e *entry) { e.told = [][2]int{{2, 2}} },
		"too many items":      func(e *entry) { e.told = [][2]int{{1 << 40, 0}, {2, 2}} },
		"other lines":         func(e *entry) { e.lines = 5 },
		"negative":            func(e *entry) { e.told = [][2]int{{1, -1}, {1, 4}, {1, 1}} },
		"none of an item":     func(e *entry) { e.told = [][2]int{{0, 1}, {1, 2}, {2, 1}} },
		"too few positions":   func(e *entry) { e.positions = [][2]int{{0, 1}} },
		"too many positions":  func(e *entry) { e.positions = [][2]int{{0, 1 << 40}} },
		"positions backwards": func(e *entry) { e.positions = [][2]int{{5, 6}, {0, 0}} },
	} {
		e := good
		change(&e)
		require.Nil(t, e.places(), name)
	}
}
