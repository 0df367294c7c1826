package infratest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ExerciseLease runs the rules of a lease that several masters compete for, on
// an empty store. pass lets the given time go by for the store.
func ExerciseLease(t *testing.T, s Store, pass func(time.Duration)) {
	t.Helper()
	ctx := context.Background()
	const ttl = 200 * time.Millisecond
	refused := func(holder string) {
		t.Helper()
		_, ok, err := s.Acquire(ctx, holder, ttl)
		require.NoError(t, err)
		require.False(t, ok, "%s took a lease that runs", holder)
	}
	a, ok, err := s.Acquire(ctx, "a", time.Hour)
	require.NoError(t, err)
	require.True(t, ok)
	refused("b")

	require.NoError(t, s.Release(ctx, a))
	_, err = s.Renew(ctx, a, ttl)
	requireFenced(t, err, "renew after release")
	b, ok, err := s.Acquire(ctx, "b", time.Hour)
	require.NoError(t, err)
	require.True(t, ok, "a released lease is free")
	require.NoError(t, s.Release(ctx, a))
	refused("a")

	_, err = s.Renew(ctx, b, ttl) // from now on it may end
	require.NoError(t, err)
	pass(2 * ttl)
	_, err = s.Renew(ctx, b, ttl)
	requireFenced(t, err, "renew of an ended lease")
	commit(t, s, b, values(1, "x", "n", "1")) // nobody else led meanwhile
	c, ok, err := s.Acquire(ctx, "c", time.Hour)
	require.NoError(t, err)
	require.True(t, ok, "an ended lease is free")
	require.Equal(t, b.Number+1, c.Number, "a refused acquire does not raise the term")
	requireFenced(t, s.Commit(ctx, b, values(2, "y", "n", "2")), "commit after another took over")
	commit(t, s, c, values(2, "z", "n", "3"))
}
