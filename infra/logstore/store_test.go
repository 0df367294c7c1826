package logstore_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"kafka-master/infra/infratest"
	"kafka-master/infra/logstore"
	"kafka-master/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func config(dir string, sync logstore.Sync) logstore.Config {
	return logstore.Config{Dir: dir, Sync: sync, Logger: slog.New(slog.DiscardHandler)}
}

func open(t testing.TB, cfg logstore.Config) *logstore.Store {
	t.Helper()
	s, err := logstore.Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestStore(t *testing.T) {
	for name, mode := range map[string]logstore.Sync{"every second": logstore.SyncEverySecond, "always": logstore.SyncAlways} {
		t.Run(name, func(t *testing.T) {
			infratest.ExerciseStore(t, func(t *testing.T) infratest.Store {
				return open(t, config(filepath.Join(t.TempDir(), "data", "state"), mode))
			})
		})
	}
}

func BenchmarkStore(b *testing.B) {
	for name, mode := range map[string]logstore.Sync{"every second": logstore.SyncEverySecond, "always": logstore.SyncAlways} {
		b.Run(name, func(b *testing.B) {
			infratest.BenchmarkStore(b, func(b *testing.B) infratest.Store { return open(b, config(b.TempDir(), mode)) })
		})
	}
}

func BenchmarkLoad100k(b *testing.B) {
	s := open(b, config(b.TempDir(), logstore.SyncEverySecond))
	term := infratest.FillChunks(b, s, 100_000)
	for b.Loop() {
		_, err := s.Load(context.Background(), term)
		require.NoError(b, err)
	}
}

func lead(t testing.TB, s *logstore.Store, holder string) messages.Term {
	t.Helper()
	got, err := s.Acquire(context.Background(), messages.Claim{Holder: holder}, time.Second)
	require.NoError(t, err)
	require.True(t, got.Taken)
	return got.Term
}

// value returns a batch that sets the value "n".
func value(number uint64, text string) messages.Batch {
	return messages.Batch{Number: number, ID: text, Values: []messages.Value{{Name: "n", Value: text}}}
}

func TestStateOutlivesTheProcess(t *testing.T) {
	cfg := config(t.TempDir(), logstore.SyncEverySecond)
	first, err := logstore.Open(cfg)
	require.NoError(t, err)
	term := lead(t, first, "a")
	require.NoError(t, first.Commit(t.Context(), term, value(1, "x")))
	require.NoError(t, first.Close())

	second := open(t, cfg)
	next := lead(t, second, "b")
	require.Equal(t, term.Number+1, next.Number)
	snap, err := second.Load(t.Context(), next)
	require.NoError(t, err)
	require.Equal(t, "x", snap.Values["n"])
	require.NoError(t, second.Commit(t.Context(), next, value(1, "x")), "the repeat of a batch whose answer was lost")
	require.ErrorIs(t, second.Commit(t.Context(), term, value(2, "y")), messages.ErrFenced)
}

func TestFolderIsLockedAndPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := open(t, config(dir, logstore.SyncAlways))
	_, err := logstore.Open(config(dir, logstore.SyncAlways))
	require.ErrorIs(t, err, logstore.ErrLocked)
	require.ErrorContains(t, err, dir)
	require.NoError(t, s.Commit(t.Context(), lead(t, s, "a"), value(1, "x")))
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), f.Name())
	}
}

func TestClosedStore(t *testing.T) {
	s := open(t, config(t.TempDir(), logstore.SyncAlways))
	term := lead(t, s, "a")
	require.NoError(t, s.Close())
	_, err := s.Load(t.Context(), term)
	require.Error(t, err)
	require.NotErrorIs(t, err, messages.ErrFenced)
	require.NoError(t, s.Close(), "closing twice")
}

