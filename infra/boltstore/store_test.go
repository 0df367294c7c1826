package boltstore_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"kafka-master/infra/boltstore"
	"kafka-master/infra/infratest"
	"kafka-master/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, path string) *boltstore.Store {
	t.Helper()
	s, err := boltstore.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestStore(t *testing.T) {
	infratest.ExerciseStore(t, func(t *testing.T) infratest.Store {
		return open(t, filepath.Join(t.TempDir(), "data", "state.db"))
	})
}

func lead(t testing.TB, s *boltstore.Store, holder string) messages.Term {
	t.Helper()
	got, err := s.Acquire(context.Background(), messages.Claim{Holder: holder}, time.Second)
	require.NoError(t, err)
	require.True(t, got.Taken)
	return got.Term
}

func TestStateOutlivesTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	first, err := boltstore.Open(path)
	require.NoError(t, err)
	term := lead(t, first, "a")
	batch := messages.Batch{Number: 1, ID: "x", Values: []messages.Value{{Name: "n", Value: "v"}}}
	require.NoError(t, first.Commit(context.Background(), term, batch))
	require.NoError(t, first.Close())

	second := open(t, path)
	next := lead(t, second, "b")
	require.Equal(t, term.Number+1, next.Number)
	snap, err := second.Load(context.Background(), next)
	require.NoError(t, err)
	require.Equal(t, "v", snap.Values["n"])
	require.NoError(t, second.Commit(context.Background(), next, batch), "the repeat of a batch whose answer was lost")
	require.ErrorIs(t, second.Commit(context.Background(), term, batch), messages.ErrFenced)
}

func TestLockedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	open(t, path)
	_, err := boltstore.Open(path)
	require.ErrorIs(t, err, boltstore.ErrLocked)
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, "DATA_DIR")
}

func TestNotADatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	require.NoError(t, os.WriteFile(path, []byte("not a database, but long enough to look like one"), 0o600))
	_, err := boltstore.Open(path)
	require.ErrorContains(t, err, path)
}

func TestClosedStore(t *testing.T) {
	s, err := boltstore.Open(filepath.Join(t.TempDir(), "state.db"))
	require.NoError(t, err)
	term := lead(t, s, "a")
	require.NoError(t, s.Close())
	_, err = s.Load(context.Background(), term)
	require.Error(t, err)
	require.NotErrorIs(t, err, messages.ErrFenced)
	require.NoError(t, s.Close(), "closing twice")
}

// edit changes the file as no Store would.
func edit(t *testing.T, path, bucket, key string, value []byte) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(bucket)).Put([]byte(key), value)
	}))
	require.NoError(t, db.Close())
}

func TestUnreadableRecordIsNamed(t *testing.T) {
	for _, c := range []struct{ bucket, key, value string }{
		{"chunks", "7/12", "\x09"}, {"chunks", "x", ""}, {"files", "7", "{"}, {"workers", "w", "[]"}, {"offsets", "t/1", "one"},
	} {
		t.Run(c.bucket, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.db")
			made, err := boltstore.Open(path)
			require.NoError(t, err)
			require.NoError(t, made.Close())
			edit(t, path, c.bucket, c.key, []byte(c.value))
			s := open(t, path)
			_, err = s.Load(context.Background(), lead(t, s, "a"))
			require.ErrorIs(t, err, messages.ErrBadRecord)
			require.ErrorContains(t, err, c.bucket)
			require.ErrorContains(t, err, c.key)
		})
	}
}

func TestUnknownLayoutIsRefused(t *testing.T) {
	for _, record := range []string{`{"format":2}`, `{`} {
		path := filepath.Join(t.TempDir(), "state.db")
		made, err := boltstore.Open(path)
		require.NoError(t, err)
		require.NoError(t, made.Close())
		edit(t, path, "head", "head", []byte(record))
		_, err = boltstore.Open(path)
		require.ErrorIs(t, err, messages.ErrBadRecord)
	}
}
