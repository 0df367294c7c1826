package actors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
	"kafka-master/messages"
)

// faultyStore is a store whose commits fail as told, and that remembers what
// was committed. Faults are taken in the order in which they were given, one a
// commit. Make it with newFaultyStore.
type faultyStore struct {
	infratest.Store

	mu     sync.Mutex
	holds  bool // it releases no lease
	faults []fault
	down   error
	refuse error // of a restore
	done   []messages.Batch
}

// fault decides one commit; it may call through.
type fault func(ctx context.Context, through func() error) error

// newFaultyStore returns a store that does what s does until told otherwise.
func newFaultyStore(s infratest.Store) *faultyStore { return &faultyStore{Store: s} }

// FailNext makes the next commit fail with err before it has any effect.
func (f *faultyStore) FailNext(err error) {
	f.add(func(context.Context, func() error) error { return err })
}

// LoseNextAnswer makes the next commit take effect and fail with err all the
// same, as after a time-out. When the commit itself fails, its own error is
// returned.
func (f *faultyStore) LoseNextAnswer(err error) {
	f.add(func(_ context.Context, through func() error) error {
		if own := through(); own != nil {
			return own
		}
		return err
	})
}

// FenceNext makes the next commit fail with messages.ErrFenced, as if another
// master had taken over.
func (f *faultyStore) FenceNext() { f.FailNext(fmt.Errorf("commit: %w", messages.ErrFenced)) }

// BlockNext makes the next commit wait, before it has any effect, until release
// is called or its context ends. release may be called more than once.
func (f *faultyStore) BlockNext() (release func()) {
	gate := make(chan struct{})
	f.add(func(ctx context.Context, through func() error) error {
		select {
		case <-gate:
			return through()
		case <-ctx.Done():
			return fmt.Errorf("commit: %w", ctx.Err())
		}
	})
	return sync.OnceFunc(func() { close(gate) })
}

// SetDown makes commit, load, acquire and renew fail with err until it is
// called again with nil. Faults given for single commits wait meanwhile.
func (f *faultyStore) SetDown(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = err
}

// RefuseRestore makes every restore fail with err until it is called with nil.
func (f *faultyStore) RefuseRestore(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = err
}

// IgnoreRelease makes the store fail to release a lease, which then expires by itself.
func (f *faultyStore) IgnoreRelease() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.holds = true
}

// Release is that of the store.
func (f *faultyStore) Release(ctx context.Context, term messages.Term) error {
	f.mu.Lock()
	holds := f.holds
	f.mu.Unlock()
	if holds {
		return errors.New("no answer")
	}
	return f.Store.Release(ctx, term)
}

// Restore is that of the store; it fails while it is refused or the store is down.
func (f *faultyStore) Restore(ctx context.Context, last messages.Term, snap messages.Snapshot) error {
	f.mu.Lock()
	err := cmp.Or(f.refuse, f.down)
	f.mu.Unlock()
	if err != nil {
		return err
	}
	return f.Store.Restore(ctx, last, snap)
}

// Values returns stored values of a store that can tell them.
func (f *faultyStore) Values(ctx context.Context, names ...string) (map[string]string, error) {
	if err := f.isDown(); err != nil {
		return nil, err
	}
	s, ok := f.Store.(interface {
		Values(ctx context.Context, names ...string) (map[string]string, error)
	})
	if !ok {
		return nil, nil
	}
	return s.Values(ctx, names...)
}

// Committed returns the batches that took effect, in order.
func (f *faultyStore) Committed() []messages.Batch {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clip(f.done)
}

func (f *faultyStore) add(x fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, x)
}

func (f *faultyStore) isDown() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.down
}

// Commit is that of the store, with the faults.
func (f *faultyStore) Commit(ctx context.Context, term messages.Term, b messages.Batch) error {
	if err := f.isDown(); err != nil {
		return err
	}
	through := func() error {
		err := f.Store.Commit(ctx, term, b)
		if err == nil {
			f.note(b)
		}
		return err
	}
	f.mu.Lock()
	if len(f.faults) == 0 {
		f.mu.Unlock()
		return through()
	}
	next := f.faults[0]
	f.faults = f.faults[1:]
	f.mu.Unlock()
	return next(ctx, through)
}

