package messages

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// gapsIn counts the blank lines of a text.
func gapsIn(text string) (gaps []Gap, items []string, lines int64) {
	var g Gaps
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			g.Add(len(items))
		} else {
			items = append(items, line)
		}
		lines++
	}
	return g.List(), items, lines
}

// What a message tells of blank lines is what was counted, for all items and for some, and
// both decoders read it.
func TestGapsInMessages(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := "x\n" + strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"a\n", "\n", " \n"})).Draw(t, "text"), "")
		gaps, items, lines := gapsIn(text)
		h := ChunkHeader{Worker: "w", BatchID: "a_chunk_4", File: "a.txt", FirstLine: 3, Gaps: gaps}
		if len(gaps) > 0 {
			h.Lines = lines
		}
		value := AppendChunk(nil, h, []byte(strings.Join(items, "\n")))
		fast, ok := scanChunk(value)
		require.True(t, ok)
		var slow ChunkMessage
		require.NoError(t, json.Unmarshal(value, &slow))
		require.Equal(t, slow, fast)
		require.Equal(t, gaps, GapsOf(fast.Gaps, fast.Lines, nil, len(items)))
		last := int32(len(items) - 1)
		require.Equal(t, gaps, GapsOf(fast.Gaps, fast.Lines, []ItemRange{{last, last}}, 1))
		all, n := strings.Split(text, "\n"), int64(0)
		for i, line := range all {
			if strings.TrimSpace(line) != "" {
				require.EqualValues(t, i, n+BlankBefore(gaps, n))
				n++
			}
		}
	})
}

// Pairs that do not fit the message mean nothing.
func TestBadGaps(t *testing.T) {
	t.Parallel()
	require.Equal(t, []Gap{{1, 2}}, GapsOf([][2]int64{{1, 2}}, 5, nil, 3))
	require.Equal(t, []Gap{{3, 2}}, GapsOf([][2]int64{{3, 2}}, 5, nil, 3), "behind the last item")
	many := make([][2]int64, MaxGaps+1)
	for i := range many {
		many[i] = [2]int64{int64(i), 1}
	}
	require.Len(t, GapsOf(many[:MaxGaps], 2*MaxGaps, nil, MaxGaps), MaxGaps)
	for name, bad := range map[string]struct {
		pairs     [][2]int64
		lines     int64
		positions []ItemRange
		n         int
	}{
		"none": {nil, 5, nil, 3}, "empty": {[][2]int64{}, 5, nil, 3}, "no lines": {[][2]int64{{1, 2}}, 0, nil, 3}, "negative lines": {[][2]int64{{1, 2}}, -5, nil, 3},
		"not the number of lines": {[][2]int64{{1, 1}}, 5, nil, 3}, "only blank lines": {[][2]int64{{0, 5}}, 5, nil, 0}, "an empty gap": {[][2]int64{{1, 0}, {2, 2}}, 5, nil, 3},
		"a negative gap": {[][2]int64{{1, -1}, {2, 3}}, 5, nil, 3}, "a negative item": {[][2]int64{{-1, 2}}, 5, nil, 3}, "an item beyond the end": {[][2]int64{{4, 2}}, 5, nil, 3},
		"not ascending": {[][2]int64{{2, 1}, {1, 1}}, 5, nil, 3}, "twice": {[][2]int64{{1, 1}, {1, 1}}, 5, nil, 3}, "an overflow": {[][2]int64{{0, math.MaxInt64}, {1, math.MaxInt64}}, 5, nil, 3},
		"a giant item": {[][2]int64{{math.MaxInt32 + 1, 2}}, math.MaxInt64, []ItemRange{{0, 0}}, 1}, "too many": {many, 2*MaxGaps + 2, nil, MaxGaps + 1},
		"an item of a retry beyond the end": {[][2]int64{{1, 2}}, 5, []ItemRange{{0, 0}, {3, 3}}, 2},
	} {
		require.Nil(t, GapsOf(bad.pairs, bad.lines, bad.positions, bad.n), name)
	}
}

// Whatever a message tells, the lines that follow from it lie in its range, in order.
func FuzzGapsOf(f *testing.F) {
	f.Add([]byte(`[[0,1],[3,2]]`), int64(9), 6)
	f.Add([]byte(`[[9223372036854775807,9223372036854775807]]`), int64(math.MaxInt64), 1)
	f.Fuzz(func(t *testing.T, text []byte, lines int64, n int) {
		var pairs [][2]int64
		if json.Unmarshal(text, &pairs) != nil || n < 0 || n > 1000 {
			return
		}
		gaps := GapsOf(pairs, lines, nil, n)
		if gaps == nil {
			return
		}
		before := int64(-1)
		for i := range int64(n) {
			at := i + BlankBefore(gaps, i)
			require.Greater(t, at, before)
			require.Less(t, at, lines)
			before = at
		}
	})
}
