package infratest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// Store is the two ports of a state store, as the actors see them: the state
// itself and the lease that is kept beside it.
type Store interface {
	Load(ctx context.Context, term messages.Term) (messages.Snapshot, error)
	Commit(ctx context.Context, term messages.Term, b messages.Batch) error
	Restore(ctx context.Context, last messages.Term, snap messages.Snapshot) error
	Journal(ctx context.Context, file messages.FileID, limit int) ([]messages.Attempt, error)

	Acquire(ctx context.Context, c messages.Claim, ttl time.Duration) (messages.LeaseState, error)
	Renew(ctx context.Context, term messages.Term, ttl time.Duration) (number uint64, err error)
	Release(ctx context.Context, term messages.Term) error
	Present(ctx context.Context, master, process string, ttl time.Duration) (mine bool, err error)
}

// leaseTTL is long enough never to end within a test.
const leaseTTL = time.Hour

// ExerciseStore runs the rules that every store has to keep. open returns an
// empty store each time that it is called, and closes it by t.Cleanup.
func ExerciseStore(t *testing.T, open func(t *testing.T) Store) {
	t.Helper()
	for name, exercise := range map[string]func(*testing.T, Store){
		"empty":                      exerciseEmpty,
		"every record comes back":    exerciseRoundTrip,
		"put then drop":              exerciseDrop,
		"put and drop in one batch":  exercisePutDrop,
		"repeat has no effect":       exerciseRepeat,
		"wrong number or id":         exerciseWrongNumber,
		"old term":                   exerciseOldTerm,
		"two holders of one number":  exerciseTwoHolders,
		"no term before acquire":     exerciseNoTerm,
		"refused batch has no trace": exerciseRefusedWhole,
		"renew returns the number":   exerciseRenew,
		"release keeps the term":     exerciseRelease,
		"journal":                    exerciseJournal,
		"journal cap":                exerciseJournalCap,
		"large batch":                exerciseLarge,
		"ended context":              exerciseContext,
		"parallel commits":           exerciseParallel,
	} {
		t.Run(name, func(t *testing.T) { exercise(t, open(t)) })
	}
	t.Run("random batches", func(t *testing.T) { exerciseRandom(t, open(t)) })
}

// claim is that of a holder, who may begin a state.
func claim(holder string) messages.Claim {
	return messages.Claim{Holder: holder, Init: true, Leader: messages.Leader{MasterID: "m-" + holder, API: holder + ":1"}}
}

// lead makes holder the leader.
func lead(t require.TestingT, s Store, holder string) messages.Term {
	got, err := s.Acquire(context.Background(), claim(holder), leaseTTL)
	require.NoError(t, err)
	require.True(t, got.Taken, "%s does not get the lease", holder)
	require.Equal(t, holder, got.Term.Holder)
	require.Equal(t, claim(holder).Leader, got.Leader)
	return got.Term
}

// succeed lets holder take over from the leader of term.
func succeed(t require.TestingT, s Store, term messages.Term, holder string) messages.Term {
	require.NoError(t, s.Release(context.Background(), term))
	next := lead(t, s, holder)
	require.Equal(t, term.Number+1, next.Number, "a new leader raises the term by one")
	return next
}

func commit(t require.TestingT, s Store, term messages.Term, b messages.Batch) {
	require.NoError(t, s.Commit(context.Background(), term, b))
}

func load(t require.TestingT, s Store, term messages.Term) messages.Snapshot {
	snap, err := s.Load(context.Background(), term)
	require.NoError(t, err)
	return snap
}

func requireFenced(t require.TestingT, err error, what string) {
	require.Truef(t, errors.Is(err, messages.ErrFenced), "%s: got %v, want ErrFenced", what, err)
}

// values returns a batch that writes one value.
func values(number uint64, id, name, value string) messages.Batch {
	return messages.Batch{Number: number, ID: id, Values: []messages.Value{{Name: name, Value: value}}}
}

func exerciseEmpty(t *testing.T, s Store) {
	term := lead(t, s, "a")
	require.Equal(t, uint64(1), term.Number)
	require.Equal(t, messages.Snapshot{Values: map[string]string{}}, load(t, s, term))
	list, err := s.Journal(context.Background(), 1, 10)
	require.NoError(t, err)
	require.Empty(t, list)
}

