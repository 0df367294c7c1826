package catalog

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// folder drives a catalog with a clock of its own.
type folder struct {
	t   *testing.T
	c   *Catalog
	now time.Time
}

func newFolder(t *testing.T, settle time.Duration) *folder {
	return &folder{t: t, c: New(settle, nil, 1), now: time.Unix(1e9, 0)}
}

func info(path string, size int64, at time.Time) messages.FileInfo {
	return messages.FileInfo{Path: path, Size: size, ModTime: at}
}

func (f *folder) list(after time.Duration, files ...messages.FileInfo) Changes {
	f.now = f.now.Add(after)
	return f.c.List(files, f.now)
}

// admitOne answers the one fingerprint that w asks for, and admits.
func (f *folder) admitOne(w Changes, sum uint64) []messages.File {
	f.t.Helper()
	require.Len(f.t, w.Fingerprint, 1)
	f.fingerprint(w.Fingerprint[0], sum)
	return f.c.Admit(f.now)
}

func (f *folder) fingerprint(x messages.FileInfo, sum uint64) (touched, rewritten messages.FileID) {
	return f.c.SetFingerprint(Fingerprint{File: x, Sum: sum}, f.now)
}

// takeSettled lists the file until it has settled, and admits it.
func (f *folder) takeSettled(x messages.FileInfo, sum uint64) messages.FileID {
	f.t.Helper()
	f.list(0, x)
	return f.admitOne(f.list(f.c.settle, x), sum)[0].ID
}

func TestCatalogSettles(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 3*time.Second)
	fresh := info("a.txt", 10, f.now)
	w := f.list(0, fresh)
	require.Empty(t, w.Fingerprint)
	require.Equal(t, 1, w.Settling)
	require.EqualValues(t, 10, w.SettlingBytes)
	grown := info("a.txt", 20, f.now)
	require.Empty(t, f.list(2*time.Second, grown).Fingerprint, "it grew, so its time begins again")
	require.Empty(t, f.list(2*time.Second, grown).Fingerprint)
	got := f.admitOne(f.list(2*time.Second, grown), 7)
	require.Len(t, got, 1)
	require.Equal(t, 1, got[0].Generation)
	require.Equal(t, grown, got[0].Info)
	require.Empty(t, f.list(time.Second, grown).Fingerprint, "known now")
}

func TestCatalogTakesFilesAtOnceWithoutSettle(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 0)
	require.Len(t, f.admitOne(f.list(0, info("a.txt", 10, f.now)), 7), 1, "SETTLE=0 needs one poll")
}

// TestCatalogOldTimesProveNothing has the clock of the machine that writes be behind.
func TestCatalogOldTimesProveNothing(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 3*time.Second)
	var x messages.FileInfo
	for n := range int64(40) {
		x = info("a.txt", n+1, f.now.Add(-time.Hour))
		require.Empty(t, f.list(time.Second, x).Fingerprint, "it grows")
	}
	require.Empty(t, f.list(2*time.Second, x).Fingerprint)
	require.Len(t, f.admitOne(f.list(time.Second, x), 7), 1)
}

// TestCatalogWaitsForNULs has a file whose end is not copied yet.
func TestCatalogWaitsForNULs(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 3*time.Second)
	x := info("a.txt", 10, f.now)
	nuls := func(after time.Duration) (int, []string) {
		w := f.list(after, x)
		require.Len(t, w.Fingerprint, 1)
		f.c.SetFingerprint(Fingerprint{File: x, Sum: 7, NULs: true}, f.now)
		return len(f.c.Admit(f.now)), w.NULs
	}
	f.list(0, x)
	for after := 3 * time.Second; f.now.Add(after).Before(x.ModTime.Add(NULWait)); after = 2 * time.Second {
		n, _ := nuls(after)
		require.Zero(t, n)
	}
	n, reported := nuls(2 * time.Second)
	require.Equal(t, 1, n, "it really ends in NUL bytes")
	require.Equal(t, []string{"a.txt"}, reported)

	f = newFolder(t, 3*time.Second)
	f.list(0, x)
	nuls(3 * time.Second)
	x = info("a.txt", 10, f.now) // its data arrived
	f.list(time.Second, x)
	require.Len(t, f.admitOne(f.list(3*time.Second, x), 8), 1)
	require.Empty(t, f.list(time.Second, x).NULs)
}

