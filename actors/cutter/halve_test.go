package cutter

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"kafka-master/messages"
)

// Halves follow one another, hold what the chunk held, and can be cut again like any chunk.
func TestHalvesCoverTheirChunk(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tokens := rapid.SliceOf(rapid.SampledFrom([]string{"a", "bc", "\n", "\r\n", "\n\n", " \n", "\xEF\xBB\xBF", "\xff"})).Draw(t, "text")
		data := []byte(strings.Join(tokens, ""))
		cuts, _ := naive(data, rapid.IntRange(2, 9).Draw(t, "batch"))
		for _, whole := range cuts {
			halveAll(t, data, whole)
		}
	})
}

// halveAll halves a chunk until single items are left.
func halveAll(t *rapid.T, data []byte, c Cut) {
	if c.Items < 2 {
		return
	}
	halves, err := Halve(c.Chunk, feeder(data, c.Chunk))
	require.NoError(t, err)
	a, b := halves[0], halves[1]
	require.Equal(t, c.Offset, a.Offset)
	require.Equal(t, a.End(), b.Offset)
	require.Equal(t, c.End(), b.End())
	require.Equal(t, c.FirstLine, a.FirstLine)
	require.Equal(t, a.FirstLine+a.Lines, b.FirstLine)
	require.Equal(t, c.Items, a.Items+b.Items)
	require.Contains(t, []int{0, 1}, a.Items-b.Items)
	require.Equal(t, string(c.Text), string(a.Text)+string(b.Text))
	for i := range c.Items {
		half, n := a, int64(i)
		if i >= a.Items {
			half, n = b, int64(i-a.Items)
		}
		require.Equal(t, c.FirstLine+int64(i)+messages.BlankBefore(c.Gaps, int64(i)), half.FirstLine+n+messages.BlankBefore(half.Gaps, n))
	}
	for _, half := range halves {
		of, ok := half.ID.Halved()
		require.True(t, ok)
		require.Equal(t, c.ID, of)
		again, err := Recut(half.Chunk, feeder(data, half.Chunk))
		require.NoError(t, err)
		require.Equal(t, half, again)
		halveAll(t, data, half)
	}
}

func TestHalvesOfOtherBytes(t *testing.T) {
	t.Parallel()
	data := []byte("a\n\nb\nc\n")
	cuts, _ := naive(data, 3)
	whole := cuts[0].Chunk
	for name, other := range map[string][]byte{
		"another item": []byte("a\n\nx\nc\n"), "a blank line less": []byte("a\nbb\nc\n"), "fewer items": []byte("a\n\nb\n  \n"), "more items": []byte("a\nb\nc\nd"),
	} {
		_, err := Halve(whole, feeder(other, whole))
		require.ErrorIs(t, err, ErrOtherBytes, name)
	}
	_, err := Halve(whole, feeder(bytes.Clone(data), whole))
	require.NoError(t, err)
	away := errors.New("away")
	_, err = Halve(whole, func(func([]byte) error) error { return away })
	require.ErrorIs(t, err, away)
	one := messages.Chunk{Offset: 0, Length: 2, FirstLine: 1, Lines: 1, Items: 1}
	_, err = Halve(one, feeder(data, one))
	require.ErrorIs(t, err, ErrOtherBytes, "an item is not divided")
}
