package messages

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawForPeople draws what people need to know of a chunk.
func drawForPeople(t *rapid.T, c *OpenChunk) {
	c.FirstItem = rapid.String().Draw(t, "first item")
	for range rapid.IntRange(0, MaxFailedBy).Draw(t, "failed by") {
		c.FailedBy = append(c.FailedBy, WorkerID(rapid.String().Draw(t, "worker")))
	}
	if ms := rapid.Int64Range(0, 1<<45).Draw(t, "ended at"); ms > 0 {
		c.EndedAt = time.UnixMilli(ms).UTC()
	}
	c.Discarded = rapid.Bool().Draw(t, "discarded")
	if c.hasFailed() {
		c.FailedItems, c.FailedRanges = rapid.Int64Range(0, 1<<40).Draw(t, "failed items"), drawRanges(t, rapid.IntRange(0, 5).Draw(t, "ranges"))
	}
}

func TestFirstItem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "a": "a", "a\nb\n": "a", "a\r\nb": "a", "\xff\x00x\n": "\uFFFD x",
		strings.Repeat("x", 1<<20): strings.Repeat("x", MaxFirstItem),
		strings.Repeat("ü", 1<<20): strings.Repeat("ü", MaxFirstItem/2),
	} {
		require.Equal(t, want, FirstItem([]byte(text)))
	}
}

// A record of people's data is bounded, whatever a worker reports.
func TestBadListOfWorkersIsRefused(t *testing.T) {
	t.Parallel()
	c := OpenChunk{FailedBy: make([]WorkerID, MaxFailedBy+1)}
	_, err := DecodeOpenChunk(ChunkID{}, c.EncodeRecord())
	require.ErrorIs(t, err, ErrBadRecord)
}

func TestWorkersOfALetter(t *testing.T) {
	t.Parallel()
	require.Empty(t, (&Letter{}).Workers())
	l := &Letter{OpenChunk: OpenChunk{Worker: "last"}}
	require.Equal(t, []WorkerID{"last"}, l.Workers())
	l.FailedBy = []WorkerID{"a", "b"}
	require.Equal(t, []WorkerID{"a", "b"}, l.Workers())
}

// drawRanges draws n ascending ranges.
func drawRanges(t *rapid.T, n int) (out []ItemRange) {
	next := int32(0)
	for range n {
		first := next + rapid.Int32Range(0, 50).Draw(t, "gap")
		last := first + rapid.Int32Range(0, 20).Draw(t, "length")
		out, next = append(out, ItemRange{first, last}), last+1
	}
	return out
}

// Items that are picked from ranges, and their text, are those that a naive count finds.
func TestPickedItems(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ranges := drawRanges(t, rapid.IntRange(0, 6).Draw(t, "ranges"))
		var all []int
		var text, want []byte
		for _, r := range ranges {
			for i := r.First; i <= r.Last; i++ {
				all = append(all, int(i))
			}
		}
		for n := range 400 {
			line := append(strconv.AppendInt(nil, int64(n), 10), '\n')
			if n == 399 {
				line = line[:3]
			}
			if text = append(text, line...); slices.Contains(all, n) {
				want = append(want, line...)
			}
		}
		require.Equal(t, string(want), string(PickItems(text, ranges)))
		var picked, numbers []int
		for i, n := range all {
			if rapid.Bool().Draw(t, "pick") {
				picked, numbers = append(picked, i), append(numbers, n)
			}
		}
		var flat []int
		for _, r := range PickRanges(ranges, ItemRanges(picked)) {
			for i := r.First; i <= r.Last; i++ {
				flat = append(flat, int(i))
			}
		}
		require.Equal(t, numbers, flat)
	})
}

// A retry names the items that it has, and both decoders read that.
func TestRetryMessage(t *testing.T) {
	t.Parallel()
	h := ChunkHeader{Worker: "w", BatchID: "a_chunk_4_r2", File: "a.txt", FirstLine: 3, Retry: 2, Positions: []ItemRange{{3, 3}, {10, 11}}}
	text := AppendChunk(nil, h, []byte("x\ny\nz\n"))
	require.Contains(t, string(text), `"retry":2,"positions":[[3,3],[10,11]],"data":["x","y","z"]`)
	fast, ok := scanChunk(text)
	require.True(t, ok)
	var slow ChunkMessage
	require.NoError(t, json.Unmarshal(text, &slow))
	require.Equal(t, slow, fast)
	require.Equal(t, h.Positions, PositionsOf(fast.Positions, 3))
	for _, bad := range [][][2]int64{{{3, 3}}, {{3, 6}}, {{3, 3}, {3, 4}}, {{4, 3}, {5, 8}}, {{-2, 0}}, {{1 << 40, 1<<40 + 2}}} {
		require.Nil(t, PositionsOf(bad, 3), bad)
	}
}