func TestCatalogTouchedIsTheSameVersion(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 3*time.Second)
	old := info("a.txt", 10, f.now.Add(-time.Hour))
	id := f.takeSettled(old, 7)
	touched := info("a.txt", 10, f.now)
	w := f.list(time.Second, touched)
	require.Zero(t, w.SettlingBytes, "they are done already, most likely")
	require.Len(t, w.Fingerprint, 1)
	same, rewritten := f.fingerprint(touched, 7)
	require.Equal(t, id, same)
	require.Zero(t, rewritten)
	require.Empty(t, f.list(time.Second, touched).Fingerprint)
}

// TestCatalogRewrittenInPlace has an ended file overwritten without a change of its size.
func TestCatalogRewrittenInPlace(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 3*time.Second)
	id := f.takeSettled(info("a.txt", 10, f.now), 7)
	f.c.End(id)
	var x messages.FileInfo
	for sum := range uint64(20) {
		x = info("a.txt", 10, f.now)
		require.Empty(t, f.admitOne(f.list(time.Second, x), 100+sum), "its time keeps changing")
	}
	require.Empty(t, f.list(2*time.Second, x).Fingerprint)
	got := f.admitOne(f.list(time.Second, x), 200)
	require.Len(t, got, 1)
	require.EqualValues(t, 200, got[0].Fingerprint)
}

func TestCatalogRewritten(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 0)
	id := f.admitOne(f.list(0, info("a.txt", 10, f.now.Add(-time.Hour))), 7)[0].ID
	other := info("a.txt", 10, f.now)
	w := f.list(time.Second, other)
	require.Len(t, w.Fingerprint, 1)
	_, rewritten := f.fingerprint(other, 8)
	require.Equal(t, id, rewritten)
	require.Empty(t, f.c.Admit(f.now), "the former version is still in work")
	f.c.End(id)
	next := f.c.Admit(f.now)
	require.Len(t, next, 1)
	require.Equal(t, 2, next[0].Generation)
}

func TestCatalogOtherSizeInWorkIsChanged(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 3*time.Second)
	id := f.takeSettled(info("a.txt", 10, f.now.Add(-time.Hour)), 7)
	w := f.list(time.Second, info("a.txt", 5, f.now))
	require.Equal(t, []messages.FileID{id}, w.Resized)
}

func TestCatalogGoneAndBackIsANewGeneration(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 0)
	old := info("a.txt", 10, f.now.Add(-time.Hour))
	id := f.admitOne(f.list(0, old), 7)[0].ID
	f.c.End(id)
	w := f.list(time.Second)
	require.Equal(t, []messages.FileID{id}, w.Left)
	require.Empty(t, w.Gone, "its work had ended")
	back := f.admitOne(f.list(time.Second, old), 7)
	require.Len(t, back, 1)
	require.Equal(t, 2, back[0].Generation)
}

func TestCatalogDeletedInWork(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 0)
	id := f.admitOne(f.list(0, info("a.txt", 10, f.now)), 7)[0].ID
	other := info("b.txt", 10, f.now)
	require.Equal(t, []messages.FileID{id}, f.list(time.Second, other).Gone)
	require.Empty(t, f.list(time.Second, other).Gone, "reported once")
}

// TestCatalogHoldsAnEmptyFolder has the folder look empty, as a share that is not mounted
// does.
func TestCatalogHoldsAnEmptyFolder(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 0)
	require.Equal(t, Changes{}, f.list(0), "nothing is in work")
	x := info("a.txt", 10, f.now)
	id := f.admitOne(f.list(0, x), 7)[0].ID
	require.Equal(t, Changes{Empty: true, Held: true}, f.list(time.Second))
	require.Equal(t, Changes{}, f.list(EmptyFor-time.Second, x), "it is back")
	require.True(t, f.c.Intact(id))
	require.True(t, f.list(time.Second).Held)
	require.True(t, f.list(EmptyFor-1).Held)
	w := f.list(1)
	require.Equal(t, []messages.FileID{id}, w.Gone)
	require.True(t, w.Empty)
	require.False(t, w.Held)
}

