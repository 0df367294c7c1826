package logstore

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func reopen(t *testing.T, dir string, logged io.Writer) (*Store, error) {
	t.Helper()
	return Open(Config{Dir: dir, Sync: SyncAlways, Logger: slog.New(slog.NewTextHandler(logged, nil))})
}

func mustLead(t *testing.T, s *Store) messages.Term {
	t.Helper()
	got, err := s.Acquire(context.Background(), messages.Claim{Holder: fmt.Sprint(s.state.head.term.Number)}, time.Second)
	require.NoError(t, err)
	return got.Term
}

func batch(n int) messages.Batch {
	text := fmt.Sprint(n)
	return messages.Batch{Number: uint64(n), ID: text, Values: []messages.Value{{Name: "n", Value: text}, {Name: "of " + text, Value: text}}}
}

// commits opens a store in dir, commits batches 1 to n and leaves it as a killed
// process does.
func commits(t *testing.T, dir string, mode Sync, n int) {
	t.Helper()
	s, err := Open(Config{Dir: dir, Sync: mode, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	term := mustLead(t, s)
	for i := range n {
		require.NoError(t, s.Commit(t.Context(), term, batch(i+1)))
	}
	kill(t, s)
}

// kill releases only what the end of a process releases.
func kill(t *testing.T, s *Store) {
	t.Helper()
	close(s.ended)
	s.loop.Wait()
	require.NoError(t, s.out.file.Close())
	require.NoError(t, s.lock.Unlock())
}

// copyOf copies the folder of a store that was killed.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	require.NoError(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}

func logOf(t *testing.T, dir string) string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, logName+"*"))
	require.NoError(t, err)
	require.Len(t, list, 1)
	return list[0]
}

// number returns the number of batches in the folder, and checks that each is there as a
// whole.
func number(t *testing.T, dir string) int {
	t.Helper()
	s, err := reopen(t, dir, io.Discard)
	require.NoError(t, err)
	snap, err := s.Load(t.Context(), mustLead(t, s))
	require.NoError(t, err)
	n := int(snap.Number)
	require.Len(t, snap.Values, min(n, 1)+n)
	if n > 0 {
		require.Equal(t, fmt.Sprint(n), snap.Values["n"])
	}
	require.NoError(t, s.Commit(t.Context(), mustLead(t, s), batch(n+1)), "the store still works")
	require.NoError(t, s.Close())
	return n
}

func TestKilledProcessLosesNothing(t *testing.T) {
	for _, mode := range []Sync{SyncAlways, SyncEverySecond} {
		dir := t.TempDir()
		commits(t, dir, mode, 100)
		require.Equal(t, 100, number(t, dir))
	}
}

// TestTornEnd cuts the log at each byte of its last records. Complete batches stay, and
// the store can be used.
func TestTornEnd(t *testing.T) {
	dir := t.TempDir()
	commits(t, dir, SyncEverySecond, 3)
	content, err := os.ReadFile(logOf(t, dir))
	require.NoError(t, err)
	last := 3
	for size := len(content); last > 0; size-- {
		torn := copyOf(t, dir)
		require.NoError(t, os.Truncate(logOf(t, torn), int64(size)))
		n := number(t, torn)
		require.LessOrEqual(t, n, last, "cut at %d", size)
		require.GreaterOrEqual(t, n, last-1, "cut at %d", size)
		last = n
	}
	torn := copyOf(t, dir)
	require.NoError(t, os.Truncate(logOf(t, torn), int64(headerSize)))
	_, err = reopen(t, torn, io.Discard)
	require.ErrorIs(t, err, messages.ErrBadRecord, "the record of the term was on disk")
}

