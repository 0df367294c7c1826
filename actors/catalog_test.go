package actors

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// folder drives a catalog by a clock of its own.
type folder struct {
	t   *testing.T
	c   *catalog
	now time.Time
}

func newFolder(t *testing.T, settle time.Duration) *folder {
	return &folder{t: t, c: newCatalog(settle, nil, 1), now: time.Unix(1e9, 0)}
}

func info(path string, size int64, at time.Time) messages.FileInfo {
	return messages.FileInfo{Path: path, Size: size, ModTime: at}
}

func (f *folder) list(after time.Duration, files ...messages.FileInfo) catalogWork {
	f.now = f.now.Add(after)
	return f.c.list(files, f.now)
}

// take lets the one fingerprint that w asks for be sum, and admits.
func (f *folder) take(w catalogWork, sum uint64) []messages.File {
	f.t.Helper()
	require.Len(f.t, w.fingerprint, 1)
	f.c.print(w.fingerprint[0], sum, nil)
	return f.c.admit(f.now)
}

func TestCatalogSettles(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 3*time.Second)
	fresh := info("a.txt", 10, f.now)
	w := f.list(0, fresh)
	require.Empty(t, w.fingerprint)
	require.Equal(t, 1, w.settling)
	grown := info("a.txt", 20, f.now)
	require.Empty(t, f.list(2*time.Second, grown).fingerprint, "it grew: it begins anew")
	require.Empty(t, f.list(2*time.Second, grown).fingerprint)
	got := f.take(f.list(2*time.Second, grown), 7)
	require.Len(t, got, 1)
	require.Equal(t, 1, got[0].Generation)
	require.Equal(t, grown, got[0].Info)
	require.Empty(t, f.list(time.Second, grown).fingerprint, "known now")
}

func TestCatalogTakesOldFilesAtOnce(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 3*time.Second)
	require.Len(t, f.take(f.list(0, info("a.txt", 10, f.now.Add(-oldEnough))), 7), 1)
	f = newFolder(t, 0)
	require.Len(t, f.take(f.list(0, info("a.txt", 10, f.now)), 7), 1, "SETTLE=0 needs one poll")
}

func TestCatalogTouchedIsTheSameVersion(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 3*time.Second)
	old := info("a.txt", 10, f.now.Add(-time.Hour))
	id := f.take(f.list(0, old), 7)[0].ID
	touched := info("a.txt", 10, f.now)
	w := f.list(time.Second, touched)
	require.Len(t, w.fingerprint, 1)
	same, rewritten := f.c.print(touched, 7, nil)
	require.Equal(t, id, same)
	require.Zero(t, rewritten)
	require.Empty(t, f.list(time.Second, touched).fingerprint)
}

func TestCatalogRewritten(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 0)
	id := f.take(f.list(0, info("a.txt", 10, f.now.Add(-time.Hour))), 7)[0].ID
	other := info("a.txt", 10, f.now)
	w := f.list(time.Second, other)
	require.Len(t, w.fingerprint, 1)
	_, rewritten := f.c.print(other, 8, nil)
	require.Equal(t, id, rewritten)
	require.Empty(t, f.c.admit(f.now), "the former version is still in work")
	f.c.end(id)
	next := f.c.admit(f.now)
	require.Len(t, next, 1)
	require.Equal(t, 2, next[0].Generation)
}

func TestCatalogOtherSizeInWorkIsChanged(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 3*time.Second)
	id := f.take(f.list(0, info("a.txt", 10, f.now.Add(-time.Hour))), 7)[0].ID
	w := f.list(time.Second, info("a.txt", 5, f.now))
	require.Equal(t, []messages.FileID{id}, w.changed)
}

func TestCatalogGoneAndBackIsANewGeneration(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 0)
	old := info("a.txt", 10, f.now.Add(-time.Hour))
	id := f.take(f.list(0, old), 7)[0].ID
	f.c.end(id)
	w := f.list(time.Second)
	require.Equal(t, []messages.FileID{id}, w.left)
	require.Empty(t, w.gone, "its work had ended")
	back := f.take(f.list(time.Second, old), 7)
	require.Len(t, back, 1)
	require.Equal(t, 2, back[0].Generation)
}

func TestCatalogDeletedInWork(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 0)
	id := f.take(f.list(0, info("a.txt", 10, f.now)), 7)[0].ID
	w := f.list(time.Second)
	require.Equal(t, []messages.FileID{id}, w.gone)
	require.Empty(t, f.list(time.Second).gone, "said once")
}

func TestCatalogForgets(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 0)
	id := f.take(f.list(0, info("a.txt", 10, f.now)), 7)[0].ID
	f.c.end(id)
	require.Empty(t, f.list(time.Second).forget)
	require.Empty(t, f.list(rememberFor).forget)
	require.Equal(t, []messages.FileID{id}, f.list(2*time.Second).forget)
	require.Empty(t, f.c.paths)
}

func TestCatalogAdmitsSixteenOldestFirst(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 0)
	var files []messages.FileInfo
	for i := range 20 {
		files = append(files, info(string(rune('a'+i))+".txt", 1, f.now.Add(-time.Duration(i)*time.Minute)))
	}
	for _, x := range f.list(0, files...).fingerprint {
		f.c.print(x, 1, nil)
	}
	got := f.c.admit(f.now)
	require.Len(t, got, maxInWork)
	require.Equal(t, "t.txt", got[0].Info.Path)
	require.Empty(t, f.c.admit(f.now))
	f.c.end(got[3].ID)
	require.Len(t, f.c.admit(f.now), 1)
}

func TestCatalogAsksAgainAfterAFailedFingerprint(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 0)
	x := info("a.txt", 1, f.now)
	require.Len(t, f.list(0, x).fingerprint, 1)
	f.c.print(x, 0, errors.New("away"))
	require.Len(t, f.list(time.Second, x).fingerprint, 1)
}

func TestCatalogRestores(t *testing.T) {
	t.Parallel()
	at := time.Unix(1e9, 0)
	stored := []messages.File{
		{ID: 3, Info: info("a.txt", 5, at), Generation: 1, Ended: at},
		{ID: 7, Info: info("a.txt", 6, at), Generation: 2},
	}
	c := newCatalog(3*time.Second, stored, 2)
	w := c.list([]messages.FileInfo{info("a.txt", 6, at)}, at)
	require.Zero(t, w.settling, "a file that the store knows never settles again")
	require.Empty(t, w.fingerprint)
	require.Equal(t, 1, c.work)
	require.Equal(t, messages.FileID(8), c.next)
}
