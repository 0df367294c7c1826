package messages

import (
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
