package infratest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"kafka-master/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemoryStore(t *testing.T) {
	ExerciseStore(t, func(*testing.T) Store { return NewMemoryStore() })
}

func TestMemoryLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ExerciseLease(t, NewMemoryStore(), time.Sleep) // bubble time
	})
}

func TestMemoryEmptied(t *testing.T) { ExerciseEmptied(t, NewMemoryStore()) }

func TestMemoryRestoring(t *testing.T) {
	s := NewMemoryStore()
	s.SlowRestore(20 * time.Millisecond)
	ExerciseRestoring(t, s, s, 10)
}

func TestMemoryPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ExercisePresence(t, NewMemoryStore(), time.Sleep) // bubble time
	})
}

func TestFaultyStoreWithoutFaults(t *testing.T) {
	ExerciseStore(t, func(*testing.T) Store { return NewFaultyStore(NewMemoryStore()) })
}

func TestFaults(t *testing.T) {
	ctx := context.Background()
	away := errors.New("away")
	s := NewFaultyStore(NewMemoryStore())
	term := lead(t, s, "a")

	s.FailNext(away)
	s.LoseNextAnswer(away)
	s.FenceNext()
	require.ErrorIs(t, s.Commit(ctx, term, values(1, "x", "n", "1")), away)
	require.Empty(t, s.Committed())
	require.ErrorIs(t, s.Commit(ctx, term, values(1, "x", "n", "1")), away)
	require.Len(t, s.Committed(), 1)
	requireFenced(t, s.Commit(ctx, term, values(1, "x", "n", "1")), "fence")
	commit(t, s, term, values(1, "x", "n", "1"))
	require.Len(t, s.Committed(), 1, "a repeat is no second batch")

	s.SetDown(away)
	require.ErrorIs(t, s.Commit(ctx, term, values(2, "y", "n", "1")), away)
	_, err := s.Load(ctx, term)
	require.ErrorIs(t, err, away)
	_, err = s.Renew(ctx, term, time.Second)
	require.ErrorIs(t, err, away)
	_, err = s.Acquire(ctx, claim("b"), time.Second)
	require.ErrorIs(t, err, away)
	s.SetDown(nil)
	commit(t, s, term, values(2, "y", "n", "1"))
}

func TestBlockNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewFaultyStore(NewMemoryStore())
		term := lead(t, s, "a")
		release := s.BlockNext()
		done := make(chan error, 1)
		go func() { done <- s.Commit(t.Context(), term, values(1, "x", "n", "1")) }()
		synctest.Wait()
		require.Empty(t, s.Committed())
		release()
		release()
		require.NoError(t, <-done)

		s.BlockNext()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, s.Commit(ctx, term, values(2, "y", "n", "1")), context.DeadlineExceeded)
		require.Len(t, s.Committed(), 1)
	})
}

func TestWipe(t *testing.T) {
	s := NewMemoryStore()
	term := lead(t, s, "a")
	commit(t, s, term, ExampleBatch(1))
	require.Len(t, s.Snapshot().Files, 2)
	s.Wipe()
	requireFenced(t, s.Commit(context.Background(), term, values(2, "y", "n", "1")), "commit on an emptied store")
	require.Equal(t, messages.Snapshot{Values: map[string]string{}}, s.Snapshot())
}