func exerciseNoTerm(t *testing.T, s Store) {
	ctx := context.Background()
	for _, term := range []messages.Term{{}, {Number: 1, Holder: "a"}} {
		_, err := s.Load(ctx, term)
		requireFenced(t, err, "load")
		_, err = s.Renew(ctx, term, leaseTTL)
		requireFenced(t, err, "renew")
		requireFenced(t, s.Commit(ctx, term, values(1, "x", "n", "v")), "commit")
		require.NoError(t, s.Release(ctx, term))
	}
	require.Zero(t, load(t, s, lead(t, s, "a")).Number)
}

func exerciseOldTerm(t *testing.T, s Store) {
	ctx := context.Background()
	old := lead(t, s, "a")
	commit(t, s, old, values(1, "x", "n", "1"))
	term := succeed(t, s, old, "b")
	requireFenced(t, s.Commit(ctx, old, values(2, "y", "n", "2")), "commit of an old term")
	requireFenced(t, s.Commit(ctx, old, values(1, "x", "n", "1")), "repeat in an old term")
	_, err := s.Load(ctx, old)
	requireFenced(t, err, "load of an old term")
	_, err = s.Renew(ctx, old, leaseTTL)
	requireFenced(t, err, "renew of an old term")
	require.NoError(t, s.Release(ctx, old), "releasing a lost lease")
	commit(t, s, term, values(2, "y", "n", "3"))
	_, err = s.Renew(ctx, term, leaseTTL)
	require.NoError(t, err, "the late release of a took the lease of b")
	require.Equal(t, "3", load(t, s, term).Values["n"])

	again := lead(t, s, "b")
	require.Equal(t, term.Number+1, again.Number, "the same holder raises the term too")
	requireFenced(t, s.Commit(ctx, term, values(3, "z", "n", "4")), "commit of the same holder's old term")
	commit(t, s, again, values(3, "z", "n", "4"))
}

func exerciseTwoHolders(t *testing.T, s Store) {
	ctx := context.Background()
	term := lead(t, s, "a")
	twin := messages.Term{Number: term.Number, Holder: "b"}
	requireFenced(t, s.Commit(ctx, twin, values(1, "x", "n", "1")), "commit of a twin")
	_, err := s.Load(ctx, twin)
	requireFenced(t, err, "load of a twin")
	_, err = s.Renew(ctx, twin, leaseTTL)
	requireFenced(t, err, "renew of a twin")
	require.NoError(t, s.Release(ctx, twin))
	ahead := messages.Term{Number: term.Number + 1, Holder: "a"}
	requireFenced(t, s.Commit(ctx, ahead, values(1, "x", "n", "1")), "commit of a term to come")
	_, err = s.Renew(ctx, term, leaseTTL)
	require.NoError(t, err)
}

func exerciseRenew(t *testing.T, s Store) {
	term := lead(t, s, "a")
	for number := range uint64(3) {
		got, err := s.Renew(context.Background(), term, leaseTTL)
		require.NoError(t, err)
		require.Equal(t, number, got)
		commit(t, s, term, values(number+1, "x", "n", "v"))
	}
}

func exerciseRelease(t *testing.T, s Store) {
	term := lead(t, s, "a")
	commit(t, s, term, values(1, "x", "n", "1"))
	require.NoError(t, s.Release(context.Background(), term))
	commit(t, s, term, values(2, "y", "n", "2")) // a drain may end after it
	require.NoError(t, s.Release(context.Background(), term))
	next := succeed(t, s, term, "b")
	require.Equal(t, "2", load(t, s, next).Values["n"])
}

func exerciseContext(t *testing.T, s Store) {
	term := lead(t, s, "a")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := s.Commit(ctx, term, values(1, "x", "n", "1"))
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, messages.ErrFenced)
	_, err = s.Load(ctx, term)
	require.ErrorIs(t, err, context.Canceled)
	commit(t, s, term, values(1, "x", "n", "1")) // the repeat decides
	require.Equal(t, uint64(1), load(t, s, term).Number)
}