// note remembers the batch unless it was a repeat of the last one.
func (f *faultyStore) note(b messages.Batch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.done); n > 0 && f.done[n-1].Number == b.Number && f.done[n-1].ID == b.ID {
		return
	}
	f.done = append(f.done, b)
}

// Load is that of the store; it fails while the store is down.
func (f *faultyStore) Load(ctx context.Context, term messages.Term) (messages.Snapshot, error) {
	if err := f.isDown(); err != nil {
		return messages.Snapshot{}, err
	}
	return f.Store.Load(ctx, term)
}

// Acquire is that of the store; it fails while the store is down.
func (f *faultyStore) Acquire(ctx context.Context, c messages.Claim, ttl time.Duration) (messages.LeaseState, error) {
	if err := f.isDown(); err != nil {
		return messages.LeaseState{}, err
	}
	return f.Store.Acquire(ctx, c, ttl)
}

// Renew is that of the store; it fails while the store is down.
func (f *faultyStore) Renew(ctx context.Context, term messages.Term, ttl time.Duration) (uint64, error) {
	if err := f.isDown(); err != nil {
		return 0, err
	}
	return f.Store.Renew(ctx, term, ttl)
}

func takeLease(t *testing.T, s *faultyStore) messages.Term {
	t.Helper()
	got, err := s.Acquire(context.Background(), messages.Claim{Holder: "a", Init: true}, time.Hour)
	require.NoError(t, err)
	require.True(t, got.Taken)
	return got.Term
}

func oneValue(number uint64, id string) messages.Batch {
	return messages.Batch{Number: number, ID: id, Values: []messages.Value{{Name: "n", Value: "1"}}}
}

func TestFaultyStoreWithoutFaults(t *testing.T) {
	infratest.ExerciseStore(t, func(*testing.T) infratest.Store { return newFaultyStore(infratest.NewMemoryStore()) })
}

func TestFaults(t *testing.T) {
	ctx := context.Background()
	away := errors.New("away")
	s := newFaultyStore(infratest.NewMemoryStore())
	term := takeLease(t, s)

	s.FailNext(away)
	s.LoseNextAnswer(away)
	s.FenceNext()
	require.ErrorIs(t, s.Commit(ctx, term, oneValue(1, "x")), away)
	require.Empty(t, s.Committed())
	require.ErrorIs(t, s.Commit(ctx, term, oneValue(1, "x")), away)
	require.Len(t, s.Committed(), 1)
	require.ErrorIs(t, s.Commit(ctx, term, oneValue(1, "x")), messages.ErrFenced)
	require.NoError(t, s.Commit(ctx, term, oneValue(1, "x")))
	require.Len(t, s.Committed(), 1, "a repeat is no second batch")

	s.SetDown(away)
	require.ErrorIs(t, s.Commit(ctx, term, oneValue(2, "y")), away)
	_, err := s.Load(ctx, term)
	require.ErrorIs(t, err, away)
	_, err = s.Renew(ctx, term, time.Second)
	require.ErrorIs(t, err, away)
	_, err = s.Acquire(ctx, messages.Claim{Holder: "b"}, time.Second)
	require.ErrorIs(t, err, away)
	s.SetDown(nil)
	require.NoError(t, s.Commit(ctx, term, oneValue(2, "y")))
}

func TestBlockNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFaultyStore(infratest.NewMemoryStore())
		term := takeLease(t, s)
		release := s.BlockNext()
		done := make(chan error, 1)
		go func() { done <- s.Commit(t.Context(), term, oneValue(1, "x")) }()
		synctest.Wait()
		require.Empty(t, s.Committed())
		release()
		release()
		require.NoError(t, <-done)

		s.BlockNext()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, s.Commit(ctx, term, oneValue(2, "y")), context.DeadlineExceeded)
		require.Len(t, s.Committed(), 1)
	})
}
