package infratest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// ExerciseLease runs the rules of a lease that several masters compete for, on
// an empty store. pass lets the given time go by for the store.
func ExerciseLease(t *testing.T, s Store, pass func(time.Duration)) {
	t.Helper()
	ctx := context.Background()
	const ttl = 200 * time.Millisecond
	refused := func(holder string) {
		t.Helper()
		got, err := s.Acquire(ctx, claim(holder), ttl)
		require.NoError(t, err)
		require.False(t, got.Taken, "%s took a lease that runs", holder)
		require.NotEqual(t, holder, got.Term.Holder)
		require.Equal(t, claim(got.Term.Holder).Leader, got.Leader, "who leads")
		require.InDelta(t, time.Hour, got.Remaining, float64(time.Minute), "how long the lease runs")
	}
	a := lead(t, s, "a")
	refused("b")

	require.NoError(t, s.Release(ctx, a))
	_, err := s.Renew(ctx, a, ttl)
	requireFenced(t, err, "renew after release")
	look := claim("b")
	look.Look = true
	free, err := s.Acquire(ctx, look, ttl)
	require.NoError(t, err)
	require.Equal(t, messages.LeaseState{Free: true, Term: a}, free, "who only looks does not lead")
	b := lead(t, s, "b")
	require.Equal(t, a.Number+1, b.Number, "and raises no term")
	held, err := s.Acquire(ctx, messages.Claim{Holder: "c", Look: true}, ttl)
	require.NoError(t, err)
	require.Equal(t, claim("b").Leader, held.Leader, "but sees who leads")
	require.False(t, held.Free)
	require.NoError(t, s.Release(ctx, a))
	refused("a")

	_, err = s.Renew(ctx, b, ttl) // from now on it may end
	require.NoError(t, err)
	pass(2 * ttl)
	_, err = s.Renew(ctx, b, ttl)
	requireFenced(t, err, "renew of an ended lease")
	commit(t, s, b, values(1, "x", "n", "1")) // nobody else led meanwhile
	c := lead(t, s, "c")
	require.Equal(t, b.Number+1, c.Number, "a refused acquire does not raise the term")
	requireFenced(t, s.Commit(ctx, b, values(2, "y", "n", "2")), "commit after another took over")
	commit(t, s, c, values(2, "z", "n", "3"))
}

// ExerciseEmptied runs the rules of a store that lost its state, or never had
// one: nobody leads it by accident, and the state is put back once.
func ExerciseEmptied(t *testing.T, s Store) {
	t.Helper()
	ctx := context.Background()
	lost := messages.Term{Number: 7, Holder: "old"}
	got, err := s.Acquire(ctx, messages.Claim{Holder: "a"}, leaseTTL)
	require.NoError(t, err)
	require.Equal(t, messages.LeaseState{Empty: true}, got)
	_, err = s.Renew(ctx, lost, leaseTTL)
	require.ErrorIs(t, err, messages.ErrEmpty)
	_, err = s.Load(ctx, lost)
	require.ErrorIs(t, err, messages.ErrEmpty)
	require.ErrorIs(t, s.Commit(ctx, lost, values(3, "x", "n", "1")), messages.ErrEmpty)

	snap := messages.Snapshot{Number: 41, Values: map[string]string{}}
	for _, w := range ExampleBatch(1).TableWrites() {
		for i, key := range w.Keys {
			require.NoError(t, snap.AddRecord(w.Table, key, w.Records[i]))
		}
	}
	snap.SortRecords()
	require.NoError(t, s.Restore(ctx, lost, snap))
	require.ErrorIs(t, s.Restore(ctx, lost, snap), messages.ErrFilled)
	requireFenced(t, s.Commit(ctx, lost, values(42, "x", "n", "1")), "commit of the term before")
	term, err := s.Acquire(ctx, messages.Claim{Holder: "b"}, leaseTTL)
	require.NoError(t, err)
	require.True(t, term.Taken)
	require.Equal(t, lost.Number+2, term.Term.Number)
	require.Equal(t, snap, load(t, s, term.Term))
	commit(t, s, term.Term, values(42, "x", "n", "1"))
	require.NoError(t, s.Release(ctx, term.Term))
}

// ExercisePresence runs the rules of master ids. pass lets the given time go by
// for the store.
func ExercisePresence(t *testing.T, s Store, pass func(time.Duration)) {
	t.Helper()
	const ttl = 200 * time.Millisecond
	present := func(master, process string) bool {
		t.Helper()
		mine, err := s.Present(context.Background(), master, process, ttl)
		require.NoError(t, err)
		return mine
	}
	require.True(t, present("m", "p"))
	require.True(t, present("m", "p"))
	require.False(t, present("m", "q"))
	require.True(t, present("n", "q"))
	pass(2 * ttl)
	require.True(t, present("m", "q"))
	require.False(t, present("m", "p"))
}

// ExerciseRestoring runs the rules of a state that is being put back by a, seen by b.
// hold makes the next restore of a stop in the middle.
func ExerciseRestoring(t *testing.T, a, b Store, hold func() *Pause) {
	t.Helper()
	ctx := context.Background()
	snap := messages.Snapshot{Number: 41, Values: map[string]string{}}
	for i := range 10 {
		snap.Values[fmt.Sprintf("name-%d", i)] = "value"
	}
	pause := hold()
	restored := make(chan error, 1)
	go func() { restored <- a.Restore(ctx, messages.Term{Number: 7, Holder: "old"}, snap) }()
	<-pause.Reached
	for _, begin := range []bool{false, true} {
		got, err := b.Acquire(ctx, messages.Claim{Holder: "b", Init: begin}, leaseTTL)
		require.NoError(t, err)
		require.Equal(t, messages.LeaseState{Empty: true, Restoring: true}, got)
	}
	other := messages.Snapshot{Number: 1}
	require.ErrorIs(t, b.Restore(ctx, messages.Term{Number: 8, Holder: "other"}, other), messages.ErrRestoring)
	pause.End()
	require.NoError(t, <-restored)

	require.ErrorIs(t, b.Restore(ctx, messages.Term{Number: 8, Holder: "other"}, other), messages.ErrFilled)
	got, err := b.Acquire(ctx, messages.Claim{Holder: "b"}, leaseTTL)
	require.NoError(t, err)
	require.Equal(t, messages.Term{Number: 9, Holder: "b"}, got.Term)
	require.Equal(t, snap, load(t, b, got.Term), "a state in which something is missing")
}

// Pause stops an operation of a store in the middle.
type Pause struct {
	Reached chan struct{} // closed once the operation stands
	ended   chan struct{}
}

// NewPause returns a pause that no operation has reached.
func NewPause() *Pause {
	return &Pause{Reached: make(chan struct{}), ended: make(chan struct{})}
}

// Stand is called by the operation. It returns once the pause has ended, or ctx.
func (p *Pause) Stand(ctx context.Context) {
	close(p.Reached)
	select {
	case <-p.ended:
	case <-ctx.Done():
	}
}

// End lets the operation go on.
func (p *Pause) End() { close(p.ended) }