// TestLogIsReplacedBySnapshots commits more than a log may hold. One generation remains,
// and nothing is lost.
func TestLogIsReplacedBySnapshots(t *testing.T) {
	cfg := config(t.TempDir(), logstore.SyncEverySecond)
	s, err := logstore.Open(cfg)
	require.NoError(t, err)
	term := lead(t, s, "a")
	text := string(make([]byte, 1<<20))
	for n := range uint64(20) {
		b := value(n+1, "last")
		b.Values = append(b.Values, messages.Value{Name: "large", Value: text})
		require.NoError(t, s.Commit(t.Context(), term, b))
	}
	require.NoError(t, s.Close())
	var size int64
	files, err := os.ReadDir(cfg.Dir)
	require.NoError(t, err)
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		size += info.Size()
	}
	require.Len(t, files, 3, "a snapshot, a log, the lock")
	require.Less(t, size, int64(12<<20))
	s = open(t, cfg)
	snap, err := s.Load(t.Context(), lead(t, s, "b"))
	require.NoError(t, err)
	require.Equal(t, uint64(20), snap.Number)
	require.Equal(t, text, snap.Values["large"])
}

// TestFormerFileIsImported reads a bbolt file of an earlier version.
func TestFormerFileIsImported(t *testing.T) {
	dir := t.TempDir()
	cfg := config(filepath.Join(dir, "state"), logstore.SyncAlways)
	cfg.Former = filepath.Join(dir, "state.db")
	writeFormer(t, cfg.Former, map[string]any{"format": 1, "term": 7, "holder": "old", "number": 41, "batch": "b41"})

	s, err := logstore.Open(cfg)
	require.NoError(t, err)
	term := lead(t, s, "a")
	require.Equal(t, uint64(8), term.Number)
	require.NoError(t, s.Commit(t.Context(), term, messages.Batch{Number: 41, ID: "b41"}), "its last batch is known")
	snap, err := s.Load(t.Context(), term)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"n": "former"}, snap.Values)
	list, err := s.Journal(t.Context(), 3, 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.NoError(t, s.Commit(t.Context(), term, value(42, "new")))
	require.NoError(t, s.Close())

	s = open(t, cfg)
	snap, err = s.Load(t.Context(), lead(t, s, "b"))
	require.NoError(t, err)
	require.Equal(t, "new", snap.Values["n"], "the former file is read once")
	require.NoFileExists(t, cfg.Former)
	require.FileExists(t, cfg.Former+".moved")
	require.NoError(t, s.Close())

	writeFormer(t, cfg.Former, map[string]any{"format": 1, "term": 1, "holder": "old", "number": 3, "batch": "b3"})
	_, err = logstore.Open(cfg)
	require.ErrorContains(t, err, cfg.Former, "an earlier version ran again: two states")
}

func TestFormerFileThatCannotBeRead(t *testing.T) {
	for name, write := range map[string]func(path string){
		"unknown layout": func(path string) { writeFormer(t, path, map[string]any{"format": 2}) },
		"no database": func(path string) {
			require.NoError(t, os.WriteFile(path, []byte("not a database, but long enough to look like one"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			cfg := config(filepath.Join(dir, "state"), logstore.SyncAlways)
			cfg.Former = filepath.Join(dir, "state.db")
			write(cfg.Former)
			_, err := logstore.Open(cfg)
			require.ErrorContains(t, err, cfg.Former)
		})
	}
}

func writeFormer(t *testing.T, path string, head map[string]any) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bolt.Tx) error {
		record, err := json.Marshal(head)
		require.NoError(t, err)
		for bucket, entry := range map[string][2]string{
			"head":    {"head", string(record)},
			"values":  {"n", "former"},
			"journal": {"\x00\x00\x00\x00\x00\x00\x00\x01", string(messages.Attempt{Chunk: messages.ChunkID{File: 3}, Number: 1, Outcome: "done"}.EncodeRecord())},
		} {
			b, err := tx.CreateBucket([]byte(bucket))
			require.NoError(t, err)
			require.NoError(t, b.Put([]byte(entry[0]), []byte(entry[1])))
		}
		return nil
	}))
	require.NoError(t, db.Close())
}