func TestCatalogNamesTheVersionOfAFile(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 0)
	x := info("a.txt", 10, f.now)
	require.Zero(t, f.c.Version(x))
	w := f.list(0, x)
	require.Zero(t, f.c.Version(x), "it is not taken yet")
	id := f.admitOne(w, 7)[0].ID
	require.Equal(t, id, f.c.Version(x))
	require.Zero(t, f.c.Version(info("a.txt", 11, f.now)))
	f.c.End(id)
	f.list(time.Second)
	require.Zero(t, f.c.Version(x), "it left")
}

func TestCatalogForgets(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 0)
	id := f.admitOne(f.list(0, info("a.txt", 10, f.now)), 7)[0].ID
	f.c.End(id)
	require.Empty(t, f.list(time.Second).Forgotten)
	require.Empty(t, f.list(rememberFor).Forgotten)
	require.Equal(t, []messages.FileID{id}, f.list(2*time.Second).Forgotten)
	require.Empty(t, f.c.paths)
}

func TestCatalogAdmitsSixteenOldestFirst(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 0)
	var files []messages.FileInfo
	for i := range 20 {
		files = append(files, info(string(rune('a'+i))+".txt", SmallFile+1, f.now.Add(-time.Duration(i)*time.Minute)))
	}
	for _, x := range f.list(0, files...).Fingerprint {
		f.fingerprint(x, 1)
	}
	got := f.c.Admit(f.now)
	require.Len(t, got, MaxInWork)
	require.Equal(t, "t.txt", got[0].Info.Path)
	require.Empty(t, f.c.Admit(f.now))
	f.c.End(got[3].ID)
	require.Len(t, f.c.Admit(f.now), 1)
}

func TestCatalogAdmitsMoreSmallFiles(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 0)
	files := []messages.FileInfo{info("large.txt", SmallFile+1, f.now.Add(-time.Hour))}
	for i := range 2 * MaxInWork * SmallPerPlace {
		files = append(files, info(fmt.Sprintf("%03d.txt", i), SmallFile, f.now))
	}
	for _, x := range f.list(0, files...).Fingerprint {
		f.fingerprint(x, 1)
	}
	got := f.c.Admit(f.now)
	require.Len(t, got, 1+(MaxInWork-1)*SmallPerPlace)
	require.Equal(t, "large.txt", got[0].Info.Path)
	f.c.End(got[1].ID)
	require.Len(t, f.c.Admit(f.now), 1)
	f.c.Park(got[0].ID)
	require.Len(t, f.c.Admit(f.now), SmallPerPlace)
	f.c.Resume(got[0].ID)
	require.Empty(t, f.c.Admit(f.now))
}

func TestCatalogAsksAgainAfterAFailedFingerprint(t *testing.T) {
	t.Parallel()
	f := newFolder(t, 0)
	x := info("a.txt", 1, f.now)
	require.Len(t, f.list(0, x).Fingerprint, 1)
	f.c.SetFingerprint(Fingerprint{File: x, Err: errors.New("away")}, f.now)
	require.Len(t, f.list(time.Second, x).Fingerprint, 1)
}

func TestCatalogRestores(t *testing.T) {
	t.Parallel()
	at := time.Unix(1e9, 0)
	stored := []*messages.File{
		{ID: 3, Info: info("a.txt", 5, at), Generation: 1, Ended: at},
		{ID: 7, Info: info("a.txt", 6, at), Generation: 2},
	}
	c := New(3*time.Second, stored, 2)
	w := c.List([]messages.FileInfo{info("a.txt", 6, at)}, at)
	require.Zero(t, w.Settling, "a stored file does not settle again")
	require.Empty(t, w.Fingerprint)
	require.Equal(t, 1, c.work.from(-10), "a small file")
	require.Equal(t, messages.FileID(8), c.next)
}
