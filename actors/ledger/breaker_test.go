package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

var noon = time.Unix(1e9, 0)

func chunkNo(i int) messages.ChunkID { return messages.ChunkID{File: 1, Index: i} }

// Three different chunks in a row, with none done, and others there that do not fail.
func TestBreakerTripsForTheWorkerAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		others, chunks int
		doneFirst      bool
		trips          bool
	}{
		"others are there": {others: 1, chunks: 3, trips: true},
		"too few chunks":   {others: 1, chunks: 2},
		"it is alone":      {others: 0, chunks: 9},
		"it has done one":  {others: 1, chunks: 9, doneFirst: true},
	} {
		b := newBreaker()
		if c.doneFirst {
			b.done("w")
		}
		var trip *Pause
		for i := range c.chunks {
			b.failed("w", chunkNo(i), c.others, "exit status 1", noon) // the same chunk again changes nothing
			trip, _ = b.failed("w", chunkNo(i), c.others, "exit status 1", noon)
			if trip != nil {
				break
			}
		}
		require.Equal(t, c.trips, b.paused("w", 0, noon), name)
		if c.trips {
			require.Equal(t, regardNone, b.judge("w", c.others))
		}
	}
}

func TestBreakerPardonsWhatWasBooked(t *testing.T) {
	t.Parallel()
	b := newBreaker()
	for i := range 2 {
		trip, _ := b.failed("w", chunkNo(i), 1, "x", noon)
		require.Nil(t, trip)
	}
	trip, _ := b.failed("w", chunkNo(2), 1, "x", noon)
	require.Equal(t, []messages.ChunkID{chunkNo(0), chunkNo(1), chunkNo(2)}, trip.pardons)
	require.Contains(t, trip.Reason, "x")
}

// The pause grows, is followed by one chunk, and ends with the first that is done.
func TestBreakerPauses(t *testing.T) {
	t.Parallel()
	b, now := newBreaker(), noon
	for i := range failedInARow {
		b.failed("w", chunkNo(i), 1, "x", now)
	}
	for _, d := range []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 16 * time.Second} {
		require.True(t, b.paused("w", 0, now.Add(d-1)))
		require.Empty(t, b.due(now.Add(d-1)))
		now = now.Add(d)
		require.Equal(t, []messages.WorkerID{"w"}, b.due(now))
		require.False(t, b.paused("w", 0, now), "one chunk to try itself")
		require.True(t, b.paused("w", 1, now.Add(tryFor-1)), "and no second one")
		require.False(t, b.paused("w", 1, now.Add(tryFor)), "unless it works on it")
		trip, _ := b.failed("w", chunkNo(9), 1, "x", now)
		require.Empty(t, trip.pardons, "it was not booked")
	}
	require.True(t, b.done("w"))
	require.False(t, b.paused("w", 5, now))
	require.Equal(t, regardFull, b.judge("w", 1), "it has done one: now it may be the chunk")
}

// When all workers fail, the chunks are the cause, and no worker is paused.
func TestBreakerWhenEverybodyFails(t *testing.T) {
	t.Parallel()
	b := newBreaker()
	fail := func(w messages.WorkerID, others int) (everybody bool) {
		for i := range failedInARow {
			_, everybody = b.failed(w, chunkNo(i), others, "x", noon)
		}
		return everybody
	}
	require.False(t, fail("a", 2))
	require.False(t, fail("b", 2))
	require.True(t, fail("c", 2))
	require.ElementsMatch(t, []messages.WorkerID{"a", "b"}, b.release())
	for _, w := range []messages.WorkerID{"a", "b", "c"} {
		require.False(t, b.paused(w, 0, noon))
		require.Equal(t, regardFull, b.judge(w, 2))
	}
	require.Equal(t, regardDoubt, b.judge("a", 3), "a new worker is there")
	trip, _ := b.failed("a", chunkNo(5), 3, "x", noon)
	require.NotNil(t, trip)
	b.setTaking("b", false)
	require.Equal(t, 1, b.healthy("a", 2), "who takes nothing is no sign")
	b.forget("b")
	b.forget("c")
	b.forget("a")
	require.Zero(t, b.failing)
}

func TestBreakerOfAWorkerThatGivesEverythingBack(t *testing.T) {
	t.Parallel()
	b := newBreaker()
	b.done("w")
	for range retriedInARow - 1 {
		require.Nil(t, b.putOff("w", "disk full", noon))
	}
	require.NotNil(t, b.putOff("w", "disk full", noon), "also when it is alone, and has worked before")
	_, _ = b.failed("w", chunkNo(1), 0, "x", noon)
	require.False(t, b.paused("w", 9, noon), "it fails now, and no other worker is there: that counts")
}
