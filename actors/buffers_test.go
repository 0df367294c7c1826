package actors

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestBuffersHaveRoom(t *testing.T) {
	t.Parallel()
	require.Equal(t, classCount-1, sizeClass(maxBuffer))
	rapid.Check(t, func(t *rapid.T) {
		b := &buffers{spoil: true}
		n := rapid.IntRange(0, maxBuffer+10).Draw(t, "size")
		p := b.get(n)
		require.Empty(t, p)
		require.GreaterOrEqual(t, cap(p), n)
		require.LessOrEqual(t, cap(p), max(minBuffer, n+n/sizeSteps))
		b.put(p)
		b.put(make([]byte, rapid.IntRange(0, maxBuffer+10).Draw(t, "other")))
		require.GreaterOrEqual(t, cap(b.get(n)), n)
	})
}

func TestBuffersAreSpoiled(t *testing.T) {
	t.Parallel()
	b := &buffers{spoil: true}
	p := append(b.get(4000), bytes.Repeat([]byte("a"), 4000)...)
	b.put(p)
	require.Equal(t, bytes.Repeat([]byte{0xDB}, 4000), p)
	var none *buffers
	p = append(none.get(10), "a"...)
	none.put(p)
	require.Equal(t, "a", string(p), "without buffers all memory is new")
}