// TestTornEndOfZeros has zeros in place of the lost records, as left by file systems that
// write the size of a file before its content.
func TestTornEndOfZeros(t *testing.T) {
	dir := t.TempDir()
	commits(t, dir, SyncEverySecond, 3)
	f, err := os.OpenFile(logOf(t, dir), os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = f.Write(make([]byte, 100_000))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.Equal(t, 3, number(t, dir))
}

func TestTornEndIsLogged(t *testing.T) {
	dir := t.TempDir()
	commits(t, dir, SyncEverySecond, 3)
	info, err := os.Stat(logOf(t, dir))
	require.NoError(t, err)
	require.NoError(t, os.Truncate(logOf(t, dir), info.Size()-1))
	var logged bytes.Buffer
	s, err := reopen(t, dir, &logged)
	require.NoError(t, err)
	require.Contains(t, logged.String(), "WARN")
	require.NoError(t, s.Close())
}

// TestDamageIsRefused changes each byte of a log whose records are known to be on disk,
// and of its snapshot. Damage is never skipped.
func TestDamageIsRefused(t *testing.T) {
	dir := t.TempDir()
	commits(t, dir, SyncAlways, 3)
	s, err := reopen(t, dir, io.Discard) // the commits are in a snapshot now
	require.NoError(t, err)
	term := mustLead(t, s)
	for n := 4; n <= 6; n++ {
		require.NoError(t, s.Commit(t.Context(), term, batch(n)))
	}
	require.NoError(t, s.Close())
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		require.NoError(t, err)
		for at := range content {
			damaged := bytes.Clone(content)
			damaged[at] ^= 0x10
			other := copyOf(t, dir)
			require.NoError(t, os.WriteFile(filepath.Join(other, f.Name()), damaged, 0o600))
			s, err := reopen(t, other, io.Discard)
			if err == nil {
				require.NoError(t, s.Close())
			}
			require.ErrorIs(t, err, messages.ErrBadRecord, "%s, byte %d", f.Name(), at)
			require.ErrorContains(t, err, f.Name())
		}
	}
}

func TestMissingSnapshotRecordIsRefused(t *testing.T) {
	dir := t.TempDir()
	commits(t, dir, SyncAlways, 1)
	list, err := filepath.Glob(filepath.Join(dir, snapshotName+"*"))
	require.NoError(t, err)
	info, err := os.Stat(list[0])
	require.NoError(t, err)
	for size := range info.Size() {
		other := copyOf(t, dir)
		require.NoError(t, os.Truncate(filepath.Join(other, filepath.Base(list[0])), size))
		_, err := reopen(t, other, io.Discard)
		require.ErrorIs(t, err, messages.ErrBadRecord, "cut at %d", size)
	}
}

// TestBrokenLogIsReplaced lets an append fail. The commit returns an error and has no
// effect, and succeeds in a new generation when it is repeated.
func TestBrokenLogIsReplaced(t *testing.T) {
	dir := t.TempDir()
	s, err := reopen(t, dir, io.Discard)
	require.NoError(t, err)
	term := mustLead(t, s)
	require.NoError(t, s.Commit(t.Context(), term, batch(1)))
	require.NoError(t, s.out.file.Close())
	require.Error(t, s.Commit(t.Context(), term, batch(2)))
	require.NoError(t, s.Commit(t.Context(), term, batch(2)))
	require.NoError(t, s.Close())
	require.Equal(t, 2, number(t, dir))
}

// TestStopWithABrokenLog closes a store whose log failed. The whole state is written to a
// snapshot.
func TestStopWithABrokenLog(t *testing.T) {
	dir := t.TempDir()
	s, err := reopen(t, dir, io.Discard)
	require.NoError(t, err)
	require.NoError(t, s.Commit(t.Context(), mustLead(t, s), batch(1)))
	require.NoError(t, s.out.file.Close())
	require.Error(t, s.out.sync(s.out.last+1))
	require.ErrorIs(t, s.out.sync(s.out.last+1), errBroken, "a later sync proves nothing")
	require.NoError(t, s.Close())
	require.Equal(t, 1, number(t, dir))
}

// TestCrashWhileAGenerationBegins leaves the files of each step in which a crash may
// happen.
func TestCrashWhileAGenerationBegins(t *testing.T) {
	dir := t.TempDir()
	commits(t, dir, SyncAlways, 3)
	list, err := filepath.Glob(filepath.Join(dir, snapshotName+"*"))
	require.NoError(t, err)
	s := &Store{dir: dir, generation: 1}
	for name, leave := range map[string]func(dir string){
		"an empty log": func(dir string) { require.NoError(t, os.WriteFile(filepath.Join(dir, logName+"2"), nil, 0o600)) },
		"half a snapshot": func(dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, unfinished+"2123"), []byte("half"), 0o600))
		},
		"a damaged log": func(dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, logName+"2"), []byte("garbage"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, s.snapshotPath(1), list[0])
			other := copyOf(t, dir)
			leave(other)
			require.Equal(t, 3, number(t, other))
			files, err := os.ReadDir(other)
			require.NoError(t, err)
			require.Len(t, files, 3, "a snapshot, a log, the lock")
		})
	}
}
